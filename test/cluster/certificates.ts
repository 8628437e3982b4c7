import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runCommand } from './commands.ts';

const OPENSSL_CONFIG = `[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
`;

/** Paths of one key pair, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Pair {
  /** Makes a certificate for both server and client use, signed by this authority. */
  issue(name: string, subject: Subject): Promise<Pair>;
}

export interface Subject {
  readonly commonName: string;
  /** Kubernetes reads it as the user's group. */
  readonly organization?: string;
  /** Subject alternative names, as openssl writes them: `IP:10.96.0.1`, `DNS:localhost`. */
  readonly names?: readonly string[];
}

/** Makes a self-signed authority in `dir`. @throws when openssl fails. */
export async function createAuthority(dir: string, name: string): Promise<Authority> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const config = join(dir, 'openssl.cnf');
  writeFileSync(config, OPENSSL_CONFIG);
  const authority = pairIn(dir, name);
  await request(config, authority, ['-extensions', 'authority', '-subj', `/CN=reload-operator test ${name}`]);
  return {
    ...authority,
    issue: async (leafName, subject) => {
      const leaf = pairIn(dir, leafName);
      const organization = subject.organization === undefined ? '' : `/O=${subject.organization}`;
      const names = subject.names ? ['-addext', `subjectAltName=${subject.names.join(',')}`] : [];
      const signer = ['-CA', authority.cert, '-CAkey', authority.key];
      const args = [...signer, '-extensions', 'leaf', '-subj', `${organization}/CN=${subject.commonName}`, ...names];
      await request(config, leaf, args);
      return leaf;
    },
  };
}

function pairIn(dir: string, name: string): Pair {
  return { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
}

/** `req -x509 -CA` needs OpenSSL 3.0 (2021). */
async function request(config: string, pair: Pair, args: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', pair.key];
  await runCommand('openssl', ['req', '-x509', '-config', config, ...key, '-out', pair.cert, '-days', '3650', ...args]);
}

/** The pair that signs and checks service-account tokens. Here `cert` is the bare public key. */
export function createServiceAccountKey(dir: string): Pair {
  const pair = { cert: join(dir, 'service-account.pub'), key: join(dir, 'service-account.key') };
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(pair.key, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(pair.cert, publicKey.export({ type: 'spki', format: 'pem' }));
  return pair;
}

/** Writes a kubeconfig that holds its certificates itself, so that it may be copied elsewhere. */
export function writeKubeconfig(file: string, o: { server: string; authority: Pair; user: Pair; name: string }): void {
  const base64 = (path: string): string => readFileSync(path).toString('base64');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': o.name,
    contexts: [{ name: o.name, context: { cluster: o.name, user: o.name } }],
    clusters: [{ name: o.name, cluster: { server: o.server, 'certificate-authority-data': base64(o.authority.cert) } }],
    users: [
      {
        name: o.name,
        user: { 'client-certificate-data': base64(o.user.cert), 'client-key-data': base64(o.user.key) },
      },
    ],
  };
  writeFileSync(file, stringify(content, { lineWidth: 0 }), { mode: 0o600 });
}
