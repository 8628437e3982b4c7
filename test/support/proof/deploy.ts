/** The application of these tests in a cluster: its code comes as a ConfigMap, its image is Node and nothing else. */

import { build } from 'esbuild';
import type { Cluster } from '../../cluster/cluster.ts';
import { ensureNodeBase, NODE_BASE_IMAGE } from '../../cluster/images.ts';
import type { WorkloadOptions } from '../stage.ts';

export const CODE = 'code';

const NODE_IMAGE =
  process.env['CLUSTER'] === 'current' ? (process.env['NODE_IMAGE'] ?? 'docker.io/library/node:24') : NODE_BASE_IMAGE;

/** The content of the ConfigMap `code`. */
export const applicationCode = async (): Promise<Readonly<Record<string, string>>> => {
  const { outputFiles } = await build({
    entryPoints: [`${import.meta.dirname}/application/main.ts`],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minifyWhitespace: true,
    write: false,
  });
  return { 'application.mjs': outputFiles[0]?.text ?? '' };
};

export const importNode = async (cluster: Cluster): Promise<void> => {
  if (cluster.name === 'current') return;
  await cluster.importImage(
    (
      await ensureNodeBase((line) => {
        console.error(line);
      })
    ).archive,
  );
};

export interface ApplicationOptions {
  readonly name?: string;
  readonly replicas?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly hostNetwork?: boolean;
  /** Of a Secret that is mounted at /etc/key. */
  readonly key?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The template of its pods. */
export const applicationTemplate = (options: ApplicationOptions = {}): object => {
  const { name = 'web', env = {}, port = 8080, hostNetwork = false, key, labels = {} } = options;
  const volume = (volumeName: string, path: string): object => ({ name: volumeName, mountPath: path });
  return {
    metadata: { labels: { app: name, ...labels } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(hostNetwork && { hostNetwork }),
      containers: [
        {
          name: 'main',
          image: NODE_IMAGE,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '/code/application.mjs'],
          env: Object.entries({ ...env, PORT: String(port) }).map(([variable, value]) => ({ name: variable, value })),
          ports: [{ name: 'http', containerPort: port }],
          readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
          volumeMounts: [
            volume('config', '/etc/app'),
            volume('code', '/code'),
            ...(key === undefined ? [] : [volume('key', '/etc/key')]),
          ],
        },
      ],
      volumes: [
        { name: 'config', configMap: { name: 'app' } },
        { name: 'code', configMap: { name: CODE } },
        ...(key === undefined ? [] : [{ name: 'key', secret: { secretName: key } }]),
      ],
    },
  };
};

/** For `stage.start`. */
export const application = (options: ApplicationOptions = {}): WorkloadOptions => {
  const { name = 'web', replicas = 1 } = options;
  return {
    name,
    replicas,
    spec: { replicas, selector: { matchLabels: { app: name } }, template: applicationTemplate(options) },
  };
};
