/** Commands that ask no cluster, from files to what they print. */

import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { reload, type Ran } from '../../support/reload.ts';

const CONFIG = 'logging:\n  level: info\nserver:\n  port: 8080\n';

const configMap = (data: object, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'app' },
  data: { 'config.yaml': CONFIG, flag: 'a', ...data },
  ...more,
});
const secret = (data: object): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db', labels: { tier: 'data' } },
  ...data,
});
const policy = (spec: object = {}): object => ({
  apiVersion: 'reload-operator.dev/v1alpha1',
  kind: 'ReloadPolicy',
  metadata: { name: 'app' },
  spec: {
    sources: [
      { kind: 'ConfigMap', name: 'app' },
      { kind: 'Secret', selector: { matchLabels: { tier: 'data' } } },
    ],
    rules: [
      { keys: ['config.yaml'], paths: ['/logging/**'], class: 'Hot' },
      { keys: ['*.md'], class: 'Ignore' },
    ],
    ...spec,
  },
});
const deployment = (image = 'web:1'): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'main',
            image,
            env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'db', key: 'token' } } }],
            volumeMounts: [{ name: 'config', mountPath: '/etc/app' }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: 'app' } }],
      },
    },
  },
});

const SECRET = secret({ stringData: { token: 'hunter2' } });
const WORLD = [configMap({}), SECRET, policy(), deployment()];

const folderOf = (...objects: readonly object[]): string => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-plan-'));
  objects.forEach((object, index) => {
    writeFileSync(join(folder, `${index}.yaml`), stringify(object));
  });
  return folder;
};

const planned = async (changes: readonly object[], world = WORLD, format = 'json'): Promise<Ran> => {
  const stdin = (): Promise<string> => Promise.resolve(changes.map((each) => stringify(each)).join('---\n'));
  return reload(['plan', '-f', '-', '--against', folderOf(...world), '-o', format], { stdin });
};

interface Printed {
  readonly workloads: readonly {
    readonly name: string;
    readonly effect: string;
    readonly keys: readonly { readonly key: string; readonly effect: string }[];
    readonly reasons: readonly string[];
  }[];
}

