/** Policies that people get wrong, and what the API server must tell them. */

import {
  source,
  app,
  many,
  withWorkload,
  withSelector,
  withExpression,
  withCheck,
  withRule,
  withKey,
  withDebounce,
  withHot,
  withHttp,
  withSecret,
  withTimeout,
  withSourceName,
  withLive,
  withRestart,
  withShared,
  withWindow,
} from './policies.ts';

interface BadCase {
  readonly name: string;
  readonly spec: unknown;
  /** Must stand in the refusal. */
  readonly says: string;
}

const NAME_PATTERN = "should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const KEY_PATTERN = "should match '^[-._a-zA-Z0-9*?]+$'";
const DURATION = "should match '^([0-9]+(ms|s|m|h))+$'";
const CLASSES = 'supported values: "Hot", "Restart", "Ignore"';
const DEBOUNCE = 'debounce must be between 0s and 10m';
const TIMEOUT = 'progressTimeout must be between 1s and 24h';
const ONE_OF = 'a workload needs exactly one of name and selector';
const ONE_SOURCE = 'a source needs exactly one of name and selector';
const PATTERN = 'format Pattern and pattern go together: set both or neither';
const ENUM = 'format Enum and values go together: set both or neither';
const NUMBER = 'minimum and maximum need format: Number';
const PATH_PATTERN = 'spec.rules[0].paths[0] in body should match';
const EMPTY_SELECTOR = 'an empty selector would bind everything; leave workloads out to bind every consumer';
const NEED_VALUES = 'operators In and NotIn need values: list at least one';
const NO_VALUES = 'operators Exists and DoesNotExist take no values: remove them, or use In or NotIn';
const NO_LABEL = 'matchLabels has a key that is no label';
const FROM = "a rule's from names an object that is not in sources: add it there, or correct the name";
const LABEL_KEY = 'matchExpressions[0].key in body should match';

const COOLDOWN = 'cooldown must be between 0s and 24h';
const MANAGED = 'delivery mode Managed and delivery.objects go together: set both or neither';
const SHARED =
  'workloads that share a live object get its content together: neither order Sequential nor a canary can hold between them; give each its own live object';

const refused = (make: (value: string) => unknown, what: string, says: string, values: readonly string[]): BadCase[] =>
  values.map((value) => ({ name: `${what} ${JSON.stringify(value)}`, spec: make(value), says }));

