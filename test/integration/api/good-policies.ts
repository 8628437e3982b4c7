/** Policies that the API server must take. */

import {
  source,
  app,
  many,
  longName,
  withWorkload,
  withSelector,
  withExpression,
  withCheck,
  withRestart,
  withShared,
  withRule,
  withKey,
  withDebounce,
  withHot,
  withHttp,
  withLive,
  withSecret,
  withTimeout,
  withSourceName,
} from './policies.ts';

interface GoodCase {
  readonly name: string;
  readonly spec: unknown;
}

const acceptedBy = (make: (value: string) => unknown, what: string, values: readonly string[]): GoodCase[] =>
  values.map((value) => ({ name: `${what} ${JSON.stringify(value)}`, spec: make(value) }));

export const GOOD_POLICIES: readonly GoodCase[] = [
  { name: 'the smallest', spec: { sources: [app] } },
  {
    name: 'the one of the design',
    spec: {
      sources: [source('signalprocessing')],
      workloads: [{ group: 'apps', kind: 'Deployment', name: 'signalprocessing' }],
      rules: [
        { keys: ['*.rego'], class: 'Hot' },
        {
          keys: ['config.yaml'],
          paths: ['/rateLimits/**', '/logging/level'],
          class: 'Hot',
          from: [source('signalprocessing')],
        },
        { keys: ['*-period', 'execution-namespace'], class: 'Restart' },
        { keys: ['*.md'], class: 'Ignore' },
      ],
      defaultClass: 'Restart',
      mode: 'Enforce',
      validation: [{ keys: ['config.yaml'], format: 'YAML', schema: '{"type": "object"}' }],
      suspend: false,
      hot: { onImpossible: 'Restart' },
      restart: { debounce: '500ms', progressTimeout: '10m' },
    },
  },
  ...['Deployment', 'StatefulSet', 'DaemonSet'].map((kind) => ({
    name: `a ${kind}`,
    spec: withWorkload({ kind, name: 'web' }),
  })),
  ...['Hot', 'Restart', 'Ignore'].flatMap((value) => [
    { name: `class ${value}`, spec: withRule({ class: value }) },
    { name: `default class ${value}`, spec: { sources: [app], defaultClass: value } },
  ]),
  {
    name: 'the same name for two kinds',
    spec: {
      sources: [app],
      workloads: [
        { kind: 'Deployment', name: 'a' },
        { kind: 'StatefulSet', name: 'a' },
      ],
    },
  },
  {
    name: 'the same selector twice',
    spec: { sources: [app], workloads: many(2, () => ({ kind: 'Deployment', selector: { matchLabels: { a: 'b' } } })) },
  },
  { name: 'a label without a value', spec: withSelector({ matchLabels: { 'example.com/tier': '' } }) },
  {
    name: 'labels and expressions',
    spec: withSelector({ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] }),
  },
  {
    name: 'no labels but expressions',
    spec: withSelector({ matchLabels: {}, matchExpressions: [{ key: 'c', operator: 'Exists' }] }),
  },
  ...['In', 'NotIn'].map((operator) => ({
    name: operator,
    spec: withExpression({ key: 'example.com/tier', operator, values: ['a', 'B_1.c'] }),
  })),
  ...['Exists', 'DoesNotExist'].map((operator) => ({
    name: operator,
    spec: withExpression({ key: 'tier', operator }),
  })),
  ...acceptedBy(withDebounce, 'debounce', ['0s', '0ms', '500ms', '10m', '9m60s', '599s1000ms', '1m1s1ms']),
  ...acceptedBy(withTimeout, 'progressTimeout', ['1s', '1000ms', '24h', '23h60m', '10m', '1h30m']),
  ...acceptedBy(withKey, 'key', [
    '*',
    '?',
    '**',
    'a',
    '.hidden',
    '-',
    '_',
    'config.yaml',
    '*.*',
    '*a*a*a*a*a*a*a*b',
    'k'.repeat(253),
    '*'.repeat(253),
  ]),
  ...acceptedBy(withSourceName, 'source', ['a', '1', 'a.b', 'a-b.c-1', 'kube-root-ca.crt', longName(0)]),
  { name: 'empty hot and restart', spec: { sources: [app], hot: {}, restart: {} } },
  { name: 'a Secret', spec: { sources: [{ kind: 'Secret', name: 'db' }] } },
  {
    name: 'sources by label, and rules about whichever of them there will be',
    spec: {
      sources: [
        { kind: 'ConfigMap', selector: { matchLabels: { app: 'web' } } },
        { kind: 'Secret', selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } },
      ],
      rules: [{ keys: ['*'], class: 'Hot', from: [source('found-later')] }],
    },
  },
  ...acceptedBy((path) => withRule({ paths: [path] }), 'path', [
    '/a',
    '/*',
    '/**',
    '/a/**/b/*/0',
    '/',
    '/a//b',
    '/a~1b~0c~2',
    '/with space/ä',
    `/${'a'.repeat(511)}`,
  ]),
  ...['YAML', 'JSON', 'TOML', 'Properties', 'Dotenv', 'INI'].flatMap((format) => [
    { name: `format ${format} of a rule`, spec: withRule({ paths: ['/a'], format, comparison: 'Meaning' }) },
    { name: `format ${format} of a validation`, spec: withCheck({ format, schema: '{}', maxBytes: 1_000_000 }) },
  ]),
  { name: 'comparison Bytes', spec: withRule({ comparison: 'Bytes' }) },
  { name: 'mode Observe', spec: { sources: [app], mode: 'Observe' } },
  { name: 'a required key', spec: withCheck({ required: true }) },
  { name: 'a pattern', spec: withCheck({ format: 'Pattern', pattern: '^v[0-9]+$' }) },
  { name: 'bounds', spec: withCheck({ format: 'Number', minimum: -1.5, maximum: 1e6 }) },
  { name: 'one bound', spec: withCheck({ format: 'Number', minimum: 0 }) },
  { name: 'values', spec: withCheck({ format: 'Enum', values: ['', 'debug', 'info'] }) },
  ...['Duration', 'Quantity', 'URL', 'PEM'].map((format) => ({
    name: `format ${format}`,
    spec: withCheck({ format }),
  })),
  {
    name: 'as many paths and validations as may be',
    spec: {
      sources: [app],
      rules: many(4, () => ({ keys: ['*'], class: 'Hot', paths: many(64, (index) => `/${'a'.repeat(500)}/${index}`) })),
      validation: many(64, () => ({
        keys: many(64, longName),
        format: 'Enum',
        values: many(64, (index) => `${index}`),
      })),
    },
  },
  { name: 'no rules', spec: { sources: [app], rules: [] } },
  { name: 'onImpossible Report', spec: { sources: [app], hot: { onImpossible: 'Report' } } },
  { name: 'onImpossible Restart', spec: { sources: [app], hot: { onImpossible: 'Restart' } } },
  ...['Nudged', 'Mounted'].map((proof) => ({ name: `proof ${proof}`, spec: withHot({ proof }) })),
  {
    name: 'proof Loaded with all there is to it',
    spec: withHot({
      proof: 'Loaded',
      timeout: '1h',
      onTimeout: 'Restart',
      notify: {
        http: { port: 'http', path: '/-/reload', signature: { secretRef: { name: 'app', key: 'signing.key' } } },
      },
    }),
  },
  { name: 'onTimeout Report', spec: withHot({ onTimeout: 'Report', timeout: '1s' }) },
  ...acceptedBy((port) => withHttp({ port }), 'port', ['a', '8', 'http-metrics', 'a'.repeat(15)]),
  ...acceptedBy((path) => withHttp({ path }), 'path', [
    '/',
    '/-/reload',
    "/a%20b;c=d/~e!$&'()*+,:@",
    `/${'a'.repeat(255)}`,
  ]),
  ...acceptedBy((name) => withSecret({ name, key: 'k' }), 'signing Secret', ['a', 'a.b', 'a'.repeat(253)]),
  {
    name: 'as much as fits: every list full, every name as long as may be',
    spec: {
      sources: many(64, (index) => source(longName(index))),
      workloads: many(64, (index) => ({ kind: 'Deployment', name: longName(index) })),
      // 256 globs in all.
      rules: many(64, () => ({
        keys: many(4, longName),
        class: 'Hot',
        from: many(64, (index) => source(longName(63 - index))),
      })),
    },
  },
  {
    name: 'selectors as big as may be',
    spec: {
      sources: [app],
      workloads: [
        ...many(63, () => ({
          kind: 'Deployment',
          selector: {
            matchLabels: Object.fromEntries(
              many(32, (index) => [`example.com/${'k'.repeat(50)}${index}`, 'v'.repeat(63)]),
            ),
          },
        })),
        {
          kind: 'Deployment',
          selector: {
            matchExpressions: many(32, () => ({ key: 'tier', operator: 'In', values: many(64, () => 'v'.repeat(63)) })),
          },
        },
      ],
    },
  },
  {
    name: 'every gate',
    spec: withRestart({
      cooldown: '24h',
      maxConcurrent: 1,
      budget: { restarts: 100, period: '168h' },
      windows: [
        {
          name: 'nightly',
          cron: '*/5 0-6 1,15 JAN-MAR MON#1',
          duration: '1m',
          timeZone: 'America/Argentina/Buenos_Aires',
        },
        { name: 'freeze', type: 'Deny', cron: '0 0 24 12 *', duration: '168h', timeZone: 'Etc/GMT+1' },
      ],
      approval: 'Manual',
      order: 'Sequential',
      canary: { percent: 99 },
      onFailure: 'Undo',
    }),
  },
  { name: 'a shared live object', spec: withShared({ restart: { onFailure: 'Rollback' } }) },
  {
    name: 'a live object of a source that a selector may find',
    spec: withLive(
      { source: source('other') },
      { sources: [{ kind: 'ConfigMap', selector: { matchLabels: { a: 'b' } } }] },
    ),
  },
  {
    name: 'live objects as many and as long as may be',
    spec: {
      sources: many(32, (index) => source(longName(index))),
      workloads: many(64, (index) => ({ kind: 'Deployment', name: longName(index), wave: index })),
      restart: { order: 'Sequential', onFailure: 'Rollback' },
      delivery: {
        mode: 'Managed',
        snapshots: 20,
        rollbackSecrets: true,
        objects: many(32, (index) => ({
          name: longName(100 + index),
          source: source(longName(index)),
          workloads: [{ kind: 'Deployment', name: longName(index) }],
        })),
      },
    },
  },
];