describe('a plan against manifests', () => {
  const reasonsOf = async (restart: object, more: readonly object[] = []): Promise<readonly string[]> => {
    const { code, stdout } = await planned([configMap({ flag: 'b' }), policy({ restart }), ...more]);
    assert.equal(code, 20);
    const { workloads } = JSON.parse(stdout) as Printed;
    assert.equal(workloads[0]?.effect, 'Restart');
    return workloads[0].reasons;
  };
  const always = { name: 'always', cron: '* * * * *', duration: '1h' };

  it('says what a restart would wait for, as far as policies and the time tell', async () => {
    const [shut = '', ...more] = await reasonsOf({ windows: [{ ...always, type: 'Deny' }] });
    assert.match(shut, /^it would wait: policy app: window always denies restarts; /);
    assert.deepEqual(more, []);
    assert.deepEqual(await reasonsOf({ windows: [always] }), []);
    assert.deepEqual(await reasonsOf({ approval: 'Manual' }), [
      'it would wait: policy app wants approval: kubectl reload approve deploy/web',
    ]);
  });

  it('says nothing of what a free source takes along', async () => {
    const { code, stdout } = await planned(
      [
        configMap({ flag: 'b' }),
        secret({ stringData: { token: 'x' } }),
        policy({ sources: [{ kind: 'ConfigMap', name: 'app' }], restart: { approval: 'Manual' } }),
        { ...policy({ sources: [{ kind: 'Secret', name: 'db' }] }), metadata: { name: 'free' } },
      ],
      [...WORLD, { ...policy({ sources: [{ kind: 'Secret', name: 'db' }] }), metadata: { name: 'free' } }],
    );
    assert.equal(code, 20);
    assert.deepEqual((JSON.parse(stdout) as Printed).workloads[0]?.reasons, []);
  });

  const document = (level: string, port: string | number): object =>
    configMap({ 'config.yaml': `server: {port: ${port}} # a comment\nlogging: {level: '${level}'}\n` });
  const cases: readonly (readonly [what: string, changes: readonly object[], code: number, keys: readonly string[]])[] =
    [
      ['what is there', [configMap({}), policy(), deployment()], 0, []],
      ['a document written in another way', [document('info', 8080)], 0, ['Ignore ConfigMap/app:config.yaml']],
      ['a hot place', [document('debug', 8080)], 10, ['Hot ConfigMap/app:config.yaml#/logging/level']],
      ['a cold place', [document('info', 9090)], 20, ['Restart ConfigMap/app:config.yaml#/server/port']],
      ['a key that rules ignore', [configMap({ 'a.md': 'x' })], 0, ['Ignore ConfigMap/app:a.md']],
      ['the same Secret, in base64', [secret({ data: { token: 'aHVudGVyMg==' } })], 0, []],
      ['another Secret', [secret({ stringData: { token: 'x' } })], 20, ['Restart Secret/db:token']],
      [
        'a key that nobody reads',
        [secret({ stringData: { token: 'hunter2', more: 'x' } })],
        0,
        ['Unused Secret/db:more'],
      ],
      [
        'a Secret without a key that is required',
        [secret({ stringData: { tokens: 'x' } })],
        20,
        ['Restart Secret/db:token', 'Unused Secret/db:tokens'],
      ],
      ['an edited rule alone', [policy({ defaultClass: 'Hot' })], 0, []],
      [
        'a policy that is suspended, and a change',
        [policy({ suspend: true }), configMap({ flag: 'b' })],
        20,
        ['Restart ConfigMap/app:flag'],
      ],
      [
        'invalid content',
        [policy({ validation: [{ keys: ['flag'], format: 'Number' }] }), configMap({ flag: 'b' })],
        30,
        ['Restart ConfigMap/app:flag'],
      ],
      ['another pod template', [deployment('web:2')], 20, []],
      ['a workload that is new', [{ ...deployment(), metadata: { name: 'new' } }], 0, []],
    ];
  for (const [what, changes, code, keys] of cases) {
    it(`is ${code} for ${what}`, async () => {
      const ran = await planned(changes);
      assert.equal(ran.stderr, '');
      const web = (JSON.parse(ran.stdout) as Printed).workloads.find(({ name }) => name === 'web');
      assert.deepEqual(
        web?.keys.map(({ key, effect }) => `${effect} ${key}`),
        keys,
        ran.stdout,
      );
      assert.equal(ran.code, code);
      assert.doesNotMatch(ran.stdout, /hunter2/);
    });
  }

  it('tells once of a document that does not parse, and why it counts as a whole', async () => {
    const { stdout } = await planned([configMap({ 'config.yaml': 'logging: [' })], WORLD, 'text');
    const lines = stdout.split('\n').filter((line) => line.includes('config.yaml'));
    assert.deepEqual(
      lines.map((line) => line.trim().replaceAll(/ {2,}/g, ' ')),
      [
        'ConfigMap/app:config.yaml restart it counts as a whole until it parses: line 1, column 11: wrong indentation, or a bracket that is not closed',
      ],
    );
  });

  it('names no place in a Secret, and what the places are declared', async () => {
    const holding = (level: string): object =>
      secret({ stringData: { token: 'hunter2', 'config.yaml': `logging: {level: ${level}}\nport: 1\n` } });
    const rules = [{ keys: ['config.yaml'], paths: ['/logging/**'], class: 'Hot' }];
    const mounting = deployment();
    Object.assign((mounting as { spec: { template: { spec: object } } }).spec.template.spec, {
      volumes: [{ name: 'config', secret: { secretName: 'db' } }],
    });
    const world = [configMap({}), holding('info'), policy({ rules }), mounting];
    const { code, stdout } = await planned([holding('debug')], world, 'text');
    assert.equal(code, 10);
    assert.match(stdout, /Secret\/db:config\.yaml +hot +places in it that are declared Hot by policy app\n/);
    assert.doesNotMatch(stdout, /level|by the default/);
  });

  it('lets a policy that only observes decide nothing where another enforces', async () => {
    const observing = (spec: object): object => ({
      ...policy({ mode: 'Observe', rules: [], ...spec }),
      metadata: { name: 'observing' },
    });
    const hot = [configMap({ 'config.yaml': 'logging: {level: debug}\nserver: {port: 8080}\n' })];
    const { code } = await planned(hot, [...WORLD, observing({})]);
    assert.equal(code, 10);

    const own = [SECRET, configMap({}), deployment(), policy({ sources: [{ kind: 'ConfigMap', name: 'app' }] })];
    const secretOnly = observing({ sources: [{ kind: 'Secret', name: 'db' }] });
    const said = await planned([secret({ stringData: { token: 'x' } })], [...own, secretOnly]);
    assert.equal(said.code, 0);
    assert.deepEqual(
      (JSON.parse(said.stdout) as Printed).workloads.map(({ effect, reasons }) => [effect, reasons]),
      [['Nothing', ['mode Observe: it would be restarted for Secret/db:token']]],
    );
  });

  it('says what is missing, or in the way', async () => {
    const reasons = async (...changes: readonly object[]): Promise<string> =>
      (JSON.parse((await planned(changes)).stdout) as Printed).workloads[0]?.reasons.join('; ') ?? '';
    assert.match(await reasons(secret({ stringData: { tokens: 'x' } })), /Secret\/db lacks the key token/);
    assert.match(await reasons(policy({ suspend: true }), configMap({ flag: 'b' })), /policy app is suspended/);
  });

  it('says what is wrong with a path or a duration in words, not by a pattern', async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [
        { rules: [{ keys: ['a.yaml'], paths: ['logging'], class: 'Hot' }] },
        'spec.rules[0].paths[0]: is no path: write it as /logging/level or /logging/**; * and ** stand for whole steps',
      ],
      [{ restart: { debounce: '5 s' } }, 'spec.restart.debounce: is no duration: write it as 500ms or 1h30m'],
    ];
    for (const [spec, said] of wrong) {
      const { code, stderr } = await planned([policy(spec)]);
      assert.deepEqual([code, stderr], [1, `kubectl reload: standard input: ReloadPolicy app: ${said}\n`]);
    }
  });

  it('needs something to plan', async () => {
    const { code, stderr } = await planned([{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } }]);
    assert.equal(code, 1);
    assert.match(stderr, /^kubectl reload: there is nothing to plan: /);
  });
});

