/** Workloads that use one ConfigMap and one Secret, both called `app` and with the same keys, in every way that there is. */

import type { EffectiveClass } from '../../../src/domain/classify.ts';
import { BUSYBOX } from '../images.ts';
import type { Stage } from '../stage.ts';

export type Kind = 'ConfigMap' | 'Secret';
export const KINDS: readonly Kind[] = ['ConfigMap', 'Secret'];

/** The keys, each named for how workload `named` uses it, and what that comes to. */
export const NAMED: Readonly<Record<string, EffectiveClass>> = {
  'env-var': 'Restart',
  argument: 'Restart',
  'argument-part': 'Restart',
  'variable-part': 'Restart',
  'env-optional': 'Restart',
  'env-init': 'Restart',
  'env-sidecar': 'Restart',
  'env-hidden': 'Unused',
  item: 'Hot',
  'item-optional': 'Hot',
  'item-init': 'Restart',
  'item-sidecar': 'Hot',
  'item-shared': 'Hot',
  'item-and-env': 'Restart',
  projected: 'Hot',
  'sub-path': 'Restart',
  'sub-path-folder': 'Restart',
  'sub-path-prod': 'Restart',
  'sub-path-any': 'Restart',
  nobody: 'Unused',
};
export const KEYS = Object.keys(NAMED);
/** Not there before the first change. */
export const LATE = ['env-optional', 'item-optional'];

/** Content that says which it is: `<ConfigMap item 1>`. */
export const content = (kind: Kind, key: string, round: number): string => `<${kind} ${key} ${round}>`;

const data = (kind: Kind, round: number): Readonly<Record<string, string>> =>
  Object.fromEntries(
    KEYS.filter((key) => round > 1 || !LATE.includes(key)).map((key) => [key, content(kind, key, round)]),
  );

interface Mount {
  readonly subPath?: string;
  readonly subPathExpr?: string;
  /** Where, below /mnt; the volume's name where absent. */
  readonly at?: string;
}

interface ContainerOptions {
  readonly env?: readonly object[];
  readonly envFrom?: readonly object[];
  readonly args?: readonly string[];
  /** By the volume's name. */
  readonly mounts?: Readonly<Record<string, Mount>>;
  readonly script?: string;
  readonly restartPolicy?: 'Always';
}

export const container = (
  name: string,
  { env = [], envFrom = [], args = [], mounts = {}, script = RUNS, restartPolicy }: ContainerOptions,
): object => ({
  name,
  image: BUSYBOX,
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script, 'app'],
  args,
  env,
  envFrom,
  ...(restartPolicy !== undefined && { restartPolicy }),
  volumeMounts: Object.entries(mounts).map(([volume, { at = volume, ...mount }]) => ({
    name: volume,
    mountPath: `/mnt/${at}`,
    ...mount,
  })),
});

const RUNS = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';

const variable = (kind: Kind, name: string, key: string, more: object = {}): object => ({
  name: `${kind}_${name}`,
  valueFrom: { [kind === 'ConfigMap' ? 'configMapKeyRef' : 'secretKeyRef']: { name: 'app', key, ...more } },
});
const literal = (kind: Kind, name: string, value: string): object => ({ name: `${kind}_${name}`, value });

interface Items {
  /** Key to path. */
  readonly items?: Readonly<Record<string, string>>;
  readonly optional?: boolean;
}

const projection = ({ items, optional = false }: Items): object => ({
  ...(items !== undefined && { items: Object.entries(items).map(([key, path]) => ({ key, path })) }),
  optional,
});
const volume = (kind: Kind, name: string, items: Items = {}): object => ({
  name: `${kind.toLowerCase()}-${name}`,
  ...(kind === 'ConfigMap'
    ? { configMap: { name: 'app', ...projection(items) } }
    : { secret: { secretName: 'app', ...projection(items) } }),
});
const mount = (kind: Kind, name: string, more: Mount = {}): Readonly<Record<string, Mount>> => ({
  [`${kind.toLowerCase()}-${name}`]: more,
});

/** For both kinds of source, merged. */
const mounts = (of: (kind: Kind) => Readonly<Record<string, Mount>>): Readonly<Record<string, Mount>> =>
  Object.assign({}, ...KINDS.map(of)) as Readonly<Record<string, Mount>>;

