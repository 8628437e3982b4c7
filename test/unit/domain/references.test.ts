import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findUses, neededKeys, type PodTemplate, type Use } from '../../../src/domain/references.ts';

type Spec = NonNullable<PodTemplate['spec']>;
type Container = NonNullable<Spec['containers']>[number];
type Volume = NonNullable<Spec['volumes']>[number];

/** `File ConfigMap/app:key of main (init, optional)`; `*`: every key. */
const told = (use: Use): string => {
  const { way, source, key = '*', container, init, optional } = use;
  const others = neededKeys(use).filter((needed) => needed !== use.key);
  const marks = [
    ...(init ? ['init'] : []),
    ...(optional ? ['optional'] : []),
    ...(others.length > 0 ? [`needs ${others.join(' ')} too`] : []),
  ];
  return `${way} ${source.name}:${key} of ${container}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
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

describe('what a pod template uses of ConfigMaps', () => {
  const cases: readonly (readonly [what: string, spec: Spec, uses: readonly string[]])[] = [
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
      'a subPath that is the whole volume',
      mounted({ configMap: { name: 'app' } }, { subPath: '.' }),
      ['SubPath app:* of main'],
    ],
    [
      'paths of items with dots and slashes',
      mounted({ configMap: { name: 'app', items: [{ key: 'a', path: 'd//./x' }] } }, { subPath: 'd/x' }),
      ['SubPath app:a of main'],
    ],
    [
      'a subPathExpr, which may become any key',
      mounted({ configMap: { name: 'app' } }, { subPathExpr: '$(WHICH)' }),
      ['SubPath app:* of main'],
    ],
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
      ['Env app:flag of proxy'],
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