/** A policy that renders app-live and db-live, which the workload reads in the place of app and db. */
const managed = (spec: object = {}): object =>
  policy({
    delivery: {
      mode: 'Managed',
      objects: [
        { name: 'app-live', source: { kind: 'ConfigMap', name: 'app' }, workloads: [WEB] },
        { name: 'db-live', source: { kind: 'Secret', name: 'db' }, workloads: [WEB] },
      ],
    },
    sources: [
      { kind: 'ConfigMap', name: 'app' },
      { kind: 'Secret', name: 'db' },
    ],
    ...spec,
  });
const WEB = { kind: 'Deployment', name: 'web' };
const readingLive = (): object =>
  JSON.parse(
    JSON.stringify(deployment())
      .replace('"secretKeyRef":{"name":"db"', '"secretKeyRef":{"name":"db-live"')
      .replace('"configMap":{"name":"app"}', '"configMap":{"name":"app-live"}'),
  ) as object;
const MANAGED = [configMap({}), SECRET, managed(), readingLive()];

describe('a plan for what reads live objects', () => {
  const effectsOf = async (
    changes: readonly object[],
    world: readonly object[] = MANAGED,
  ): Promise<readonly [number, readonly string[]]> => {
    const { code, stdout } = await planned(changes, [...world]);
    const { workloads } = JSON.parse(stdout) as Printed;
    return [code, workloads.flatMap(({ name, keys }) => keys.map(({ key, effect }) => `${name}: ${effect} ${key}`))];
  };

  it('is by their sources', async () => {
    assert.deepEqual(await effectsOf([configMap({ flag: 'b' })]), [20, ['web: Restart ConfigMap/app:flag']]);
    const hot = configMap({ 'config.yaml': CONFIG.replace('info', 'debug') });
    assert.deepEqual(await effectsOf([hot]), [10, ['web: Hot ConfigMap/app:config.yaml#/logging/level']]);
    assert.deepEqual(await effectsOf([secret({ stringData: { token: 'x' } })]), [20, ['web: Restart Secret/db:token']]);
    assert.deepEqual(await effectsOf([configMap({})]), [0, []]);
  });

  it('has nothing for a live object without its policy, or of another workload', async () => {
    const other = managed({
      delivery: {
        mode: 'Managed',
        objects: [
          {
            name: 'app-live',
            source: { kind: 'ConfigMap', name: 'app' },
            workloads: [{ kind: 'Deployment', name: 'other' }],
          },
        ],
      },
    });
    for (const each of [policy(), other])
      assert.deepEqual(await effectsOf([configMap({ flag: 'b' })], [configMap({}), SECRET, each, readingLive()]), [
        0,
        [],
      ]);
  });

  it('lets no policy bind it by what another one renders, as the operator', async () => {
    const direct = { ...policy({ sources: [{ kind: 'ConfigMap', name: 'app' }] }), metadata: { name: 'direct' } };
    const { stdout } = await planned([configMap({ flag: 'b' })], [...MANAGED, direct]);
    const { workloads } = JSON.parse(stdout) as { readonly workloads: readonly { readonly policies: unknown }[] };
    assert.deepEqual(
      workloads.map(({ policies }) => policies),
      [['app']],
    );
    const explained = await reload(['explain', 'deploy/web', '--against', folderOf(...MANAGED, direct)]);
    assert.match(explained.stdout, /^Deployment web of namespace default: bound by app\n/);
  });

  it('is the same while a workload moves from a source to its live object', async () => {
    const moved = await planned([readingLive()], [configMap({}), SECRET, managed(), deployment()]);
    const { workloads } = JSON.parse(moved.stdout) as Printed;
    assert.deepEqual(
      workloads.map(({ effect, keys, reasons }) => [effect, keys, reasons]),
      [['Restart', [], ['its own pod template changes: that rollout restarts it, and carries the change']]],
    );
  });
});

