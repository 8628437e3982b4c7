import * as z from 'zod';

export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A whole number written in digits. The message completes "--flag is X, …". */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^[0-9]{1,9}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);
}

/** Namespaces, separated by commas. */
function namespaceList(): z.ZodType<readonly string[]> {
  return z
    .string()
    .default('')
    .transform((list) => (list === '' ? [] : [...new Set(list.split(',').map((name) => name.trim()))]))
    .refine((names) => names.every((name) => DNS_LABEL.test(name)));
}

/** How a setting is given and what it means. */
export interface SettingDoc {
  readonly flag: `--${string}`;
  /** The environment variable used when the flag is absent. An empty one counts as absent. */
  readonly env?: string;
  /** What stands for the value in the help. */
  readonly value: string;
  /** Completes the sentences "--flag is X, allowed is …" and "--flag needs …". */
  readonly allowed: string;
  readonly description: string;
}

/** One setting: how its text becomes a value, what it is without any text, and how it is explained. */
export interface Setting<T> extends SettingDoc {
  readonly parse: z.ZodType<T>;
  /** In the words of a user; absent: the setting is unset. */
  readonly default?: string;
}

export function setting<T>(definition: Setting<T>): Setting<T> {
  return definition;
}

/** Of every program. */
export const LOG_LEVEL = setting({
  flag: '--log-level',
  env: 'LOG_LEVEL',
  value: 'LEVEL',
  allowed: 'debug, info, warn or error',
  description: 'the least important messages that are logged',
  parse: z.enum(['debug', 'info', 'warn', 'error']),
  default: 'info',
});

/** Every setting there is: the flags, the environment variables and the help are read off this table. */
export const SETTINGS = {
  kubeconfig: setting({
    flag: '--kubeconfig',
    env: 'KUBECONFIG',
    value: 'FILE',
    allowed: 'the path of a kubeconfig file',
    description: 'how to reach the cluster; without it, the service account of the pod, then ~/.kube/config',
    parse: z.string().optional(),
  }),
  context: setting({
    flag: '--context',
    value: 'NAME',
    allowed: 'the name of a context in the kubeconfig',
    description: 'context of the kubeconfig to use instead of its current one',
    parse: z.string().optional(),
  }),
  namespaces: setting({
    flag: '--namespaces',
    env: 'WATCH_NAMESPACES',
    value: 'A,B',
    allowed: 'a list of namespaces, separated by commas',
    description: 'namespaces to work in; without it, all of them',
    parse: namespaceList(),
  }),
  secretsNamespaces: setting({
    flag: '--secrets-namespaces',
    env: 'SECRETS_NAMESPACES',
    value: 'A,B',
    allowed: 'a list of namespaces, separated by commas',
    description: 'namespaces in which all Secrets are watched and may be selected by label; elsewhere those named only',
    parse: namespaceList(),
  }),
  secretsBlind: setting({
    flag: '--secrets-blind',
    env: 'SECRETS_BLIND',
    value: 'BOOLEAN',
    allowed: 'true or false',
    description: 'never read a value of a Secret: a new version of one counts as a change of it as a whole',
    parse: z.enum(['true', 'false']).transform((text) => text === 'true'),
    default: 'false',
  }),
  operatorNamespace: setting({
    flag: '--operator-namespace',
    env: 'POD_NAMESPACE',
    value: 'NAME',
    allowed: 'the name of a namespace',
    description: 'where the key of the digests of Secrets is kept; without it, the namespace of the service account',
    parse: z.string().regex(DNS_LABEL).optional(),
  }),
  notify: setting({
    flag: '--notify',
    env: 'NOTIFY',
    value: 'MODE',
    allowed: 'Enabled or Disabled',
    description: 'whether applications in pods may be asked to reload, where policies want it (hot.notify)',
    parse: z.enum(['Enabled', 'Disabled']),
    default: 'Enabled',
  }),
  logLevel: LOG_LEVEL,
  healthPort: setting({
    flag: '--health-port',
    env: 'HEALTH_PORT',
    value: 'PORT',
    allowed: 'a port from 1 to 65535, or 0 for none',
    description: 'port of /livez, /readyz and /metrics; 0: not served',
    parse: wholeNumber(0, 65_535),
    default: '8081',
  }),
  healthHost: setting({
    flag: '--health-host',
    env: 'HEALTH_HOST',
    value: 'ADDRESS',
    allowed: 'an address of this machine',
    description: 'address to serve them on; without it, every address',
    parse: z.string().optional(),
  }),
  workers: setting({
    flag: '--workers',
    env: 'WORKERS',
    value: 'N',
    allowed: 'a whole number from 1 to 256',
    description: 'workloads worked on at a time',
    parse: wholeNumber(1, 256),
    // As many as there are requests: each of them waits for one most of the time.
    default: '32',
  }),
  maxInFlight: setting({
    flag: '--max-in-flight',
    env: 'MAX_IN_FLIGHT',
    value: 'N',
    allowed: 'a whole number from 1 to 256',
    description: 'requests to the API server under way at a time, watches not counted',
    parse: wholeNumber(1, 256),
    default: '32',
  }),
  maxConcurrentRestarts: setting({
    flag: '--max-concurrent-restarts',
    env: 'MAX_CONCURRENT_RESTARTS',
    value: 'N',
    allowed: 'a whole number from 1 to 10000, or 0 for no limit',
    description: 'workloads of the cluster that may be rolling out at a time; 0: as many as like',
    parse: wholeNumber(0, 10_000),
    default: '0',
  }),
  watchIdleSeconds: setting({
    flag: '--watch-idle-timeout',
    env: 'WATCH_IDLE_TIMEOUT',
    value: 'SECONDS',
    allowed: 'a whole number of seconds from 5 to 150',
    description: 'a silent watch is taken for dead after this; the API server gives a sign of life once a minute',
    parse: wholeNumber(5, 150),
    default: '90',
  }),
  agentNamespace: setting({
    flag: '--agent-namespace',
    env: 'AGENT_NAMESPACE',
    value: 'NAME',
    allowed: 'the name of a namespace',
    description: 'where the node agents run that are asked for proof of a mounted change; without it, none is',
    parse: z.string().regex(DNS_LABEL).optional(),
  }),
  identity: setting({
    flag: '--identity',
    env: 'POD_NAME',
    value: 'NAME',
    allowed: 'a name of at most 128 characters',
    description: 'what this instance calls itself in events',
    parse: z.string().min(1).max(128),
    default: 'reload-operator',
  }),
} as const satisfies Record<string, Setting<unknown>>;

/** What the texts of a table's settings become. */
export type ValuesOf<Table extends SettingTable> = { readonly [Name in keyof Table]: z.output<Table[Name]['parse']> };

export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The validated settings. Absent ones are undefined; `namespaces` is empty for all. */
export type Settings = ValuesOf<typeof SETTINGS>;
