import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { expand, namesIn } from '../../../src/domain/references/expansion.ts';
import {
  findUnfollowed,
  findUses,
  neededKeys,
  placeOf,
  readerOf,
  usesKey,
  type PodTemplate,
  type Use,
} from '../../../src/domain/references.ts';

type Spec = NonNullable<PodTemplate['spec']>;
type Container = NonNullable<Spec['containers']>[number];
type Volume = NonNullable<Spec['volumes']>[number];

/** `File app:key of main (init, optional)`; `*`: every key; `Secret/`: of a Secret. */
const told = (use: Use): string => {
  const { way, source, key = '*', container, init, sidecar, except = [], optional } = use;
  const others = neededKeys(use).filter((needed) => needed !== use.key);
  const marks = [
    ...(init ? ['init'] : []),
    ...(sidecar === true ? ['sidecar'] : []),
    ...except.map((each) => `not ${each}`),
    ...(optional ? ['optional'] : []),
    ...(others.length > 0 ? [`needs ${others.join(' ')} too`] : []),
  ];
  return `${way} ${source.kind === 'Secret' ? 'Secret/' : ''}${source.name}:${key} of ${container}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
};

const usesOf = (spec: Spec): readonly string[] => findUses({ spec }).map(told);

const main = (more: Omit<Container, 'name'>): Container => ({ name: 'main', ...more });
const mounted = (
  volume: Omit<Volume, 'name'>,
  mount: Omit<NonNullable<Container['volumeMounts']>[number], 'name'> = {},
): Spec => ({
  volumes: [{ name: 'v', ...volume }],
  containers: [main({ volumeMounts: [{ name: 'v', ...mount }] })],
});
const flagFrom = (key: string, more: { readonly optional?: boolean } = {}) => ({
  name: 'FLAG',
  valueFrom: { configMapKeyRef: { name: 'app', key, ...more } },
});

const literal = (name: string, value: string) => ({ name, value });
const secretFlag = (key: string, more: { readonly optional?: boolean } = {}) => ({
  name: 'FLAG',
  valueFrom: { secretKeyRef: { name: 'app', key, ...more } },
});

type Case = readonly [what: string, spec: Spec, uses: readonly string[]];

const expressions = (): readonly Case[] => {
  const within = (subPathExpr: string, env: Container['env'], more: Omit<Container, 'name'> = {}): Spec => ({
    volumes: [{ name: 'v', configMap: { name: 'conf' } }],
    containers: [main({ volumeMounts: [{ name: 'v', subPathExpr }], ...(env && { env }), ...more })],
  });
  const fromField = { name: 'STAGE', valueFrom: {} };
  return [
    ['a subPathExpr of a variable from elsewhere: any key', within('$(WHICH)', []), ['SubPath conf:* of main']],
    [
      'a subPathExpr of a literal variable: that key',
      within('app-$(STAGE).yaml', [literal('STAGE', 'prod')]),
      ['SubPath conf:app-prod.yaml of main'],
    ],
    [
      'a subPathExpr of a variable built from others',
      within('$(FILE)', [literal('STAGE', 'prod'), literal('FILE', 'app-$(STAGE).yaml')]),
      ['SubPath conf:app-prod.yaml of main'],
    ],
    [
      'a subPathExpr of a variable built from a later one, which the kubelet does not know yet',
      within('$(FILE)', [literal('FILE', 'app-$(STAGE).yaml'), literal('STAGE', 'prod')]),
      ['SubPath conf:* of main'],
    ],
    [
      'a subPathExpr of a variable that is set again: its last value',
      within('$(STAGE)', [literal('STAGE', 'test'), literal('STAGE', 'prod')]),
      ['SubPath conf:prod of main'],
    ],
    [
      'a subPathExpr of a variable that is set again from elsewhere',
      within('$(STAGE)', [literal('STAGE', 'test'), fromField]),
      ['SubPath conf:* of main'],
    ],
    [
      'a subPathExpr of a literal and another variable',
      within('$(A)-$(STAGE)', [literal('A', 'a'), fromField]),
      ['SubPath conf:* of main'],
    ],
    [
      'a subPathExpr of a variable that a key gives: any key, and that one',
      within('$(FLAG)', [flagFrom('flag')]),
      ['SubPath conf:* of main', 'Env app:flag of main'],
    ],
    ['a subPathExpr without variables', within('a', []), ['SubPath conf:a of main']],
    ['a subPathExpr with an escape', within('$$(A)', [literal('A', 'a')]), ['SubPath conf:$(A) of main']],
    [
      'a subPathExpr into items',
      {
        ...within('$(STAGE)', [literal('STAGE', 'prod')]),
        volumes: [
          {
            name: 'v',
            secret: {
              secretName: 'conf',
              items: [
                { key: 'a', path: 'prod/x' },
                { key: 'b', path: 'test/x' },
              ],
            },
          },
        ],
      },
      ['SubPath Secret/conf:a of main (needs b too)'],
    ],
  ];
};

describe('what a pod template uses of ConfigMaps and Secrets', () => {
  const cases: readonly Case[] = [
    ['nothing', { containers: [main({})] }, []],
    ['a volume: every key, as files', mounted({ configMap: { name: 'app' } }), ['File app:* of main']],
    ['an optional volume', mounted({ configMap: { name: 'app', optional: true } }), ['File app:* of main (optional)']],
    [
      'a volume with items: those keys',
      mounted({
        configMap: {
          name: 'app',
          items: [
            { key: 'a', path: 'x' },
            { key: 'b', path: 'y' },
          ],
        },
      }),
      ['File app:a of main', 'File app:b of main'],
    ],
    [
      'a projected volume of two sources',
      mounted({
        projected: {
          sources: [
            {},
            { configMap: { name: 'app', items: [{ key: 'a', path: 'a' }] } },
            { configMap: { name: 'other', optional: true } },
          ],
        },
      }),
      ['File app:a of main', 'File other:* of main (optional)'],
    ],
    [
      'a volume that no container mounts',
      { volumes: [{ name: 'v', configMap: { name: 'app' } }], containers: [main({})] },
      [],
    ],
    ['a volume of another kind', mounted({}), []],
    [
      'a subPath: that key, bound at the start',
      mounted({ configMap: { name: 'app' } }, { subPath: 'a' }),
      ['SubPath app:a of main'],
    ],
    [
      'a subPath into items: the key whose file it is',
      mounted(
        {
          configMap: {
            name: 'app',
            items: [
              { key: 'a', path: 'x' },
              { key: 'b', path: 'y' },
            ],
          },
        },
        { subPath: 'y' },
      ),
      ['SubPath app:b of main (needs a too)'],
    ],
    [
      'a subPath to a folder of items: all keys below it',
      mounted(
        {
          configMap: {
            name: 'app',
            items: [
              { key: 'a', path: 'd/x' },
              { key: 'b', path: 'd/y' },
              { key: 'c', path: 'dd' },
            ],
          },
        },
        { subPath: 'd' },
      ),
      ['SubPath app:a of main (needs b c too)', 'SubPath app:b of main (needs a c too)'],
    ],
    [
      'an optional subPath into items',
      mounted({ configMap: { name: 'app', optional: true, items: [{ key: 'a', path: 'x' }] } }, { subPath: 'x' }),
      ['SubPath app:a of main (optional)'],
    ],
    [
      'a subPath with dots and slashes',
      mounted({ configMap: { name: 'app' } }, { subPath: './a/' }),
      ['SubPath app:a of main'],
    ],
    [
      'a subPath that is the whole volume: the folder in which the kubelet swaps files',
      mounted({ configMap: { name: 'app' } }, { subPath: '.' }),
      ['File app:* of main'],
    ],
    [
      "a subPath to the kubelet's own link: the folder of the files as they were at the start",
      mounted({ configMap: { name: 'app' } }, { subPath: '..data' }),
      ['SubPath app:* of main'],
    ],
    [
      "a subPath through the kubelet's own link",
      mounted({ configMap: { name: 'app' } }, { subPath: '..data/a' }),
      ['SubPath app:a of main'],
    ],
    [
      'paths of items with dots and slashes',
      mounted({ configMap: { name: 'app', items: [{ key: 'a', path: 'd//./x' }] } }, { subPath: 'd/x' }),
      ['SubPath app:a of main'],
    ],
    ...expressions(),
    ['a variable of env', { containers: [main({ env: [flagFrom('flag')] })] }, ['Env app:flag of main']],
    [
      'an optional variable of env',
      { containers: [main({ env: [flagFrom('flag', { optional: true })] })] },
      ['Env app:flag of main (optional)'],
    ],
    [
      'a variable on the command line',
      { containers: [main({ args: ['--flag=$(FLAG)'], env: [flagFrom('flag')] })] },
      ['Args app:flag of main'],
    ],
    [
      'a variable in the command',
      { containers: [main({ command: ['run', '$(FLAG)'], env: [flagFrom('flag')] })] },
      ['Args app:flag of main'],
    ],
    [
      'a variable that reaches the command line through others',
      {
        containers: [
          main({
            args: ['$(LINE)'],
            env: [
              flagFrom('flag'),
              { name: 'OPTION', value: '--flag=$(FLAG)' },
              { name: 'LINE', value: 'x $(OPTION)' },
            ],
          }),
        ],
      },
      ['Args app:flag of main'],
    ],
    [
      'a variable that reaches another one, but not the command line',
      { containers: [main({ args: ['$(NONE)'], env: [flagFrom('flag'), { name: 'OPTION', value: '$(FLAG)' }] })] },
      ['Env app:flag of main'],
    ],
    [
      'an escaped variable',
      { containers: [main({ args: ['--flag=$$(FLAG)'], env: [flagFrom('flag')] })] },
      ['Env app:flag of main'],
    ],
    [
      'an escaped dollar before a variable',
      { containers: [main({ args: ['--flag=$$$(FLAG)'], env: [flagFrom('flag')] })] },
      ['Args app:flag of main'],
    ],
    [
      'a shell variable, which the kubelet leaves alone',
      { containers: [main({ args: ['sh', '-c', 'echo $FLAG ${FLAG}'], env: [flagFrom('flag')] })] },
      ['Env app:flag of main'],
    ],
    [
      'envFrom: every key',
      { containers: [main({ envFrom: [{ configMapRef: { name: 'app' } }] })] },
      ['EnvFrom app:* of main'],
    ],
    [
      'envFrom with a prefix, one of its variables on the command line',
      {
        containers: [
          main({
            args: ['$(APP_flag)', '$(OTHER)'],
            envFrom: [{ prefix: 'APP_', configMapRef: { name: 'app', optional: true } }],
          }),
        ],
      },
      ['Args app:flag of main (optional)', 'EnvFrom app:* of main (optional)'],
    ],
    [
      'an init container, which has read before the others start',
      { initContainers: [{ name: 'setup', env: [flagFrom('flag')] }], containers: [main({})] },
      ['Env app:flag of setup (init)'],
    ],
    [
      'a sidecar, which runs on',
      { initContainers: [{ name: 'proxy', restartPolicy: 'Always', env: [flagFrom('flag')] }], containers: [main({})] },
      ['Env app:flag of proxy (sidecar)'],
    ],
    ['a Secret volume: every key', mounted({ secret: { secretName: 'app' } }), ['File Secret/app:* of main']],
    [
      'a Secret volume with items, optional',
      mounted({ secret: { secretName: 'app', optional: true, items: [{ key: 'a', path: 'x' }] } }),
      ['File Secret/app:a of main (optional)'],
    ],
    [
      'a subPath of a Secret volume',
      mounted({ secret: { secretName: 'app' } }, { subPath: 'a' }),
      ['SubPath Secret/app:a of main'],
    ],
    [
      'a projected volume of a ConfigMap and a Secret of the same name',
      mounted({
        projected: {
          sources: [{ configMap: { name: 'app' } }, { secret: { name: 'app', items: [{ key: 'a', path: 'a' }] } }],
        },
      }),
      ['File app:* of main', 'File Secret/app:a of main'],
    ],
    [
      'a variable from a Secret',
      { containers: [main({ env: [secretFlag('flag')] })] },
      ['Env Secret/app:flag of main'],
    ],
    [
      'a variable from a Secret on the command line, optional',
      { containers: [main({ args: ['$(FLAG)'], env: [secretFlag('flag', { optional: true })] })] },
      ['Args Secret/app:flag of main (optional)'],
    ],
    [
      'envFrom of a Secret with a prefix, one of its variables on the command line',
      {
        containers: [main({ command: ['x', '$(DB_user)'], envFrom: [{ prefix: 'DB_', secretRef: { name: 'app' } }] })],
      },
      ['Args Secret/app:user of main (optional)', 'EnvFrom Secret/app:* of main'],
    ],
    [
      'envFrom beneath a variable of the same name, which hides it',
      {
        containers: [
          main({ args: ['$(FLAG)'], env: [literal('FLAG', 'x')], envFrom: [{ configMapRef: { name: 'app' } }] }),
        ],
      },
      ['EnvFrom app:* of main (not FLAG)'],
    ],
    [
      'envFrom with a prefix beneath a variable of the same name',
      {
        containers: [
          main({
            env: [literal('P_FLAG', 'x'), literal('OTHER', 'x')],
            envFrom: [{ prefix: 'P_', configMapRef: { name: 'app' } }],
          }),
        ],
      },
      ['EnvFrom app:* of main (not FLAG)'],
    ],
    [
      'envFrom beneath an optional variable, which may leave it as it is',
      {
        containers: [main({ env: [flagFrom('flag', { optional: true })], envFrom: [{ secretRef: { name: 'app' } }] })],
      },
      ['Env app:flag of main (optional)', 'EnvFrom Secret/app:* of main'],
    ],
    [
      'envFrom beneath a variable that is built from its own earlier value',
      {
        containers: [main({ env: [literal('FLAG', '$(FLAG) more')], envFrom: [{ configMapRef: { name: 'app' } }] })],
      },
      ['EnvFrom app:* of main'],
    ],
    [
      'a variable that is set again, for certain',
      { containers: [main({ env: [flagFrom('flag'), literal('FLAG', 'x')] })] },
      [],
    ],
    [
      'a variable that another one is built from before it is set again',
      { containers: [main({ env: [flagFrom('flag'), literal('OPTION', '$(FLAG)'), literal('FLAG', 'x')] })] },
      ['Env app:flag of main'],
    ],
    [
      'a variable that may be set again',
      { containers: [main({ env: [flagFrom('flag'), secretFlag('flag', { optional: true })] })] },
      ['Env app:flag of main', 'Env Secret/app:flag of main (optional)'],
    ],
    [
      'a name with brackets, and one that is not closed',
      {
        containers: [
          main({ args: ['$(a(b)', '$(FLAG'], env: [{ ...flagFrom('flag'), name: 'a(b' }, flagFrom('other')] }),
        ],
      },
      ['Args app:flag of main', 'Env app:other of main'],
    ],
    [
      'credentials for pulling images, which are no content',
      { containers: [main({})], ...{ imagePullSecrets: [{ name: 'app' }] } },
      [],
    ],
    [
      'one key in many ways',
      {
        volumes: [{ name: 'v', configMap: { name: 'app' } }],
        initContainers: [{ name: 'setup', volumeMounts: [{ name: 'v' }] }],
        containers: [main({ env: [flagFrom('flag')], volumeMounts: [{ name: 'v' }, { name: 'v', subPath: 'a' }] })],
      },
      ['File app:* of setup (init)', 'File app:* of main', 'SubPath app:a of main', 'Env app:flag of main'],
    ],
  ];
  for (const [what, spec, expected] of cases) {
    it(what, () => {
      assert.deepEqual(usesOf(spec), expected);
    });
  }

  it('nothing where there is no spec', () => {
    assert.deepEqual(findUses({}), []);
  });
});

describe('where a container finds a key', () => {
  const places = (spec: Spec, key: string): readonly string[] =>
    findUses({ spec }).flatMap((use) => (usesKey(use, key) ? [`${readerOf(use)}: ${placeOf(use, key)}`] : []));
  const at = (volume: Omit<Volume, 'name'>, mount: { readonly subPath?: string; readonly subPathExpr?: string } = {}) =>
    mounted(volume, { mountPath: '/etc/app', ...mount });
  const items = [{ key: 'a', path: 'd/x' }];
  const cases: readonly (readonly [what: string, spec: Spec, key: string, places: readonly string[]])[] = [
    ['a file', at({ configMap: { name: 'app' } }), 'a', ['container main: /etc/app/a']],
    [
      'a file below the root',
      mounted({ secret: { secretName: 'app' } }, { mountPath: '/' }),
      'a',
      ['container main: /a'],
    ],
    ['a renamed file', at({ configMap: { name: 'app', items } }), 'a', ['container main: /etc/app/d/x']],
    ['a file by subPath', at({ configMap: { name: 'app' } }, { subPath: 'a' }), 'a', ['container main: /etc/app']],
    [
      'a renamed file by subPath',
      at({ configMap: { name: 'app', items } }, { subPath: 'd/x' }),
      'a',
      ['container main: /etc/app'],
    ],
    [
      'a renamed file in a folder by subPath',
      at({ configMap: { name: 'app', items } }, { subPath: 'd' }),
      'a',
      ['container main: /etc/app/x'],
    ],
    [
      'a file by an unknown subPath',
      at({ configMap: { name: 'app' } }, { subPathExpr: '$(X)' }),
      'a',
      ['container main: /etc/app (by its subPathExpr)'],
    ],
    [
      'a renamed file by an unknown subPath',
      at({ configMap: { name: 'app', items } }, { subPathExpr: '$(X)' }),
      'a',
      ['container main: /etc/app (by its subPathExpr)'],
    ],
    [
      "a file by the kubelet's own link",
      at({ configMap: { name: 'app' } }, { subPath: '..data' }),
      'a',
      ['container main: /etc/app/a'],
    ],
    ['a variable', { containers: [main({ env: [flagFrom('a')] })] }, 'a', ['container main: env FLAG']],
    [
      'a variable with a prefix, in a sidecar',
      {
        initContainers: [
          { name: 'proxy', restartPolicy: 'Always', envFrom: [{ prefix: 'P_', configMapRef: { name: 'app' } }] },
        ],
      },
      'a',
      ['sidecar proxy: env P_a'],
    ],
    [
      'an argument of an init container',
      {
        initContainers: [
          { name: 'setup', args: ['$(P_a)'], envFrom: [{ prefix: 'P_', configMapRef: { name: 'app' } }] },
        ],
      },
      'a',
      ['init container setup: argument via $(P_a)', 'init container setup: env P_a'],
    ],
    [
      'a variable that another one hides',
      { containers: [main({ env: [literal('a', '')], envFrom: [{ configMapRef: { name: 'app' } }] })] },
      'a',
      [],
    ],
  ];
  for (const [what, spec, key, expected] of cases) {
    it(what, () => {
      assert.deepEqual(places(spec, key), expected);
    });
  }
});

describe('what is delivered from elsewhere', () => {
  const csi = (driver: string) => mounted({ csi: { driver } });

  it('is named where a secrets-store driver delivers it', () => {
    assert.deepEqual(findUnfollowed({ spec: csi('secrets-store.csi.k8s.io') }), [
      'volume v (CSI driver secrets-store.csi.k8s.io) is not followed: changes of what it delivers are not seen',
    ]);
    assert.equal(findUnfollowed({ spec: csi('secrets-store-gke.csi.k8s.io') }).length, 1);
  });

  it('is not named where another driver does, or no container mounts it', () => {
    assert.deepEqual(findUnfollowed({ spec: csi('efs.csi.aws.com') }), []);
    assert.deepEqual(findUnfollowed({ spec: { ...csi('secrets-store.csi.k8s.io'), containers: [main({})] } }), []);
    assert.deepEqual(findUnfollowed({}), []);
  });
});

describe('references in texts', () => {
  const word = fc.string({ unit: fc.constantFrom('$', '(', ')', 'A', 'B', 'é') });

  it('are found and replaced by the same rules', () => {
    fc.assert(
      fc.property(word, (text) => {
        const asked: string[] = [];
        expand(text, (name) => {
          asked.push(name);
          return '';
        });
        assert.deepEqual(asked, namesIn(text));
      }),
    );
  });

  it('are read as the kubelet reads them, character by character', () => {
    fc.assert(
      fc.property(word, (text) => {
        assert.equal(
          expand(text, (name) => `<${name}>`),
          asKubelet(text),
        );
      }),
    );
  });

  it('cost one step for each character', () => {
    const hostile = '$('.repeat(500_000);
    const from = performance.now();
    assert.equal(
      expand(hostile, () => ''),
      hostile,
    );
    assert.ok(performance.now() - from < 1_000);
  });
});

/** k8s.io/kubernetes/third_party/forked/golang/expansion, in its own words. */
const asKubelet = (input: string): string => {
  let result = '';
  for (let cursor = 0; cursor < input.length; cursor++) {
    if (input[cursor] !== '$' || cursor + 1 >= input.length) {
      result += input[cursor] ?? '';
      continue;
    }
    const rest = input.slice(cursor + 1);
    if (rest.startsWith('$')) {
      result += '$';
      cursor += 1;
    } else if (rest.startsWith('(')) {
      const end = rest.indexOf(')');
      result += end < 0 ? '$(' : `<${rest.slice(1, end)}>`;
      cursor += end < 0 ? 1 : end + 1;
    } else {
      result += `$${rest[0] ?? ''}`;
      cursor += 1;
    }
  }
  return result;
};