describe('an explanation by manifests', () => {
  it('tells the keys of the source whose live object is read', async () => {
    const explained = (...args: readonly string[]): Promise<Ran> =>
      reload(['explain', 'deploy/web', '--against', folderOf(...MANAGED), ...args]);
    const { code, stdout } = await explained();
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^Deployment web of namespace default: bound by app\nConfigMap\/app reaches it as ConfigMap\/app-live\nSecret\/db reaches/,
    );
    assert.match(stdout, /^ConfigMap\/app:flag +Restart .*\n +read as \/etc\/app\/flag \(main\)$/m);
    assert.match(stdout, /^Secret\/db:token +Restart +.*\n +read as env TOKEN \(main\)$/m);
    assert.doesNotMatch(stdout, /-live:|no policy/);
    const { live } = JSON.parse((await explained('-o', 'json')).stdout) as { readonly live: readonly unknown[] };
    assert.deepEqual(live[0], {
      object: { kind: 'ConfigMap', name: 'app-live' },
      source: { kind: 'ConfigMap', name: 'app' },
    });
  });

  const explained = (...args: readonly string[]): Promise<Ran> =>
    reload(['explain', 'deploy/web', '--against', folderOf(...WORLD), ...args]);

  it('tells each key, what it does, why, and where it is read', async () => {
    const { code, stdout } = await explained();
    assert.equal(code, 0);
    assert.match(stdout, /^Deployment web of namespace default: bound by app\n\nKEY +EFFECT +WHY\n/);
    assert.match(
      stdout,
      /^ConfigMap\/app:config\.yaml +Restart +policy app declares Restart by default; in the document: \/logging\/\*\* Hot /m,
    );
    assert.match(stdout, /^Secret\/db:token +Restart +.*\n +read as env TOKEN \(main\)$/m);
  });

  it('tells what would hold a change, by keys, and what lets it through', async () => {
    const shut = { name: 'never', type: 'Deny', cron: '* * * * *', duration: '1h' };
    const gated = policy({ restart: { windows: [shut], approval: 'Manual' } });
    const own = {
      ...policy({ sources: [{ kind: 'Secret', name: 'db' }], restart: { cooldown: '1h' } }),
      metadata: { name: 'own' },
    };
    const textOf = async (...policies: readonly object[]): Promise<string> =>
      (await reload(['explain', 'deploy/web', '--against', folderOf(configMap({}), SECRET, deployment(), ...policies)]))
        .stdout;
    const waits = [
      '  - policy app wants approval: kubectl reload approve deploy/web',
      '  - policy app: window never denies restarts; when one opens is not in sight',
      'Once it waits, kubectl reload now deploy/web -n default lets it begin at once.',
      '',
    ].join('\n');
    assert.ok((await textOf(gated)).endsWith(`\nA change that takes a restart would wait now:\n${waits}`));
    const apart = {
      ...gated,
      spec: { ...(gated as { spec: object }).spec, sources: [{ kind: 'ConfigMap', name: 'app' }] },
    };
    assert.ok(
      (await textOf(apart, own)).endsWith(
        `\nA change of ConfigMap/app:config.yaml, ConfigMap/app:flag would wait now:\n${waits}\nA change of Secret/db:token would begin now.\n`,
      ),
    );
    assert.match(await textOf(own), /\nA change that takes a restart would begin now\.\n$/);
    assert.doesNotMatch(await textOf(policy()), /would (wait|begin)/);
  });

  it('tells one key', async () => {
    const { stdout } = await explained('--key', 'flag', '-o', 'json');
    const { keys } = JSON.parse(stdout) as { readonly keys: readonly { readonly key: string }[] };
    assert.deepEqual(
      keys.map(({ key }) => key),
      ['flag'],
    );
  });

  it('names what is not there', async () => {
    const { code, stderr } = await explained('--key', 'nothing');
    assert.equal(code, 1);
    assert.match(stderr, /no source that counts for Deployment web has a key nothing/);
    const missing = await reload(['explain', 'sts/web', '--against', folderOf(...WORLD)]);
    assert.match(missing.stderr, /there is no StatefulSet web in namespace default/);
  });
});