const NAMED_SPEC = {
  volumes: [
    ...KINDS.flatMap((kind) => [
      volume(kind, 'whole'),
      volume(kind, 'unmounted'),
      volume(kind, 'item', { items: { item: 'renamed/file' } }),
      volume(kind, 'optional', { items: { 'item-optional': 'file' }, optional: true }),
      volume(kind, 'init', { items: { 'item-init': 'file' } }),
      volume(kind, 'sidecar', { items: { 'item-sidecar': 'file' } }),
      volume(kind, 'shared', { items: { 'item-shared': 'file' } }),
      volume(kind, 'mixed', { items: { 'item-and-env': 'file' } }),
      volume(kind, 'folder', { items: { 'sub-path-folder': 'folder/file' } }),
      volume(kind, 'any', { items: { 'sub-path-any': 'named/file' } }),
    ]),
    {
      name: 'projected',
      projected: {
        sources: [
          { configMap: { name: 'app', ...projection({ items: { projected: 'config-map/file' } }) } },
          { secret: { name: 'app', ...projection({ items: { projected: 'secret' } }) } },
        ],
      },
    },
    { name: 'copy', emptyDir: {} },
  ],
  initContainers: [
    container('setup', {
      env: KINDS.map((kind) => variable(kind, 'INIT', 'env-init')),
      mounts: {
        ...mounts((kind) => ({ ...mount(kind, 'init'), ...mount(kind, 'shared', { at: `other/${kind}` }) })),
        copy: {},
      },
      // What an init container has read lives on in what it has made of it.
      script:
        'for kind in configmap secret; do cat /mnt/$kind-init/file > /mnt/copy/$kind; done; env > /mnt/copy/environ',
    }),
    container('proxy', {
      restartPolicy: 'Always',
      env: KINDS.map((kind) => variable(kind, 'SIDECAR', 'env-sidecar')),
      mounts: mounts((kind) => mount(kind, 'sidecar')),
    }),
  ],
  containers: [
    container('main', {
      env: [
        { name: 'PLACE', valueFrom: { fieldRef: { fieldPath: "metadata.labels['place']" } } },
        ...KINDS.flatMap((kind) => [
          variable(kind, 'VAR', 'env-var'),
          variable(kind, 'ARG', 'argument'),
          variable(kind, 'ARG_PART', 'argument-part'),
          literal(kind, 'ARG_WHOLE', `--part=$(${kind}_ARG_PART)`),
          variable(kind, 'VAR_PART', 'variable-part'),
          literal(kind, 'VAR_WHOLE', `--part=$(${kind}_VAR_PART)`),
          variable(kind, 'OPTIONAL', 'env-optional', { optional: true }),
          variable(kind, 'MIXED', 'item-and-env'),
          variable(kind, 'HIDDEN', 'env-hidden'),
          literal(kind, 'HIDDEN', 'another value'),
        ]),
      ],
      args: KINDS.flatMap((kind) => [`--flag=$(${kind}_ARG)`, `$(${kind}_ARG_WHOLE)`, `$$(${kind}_VAR)`]),
      mounts: {
        ...mounts((kind) => ({
          ...mount(kind, 'item'),
          ...mount(kind, 'optional'),
          ...mount(kind, 'shared'),
          ...mount(kind, 'mixed'),
          ...mount(kind, 'folder', { subPath: './folder/' }),
          ...mount(kind, 'any', { subPathExpr: '$(PLACE)' }),
        })),
        projected: {},
        copy: {},
      },
    }),
    container('mounts', {
      mounts: mounts((kind) => mount(kind, 'whole', { subPath: 'sub-path' })),
    }),
    container('expressions', {
      env: KINDS.flatMap((kind) => [
        literal(kind, 'STAGE', 'prod'),
        literal(kind, 'FILE', `sub-path-$(${kind}_STAGE)`),
      ]),
      mounts: mounts((kind) => mount(kind, 'whole', { subPathExpr: `$(${kind}_FILE)` })),
    }),
  ],
};

/** Everything of a source, mounted in a way. */
const wholeSpec = (how: Mount = {}): object => ({
  volumes: KINDS.map((kind) => volume(kind, 'whole')),
  containers: [container('main', { mounts: mounts((kind) => mount(kind, 'whole', how)) })],
});

export const TEMPLATES: Readonly<Record<string, object>> = {
  named: NAMED_SPEC,
  whole: wholeSpec(),
  // The folder that a subPath of nothing but dots binds is the one in which the kubelet swaps files.
  dot: wholeSpec({ subPath: './.' }),
  // The one that its own link leads to is left behind.
  link: wholeSpec({ subPath: '..data' }),
  from: {
    containers: [
      container('main', {
        env: KINDS.map((kind) => literal(kind, 'env-hidden', 'another value')),
        envFrom: KINDS.map((kind) => ({
          prefix: `${kind}_`,
          [kind === 'ConfigMap' ? 'configMapRef' : 'secretRef']: { name: 'app' },
        })),
        args: KINDS.map((kind) => `--flag=$(${kind}_argument)`),
      }),
    ],
  },
};

export const create = async (stage: Stage, name: string, podSpec: object): Promise<void> => {
  const labels = { app: name, place: 'named' };
  await stage.api.request({
    method: 'POST',
    path: stage.path('/apis/apps/v1', 'deployments'),
    body: {
      metadata: { name },
      spec: {
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 2, ...podSpec } },
      },
    },
  });
};

/** Writes both kinds by the same means: an apply of all of it. */
export const writeSource = async (stage: Stage, kind: Kind, round: number): Promise<void> => {
  const text = data(kind, round);
  await stage.api.request({
    method: 'PATCH',
    path: stage.path('/api/v1', `${kind.toLowerCase()}s`, 'app'),
    query: { fieldManager: 'test' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'v1',
      kind,
      metadata: { name: 'app' },
      ...(kind === 'ConfigMap'
        ? { data: text }
        : {
            data: Object.fromEntries(
              Object.entries(text).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
            ),
          }),
    },
  });
};