export const BAD_POLICIES: readonly BadCase[] = [
  { name: 'no sources', spec: {}, says: 'spec.sources: Required value' },
  {
    name: 'an empty list of sources',
    spec: { sources: [] },
    says: 'spec.sources in body should have at least 1 items',
  },
  {
    name: 'a source twice',
    spec: { sources: [app, app] },
    says: 'sources names the same object twice: remove the repeated entry',
  },
  {
    name: 'a source of another kind',
    spec: { sources: [{ kind: 'Service', name: 'a' }] },
    says: 'supported values: "ConfigMap", "Secret"',
  },
  {
    name: 'a source without a name or labels',
    spec: { sources: [{ kind: 'ConfigMap' }] },
    says: ONE_SOURCE,
  },
  {
    name: 'a source with both',
    spec: { sources: [{ kind: 'ConfigMap', name: 'a', selector: { matchLabels: { app: 'web' } } }] },
    says: ONE_SOURCE,
  },
  {
    name: 'a source by no label at all',
    spec: { sources: [{ kind: 'ConfigMap', selector: {} }] },
    says: 'an empty selector would watch everything of the kind; name the labels that the sources carry',
  },
  { name: 'a source without a kind', spec: { sources: [{ name: 'a' }] }, says: 'spec.sources[0].kind: Required value' },
  {
    name: 'too many sources',
    spec: { sources: many(65, (index) => source(`s${index}`)) },
    says: 'must have at most 64 items',
  },
  ...refused(withSourceName, 'source', NAME_PATTERN, ['App', 'a_b', '-a', 'a-', 'a..b', '.a', 'a/b', ' a', 'ä', '*']),
  {
    name: 'a source name that is too long',
    spec: withSourceName('a'.repeat(254)),
    says: 'may not be more than 253 bytes',
  },

  {
    name: 'an empty list of workloads',
    spec: { sources: [app], workloads: [] },
    says: 'an empty list would bind nothing; leave workloads out to bind every workload that consumes a source',
  },
  {
    name: 'a workload twice',
    spec: { sources: [app], workloads: many(2, () => ({ kind: 'Deployment', name: 'a' })) },
    says: 'workloads names the same workload twice: remove the repeated entry',
  },
  {
    name: 'a workload twice, once with its group',
    spec: {
      sources: [app],
      workloads: [
        { kind: 'Deployment', name: 'a' },
        { group: 'apps', kind: 'Deployment', name: 'a' },
      ],
    },
    says: 'workloads names the same workload twice',
  },
  {
    name: 'name and selector',
    spec: withWorkload({ kind: 'Deployment', name: 'a', selector: { matchLabels: { a: 'b' } } }),
    says: ONE_OF,
  },
  { name: 'neither name nor selector', spec: withWorkload({ kind: 'Deployment' }), says: ONE_OF },
  ...['Job', 'Service', 'deployment', 'ReplicationController', ''].map((kind) => ({
    name: `kind ${JSON.stringify(kind)}`,
    spec: withWorkload({ kind, name: 'a' }),
    says: 'supported values: "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Rollout", "ReplicaSet", "Pod"',
  })),
  ...['apps/v1', 'extensions'].map((group) => ({
    name: `group ${JSON.stringify(group)}`,
    spec: withWorkload({ group, kind: 'Deployment', name: 'a' }),
    says: 'supported values: "apps", "batch", "argoproj.io", ""',
  })),
  ...(
    [
      ['', 'Deployment'],
      ['batch', 'Deployment'],
      ['apps', 'CronJob'],
      ['apps', 'Pod'],
      ['apps', 'Rollout'],
      ['argoproj.io', 'ReplicaSet'],
    ] as const
  ).map(([group, kind]) => ({
    name: `group ${JSON.stringify(group)} of a ${kind}`,
    spec: withWorkload({ group, kind, name: 'a' }),
    says: 'group is not the API group of kind: leave group out',
  })),
  {
    name: 'a workload without a kind',
    spec: withWorkload({ name: 'a' }),
    says: 'spec.workloads[0].kind: Required value',
  },
  { name: 'a bad workload name', spec: withWorkload({ kind: 'Deployment', name: 'Web' }), says: NAME_PATTERN },
  { name: 'a glob for a workload name', spec: withWorkload({ kind: 'Deployment', name: 'web-*' }), says: NAME_PATTERN },

  { name: 'an empty selector', spec: withSelector({}), says: EMPTY_SELECTOR },
  { name: 'a selector with no labels', spec: withSelector({ matchLabels: {} }), says: EMPTY_SELECTOR },
  {
    name: 'a selector with an empty list of expressions',
    spec: withSelector({ matchExpressions: [] }),
    says: 'should have at least 1 items',
  },
  { name: 'In without values', spec: withExpression({ key: 'a', operator: 'In' }), says: NEED_VALUES },
  { name: 'NotIn without values', spec: withExpression({ key: 'a', operator: 'NotIn' }), says: NEED_VALUES },
  {
    name: 'In with an empty list',
    spec: withExpression({ key: 'a', operator: 'In', values: [] }),
    says: 'should have at least 1 items',
  },
  {
    name: 'Exists with values',
    spec: withExpression({ key: 'a', operator: 'Exists', values: ['b'] }),
    says: NO_VALUES,
  },
  {
    name: 'DoesNotExist with values',
    spec: withExpression({ key: 'a', operator: 'DoesNotExist', values: ['b'] }),
    says: NO_VALUES,
  },
  {
    name: 'an unknown operator',
    spec: withExpression({ key: 'a', operator: 'Gt', values: ['1'] }),
    says: 'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
  },
  ...refused((key) => withExpression({ key, operator: 'Exists' }), 'label key', LABEL_KEY, [
    'a b',
    '/a',
    'a/',
    '-a',
    'A.com/b',
    'a/b/c',
    'x'.repeat(64),
  ]),
  ...refused((key) => withSelector({ matchLabels: { [key]: 'v' } }), 'label', NO_LABEL, [
    'a b',
    '/a',
    'a/',
    '-a',
    'a/b/c',
    '',
    'x'.repeat(64),
  ]),
  ...refused(
    (value) => withSelector({ matchLabels: { a: value } }),
    'label value',
    'spec.workloads[0].selector.matchLabels.a',
    ['a b', '-a', 'a/', 'x'.repeat(64)],
  ),
  {
    name: 'too many labels',
    spec: withSelector({ matchLabels: Object.fromEntries(many(33, (index) => [`l${index}`, 'v'])) }),
    says: 'must have at most 32 items',
  },

  {
    name: 'a rule without keys',
    spec: { sources: [app], rules: [{ class: 'Hot' }] },
    says: 'spec.rules[0].keys: Required value',
  },
  {
    name: 'a rule without a class',
    spec: { sources: [app], rules: [{ keys: ['*'] }] },
    says: 'spec.rules[0].class: Required value',
  },
  { name: 'an empty list of keys', spec: withRule({ keys: [] }), says: 'should have at least 1 items' },
  {
    name: 'too many keys',
    spec: withRule({ keys: many(65, (index) => `k${index}`) }),
    says: 'must have at most 64 items',
  },
  {
    name: 'more globs than fit, though no list is too long',
    spec: { sources: [app], rules: many(5, () => ({ keys: many(52, () => '*a*a*a*b'), class: 'Hot' })) },
    says: 'the rules have more than 256 globs in all',
  },
  {
    name: 'too many rules',
    spec: { sources: [app], rules: many(65, () => ({ keys: ['*'], class: 'Hot' })) },
    says: 'must have at most 64 items',
  },
  ...refused(withKey, 'key', KEY_PATTERN, [
    'a/b',
    'a b',
    '[ab]',
    '{a,b}',
    '!a',
    'a|b',
    '^a$',
    '(a+)+$',
    'ä',
    '\\*',
    '$(x)',
  ]),
  { name: 'an empty key', spec: withKey(''), says: 'should be at least 1 chars long' },
  { name: 'a key that is too long', spec: withKey('*'.repeat(254)), says: 'may not be more than 253 bytes' },
  ...['hot', 'HOT', 'Reload', ''].flatMap((value) => [
    { name: `class ${JSON.stringify(value)}`, spec: withRule({ class: value }), says: CLASSES },
    { name: `default class ${JSON.stringify(value)}`, spec: { sources: [app], defaultClass: value }, says: CLASSES },
  ]),
  { name: 'from a foreign source', spec: withRule({ from: [source('other')] }), says: FROM },
  { name: 'from a source and a foreign one', spec: withRule({ from: [app, source('other')] }), says: FROM },
  { name: 'an empty from', spec: withRule({ from: [] }), says: 'should have at least 1 items' },

  { name: 'suspend in quotes', spec: { sources: [app], suspend: 'true' }, says: 'must be of type boolean: "string"' },
  {
    name: 'an unknown onImpossible',
    spec: { sources: [app], hot: { onImpossible: 'Ignore' } },
    says: 'supported values: "Restart", "Report"',
  },
  ...refused(withDebounce, 'debounce', DURATION, [
    '5',
    '5 s',
    '-1s',
    '1.5s',
    '1d',
    '',
    's',
    '5 minutes',
    '1us',
    'PT5S',
  ]),
  ...refused(withTimeout, 'progressTimeout', DURATION, ['600', '10 m', '-10m', '1d', '']),
  { name: 'debounce as a number', spec: withDebounce(5), says: 'must be of type string: "integer"' },
  ...refused(withDebounce, 'debounce', DEBOUNCE, ['10m1s', '601s', '1h', '10m1ms', '9999999999999999999h']),
  ...refused(withTimeout, 'progressTimeout', TIMEOUT, [
    '0s',
    '999ms',
    '24h1ms',
    '25h',
    '86401s',
    '9999999999999999999h',
  ]),

  {
    name: 'an unknown proof',
    spec: withHot({ proof: 'Seen' }),
    says: 'supported values: "Nudged", "Mounted", "Loaded"',
  },
  {
    name: 'proof Loaded of an application that nobody asks',
    spec: withHot({ proof: 'Loaded' }),
    says: 'only the application can tell that it has loaded something: proof Loaded needs notify',
  },
  {
    name: 'an unknown onTimeout',
    spec: withHot({ onTimeout: 'Ignore' }),
    says: 'supported values: "Restart", "Report"',
  },
  ...refused((timeout) => withHot({ timeout }), 'hot.timeout', DURATION, ['30', '30 s', '-1s', '1d', '']),
  ...refused((timeout) => withHot({ timeout }), 'hot.timeout', 'timeout must be between 1s and 1h', [
    '0s',
    '999ms',
    '1h1ms',
    '9999999999999999999h',
  ]),
  { name: 'notify without http', spec: withHot({ notify: {} }), says: 'spec.hot.notify.http: Required value' },
  {
    name: 'http without a port',
    spec: withHot({ notify: { http: {} } }),
    says: 'spec.hot.notify.http.port: Required value',
  },
  { name: 'a port by its number', spec: withHttp({ port: 8080 }), says: 'must be of type string: "integer"' },
  ...refused((port) => withHttp({ port }), 'port', 'spec.hot.notify.http.port in body should', [
    '',
    'HTTP',
    '-a',
    'a-',
    'a_b',
    'a.b',
  ]),
  { name: 'a port that is too long', spec: withHttp({ port: 'a'.repeat(16) }), says: 'may not be more than 15 bytes' },
  ...refused((path) => withHttp({ path }), 'path of notify', 'spec.hot.notify.http.path in body should', [
    '',
    'reload',
    'http://example.com/',
    '/a b',
    '/a?b=c',
    '/a#b',
    '/a\r\nb',
    '/ä',
  ]),
  {
    name: 'a path of notify that is too long',
    spec: withHttp({ path: `/${'a'.repeat(256)}` }),
    says: 'may not be more than 256 bytes',
  },
  { name: 'a host', spec: withHttp({ host: 'example.com' }), says: 'unknown field "spec.hot.notify.http.host"' },
  {
    name: 'a signature without a Secret',
    spec: withHttp({ signature: {} }),
    says: 'signature.secretRef: Required value',
  },
  { name: 'a signing Secret without a key', spec: withSecret({ name: 'a' }), says: 'secretRef.key: Required value' },
  { name: 'a signing Secret of another namespace', spec: withSecret({ name: 'a/b', key: 'k' }), says: NAME_PATTERN },
  ...refused((key) => withSecret({ name: 'a', key }), 'signing key', 'secretRef.key in body should', [
    '',
    'a/b',
    'a b',
    '*',
  ]),

  ...refused((path) => withRule({ paths: [path] }), 'path', PATH_PATTERN, [
    'logging',
    '/a/b*',
    '/***',
    '/a~3',
    'a/*',
    ' ',
    '$.logging.level',
  ]),
  { name: 'an empty list of paths', spec: withRule({ paths: [] }), says: 'should have at least 1 items' },
  {
    name: 'too many paths in all',
    spec: {
      sources: [app],
      rules: many(5, () => ({ keys: ['a'], class: 'Hot', paths: many(64, (index) => `/${index}`) })),
    },
    says: 'the rules have more than 256 paths in all: use fewer, wider ones, or several policies',
  },
  { name: 'an unknown format', spec: withRule({ format: 'XML' }), says: 'supported values: "YAML", "JSON"' },
  {
    name: 'an unknown comparison',
    spec: withRule({ comparison: 'Loose' }),
    says: 'supported values: "Meaning", "Bytes"',
  },
  { name: 'an unknown mode', spec: { sources: [app], mode: 'Audit' }, says: 'supported values: "Enforce", "Observe"' },
  { name: 'a pattern without its format', spec: withCheck({ pattern: 'a' }), says: PATTERN },
  { name: 'the format Pattern without a pattern', spec: withCheck({ format: 'Pattern' }), says: PATTERN },
  { name: 'values without their format', spec: withCheck({ values: ['a'] }), says: ENUM },
  { name: 'the format Enum without values', spec: withCheck({ format: 'Enum' }), says: ENUM },
  { name: 'bounds of no number', spec: withCheck({ format: 'URL', minimum: 1 }), says: NUMBER },
  { name: 'bounds without a format', spec: withCheck({ maximum: 1 }), says: NUMBER },
  {
    name: 'a minimum above the maximum',
    spec: withCheck({ format: 'Number', minimum: 2, maximum: 1 }),
    says: 'minimum is greater than maximum',
  },
  {
    name: 'a validation that demands nothing',
    spec: withCheck({}),
    says: 'a validation must demand something: set required, format, schema or maxBytes',
  },
  {
    name: 'a schema that is too long',
    spec: withCheck({ schema: `"${'a'.repeat(65_536)}"` }),
    says: 'may not be more than 65536 bytes',
  },
  { name: 'an unknown field', spec: { sources: [app], dryRun: true }, says: 'unknown field "spec.dryRun"' },
  {
    name: 'an unknown field in a rule',
    spec: withRule({ path: '/a' }),
    says: 'unknown field "spec.rules[0].path"',
  },
  ...refused((cooldown) => withRestart({ cooldown }), 'cooldown', COOLDOWN, ['25h', '86400001ms']),
  ...refused((cooldown) => withRestart({ cooldown }), 'cooldown', DURATION, ['', '1d', '-1s']),
  {
    name: 'a budget for too long a time',
    spec: withRestart({ budget: { restarts: 1, period: '169h' } }),
    says: 'period must be between 1m and 168h',
  },
  {
    name: 'a budget of nothing',
    spec: withRestart({ budget: { restarts: 0, period: '1h' } }),
    says: 'should be greater than or equal to 1',
  },
  { name: 'no concurrency at all', spec: withRestart({ maxConcurrent: 0 }), says: 'greater than or equal to 1' },
  { name: 'a short window', spec: withWindow({ duration: '59s' }), says: 'duration must be between 1m and 168h' },
  { name: 'a window with seconds', spec: withWindow({ cron: '0 0 2 * * *' }), says: 'cron in body should match' },
  { name: 'a window without hours', spec: withWindow({ cron: '0 * * * ' }), says: 'cron in body should' },
  { name: 'a window of another type', spec: withWindow({ type: 'Maybe' }), says: '"Allow", "Deny"' },
  { name: 'a window without a name', spec: withWindow({ name: '' }), says: 'name in body should' },
  {
    name: 'two windows of one name',
    spec: withRestart({ windows: ['0 1 * * *', '0 2 * * *'].map((cron) => ({ name: 'n', cron, duration: '1h' })) }),
    says: 'Duplicate value',
  },
  {
    name: 'a canary that is nobody',
    spec: withRestart({ canary: {} }),
    says: 'a canary needs exactly one of workload and percent',
  },
  {
    name: 'two kinds of canary',
    spec: withRestart({ canary: { percent: 10, workload: { kind: 'Deployment', name: 'web' } } }),
    says: 'a canary needs exactly one of workload and percent',
  },
  { name: 'an unknown order', spec: withRestart({ order: 'Random' }), says: '"Parallel", "Sequential"' },
  { name: 'an unknown approval', spec: withRestart({ approval: 'Maybe' }), says: '"Automatic", "Manual"' },
  {
    name: 'Rollback of what is delivered directly',
    spec: withRestart({ onFailure: 'Rollback' }),
    says: 'onFailure Rollback needs delivery mode Managed: what workloads mount directly is never written',
  },
  {
    name: 'Undo of what is managed',
    spec: withLive({}, { restart: { onFailure: 'Undo' } }),
    says: 'onFailure Undo is for delivery mode Direct: with Managed use Rollback, which brings the content back, too',
  },
  { name: 'Managed without objects', spec: { sources: [app], delivery: { mode: 'Managed' } }, says: MANAGED },
  {
    name: 'objects without Managed',
    spec: withLive(
      {},
      { delivery: { objects: [{ name: 'l', source: app, workloads: [{ kind: 'Deployment', name: 'w' }] }] } },
    ),
    says: MANAGED,
  },
  {
    name: 'a live object that is its source',
    spec: withLive({ name: 'app' }),
    says: 'a live object needs a name of its own: that of its source is the object that you write',
  },
  {
    name: 'a live object of a source that is not there',
    spec: withLive({ source: source('other') }),
    says: 'a live object has a source that is not in sources: add it there, or correct the name',
  },
  {
    name: 'a live Secret of a Secret that is not there, beside a selector of ConfigMaps',
    spec: withLive(
      { source: { kind: 'Secret', name: 'db' } },
      { sources: [app, { kind: 'ConfigMap', selector: { matchLabels: { a: 'b' } } }] },
    ),
    says: 'a live object has a source that is not in sources: add it there, or correct the name',
  },
  { name: 'a live object that nobody mounts', spec: withLive({ workloads: [] }), says: 'at least 1 items' },
  { name: 'an order over a shared live object', spec: withShared({ restart: { order: 'Sequential' } }), says: SHARED },
  {
    name: 'a canary over a shared live object',
    spec: withShared({ restart: { canary: { percent: 10 } } }),
    says: SHARED,
  },
  {
    name: 'waves over a shared live object',
    spec: withShared({ workloads: [{ kind: 'Deployment', name: 'web', wave: 1 }] }),
    says: 'workloads that share a live object get its content together: waves can not hold between them; give each its own live object',
  },
];