describe('the rights for policies', () => {
  const rights = (...args: readonly string[]): Promise<Ran> =>
    reload(['rbac', '-f', '-', ...args], {
      stdin: () => Promise.resolve(stringify(policy({ sources: [{ kind: 'Secret', name: 'db' }] }))),
    });

  it('are Roles and bindings, with what one should know', async () => {
    const { code, stdout } = await rights('-n', 'shop');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /kind: Role\nmetadata:\n {2}name: reload-operator-secrets\n {2}namespace: shop\nrules:\n[^]*resourceNames:\n {6}- db\n/,
    );
    assert.match(stdout, /^---\napiVersion: rbac.authorization.k8s.io\/v1\nkind: RoleBinding$/m);
    const complete = await rights('--complete', '--serviceaccount', 'ops:reload');
    assert.match(complete.stdout, /^# ConfigMaps are watched in the whole namespace/);
    assert.match(complete.stdout, /subjects:\n {2}- kind: ServiceAccount\n {4}name: reload\n {4}namespace: ops\n/);
  });

  it('are for policies only', async () => {
    const { code, stderr } = await reload(['rbac', '-f', folderOf(configMap({}))]);
    assert.equal(code, 1);
    assert.match(stderr, /there is no ReloadPolicy in /);
    assert.equal((await rights('--serviceaccount', 'ops')).code, 2);
  });
});
