/**
 * The bare loop that the operator is held against: the same calls and nothing else. A metadata-only watch of
 * ConfigMaps; for each event a GET, a SHA-256, and a server-side apply of one annotation to each Deployment that reads
 * the ConfigMap by `envFrom`, eight requests at a time. It knows no policies, no records, no retries.
 *
 *   node test/bench/loop.ts KUBECONFIG NAMESPACE...      prints "ready"; ends with its standard input
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher } from 'undici';

interface KubeconfigFile {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } },
  ];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

interface Deployment {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
        }[];
      };
    };
  };
}

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

const [kubeconfig = '', ...namespaces] = process.argv.slice(2);
const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as KubeconfigFile;
const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
const headers = { authorization: `Bearer ${config.users[0].user.token}` };
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

// HTTP/1.1, or undici would have all requests under way at once over few connections.
const transport = {
  allowH2: false,
  connect: { ca: Buffer.from(ca, 'base64') },
  headersTimeout: 0,
  bodyTimeout: 0,
};
const agent = new Agent({ ...transport, connections: 8 });
const watcher = new Agent(transport);

type Call = Omit<Dispatcher.RequestOptions, 'origin' | 'headers'> & { readonly headers?: Record<string, string> };

async function request(call: Call): Promise<unknown> {
  const answer = await agent.request({ ...call, origin: server, headers: { ...headers, ...call.headers } });
  const text = await answer.body.text();
  if (answer.statusCode >= 400) throw new Error(`${call.path}: ${answer.statusCode} ${text}`);
  return JSON.parse(text);
}

async function consumersOf(namespace: string): Promise<ReadonlyMap<string, readonly Deployment[]>> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const { items } = (await request({ method: 'GET', path })) as { readonly items: readonly Deployment[] };
  const consumers = new Map<string, Deployment[]>();
  for (const deployment of items) {
    for (const { envFrom = [] } of deployment.spec.template.spec.containers) {
      for (const { configMapRef } of envFrom) {
        const key = `${namespace}/${configMapRef?.name ?? ''}`;
        consumers.set(key, [...(consumers.get(key) ?? []), deployment]);
      }
    }
  }
  return consumers;
}

const consumers = new Map((await Promise.all(namespaces.map(consumersOf))).flatMap((each) => [...each]));
let count = 0;

async function react({ metadata: { namespace, name } }: ConfigMap): Promise<void> {
  const reading = consumers.get(`${namespace}/${name}`);
  if (reading === undefined) return;
  const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
  const { data } = (await request({ method: 'GET', path })) as ConfigMap;
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('base64url').slice(0, 22);
  count += 1;
  const value = `v1.${count}.${digest}`;
  await Promise.all(reading.map((deployment) => restart(deployment, value)));
}

async function restart({ metadata: { namespace, name, uid } }: Deployment, value: string): Promise<void> {
  await request({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${namespace}/deployments/${name}?fieldManager=reload-operator&force=true`,
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace, uid },
      spec: { template: { metadata: { annotations: { 'reload-operator.dev/restart-digest': value } } } },
    }),
  });
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

const all = '/api/v1/configmaps';
const { metadata } = (await request({ method: 'GET', path: `${all}?limit=1` })) as ConfigMap;
const watch = await watcher.request({
  method: 'GET',
  origin: server,
  path: `${all}?watch=true&resourceVersion=${metadata.resourceVersion}&timeoutSeconds=3600`,
  headers: { ...headers, accept: METADATA },
});
process.stdin.on('end', () => process.exit(0)).resume();
console.log('ready');

let rest = '';
for await (const chunk of watch.body) {
  const lines = (rest + String(chunk)).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) react((JSON.parse(line) as { object: ConfigMap }).object).catch(fail);
}
fail(new Error('the watch ended'));
