/** What every key does, and why: the answers of `kubectl reload explain`. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explain, type Explained, type KeyExplanation, type SourceFacts } from '../../../src/domain/explain.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import type { Use } from '../../../src/domain/references.ts';
import { aPolicy, aUse, aWorkload, rule } from '../../support/builders.ts';

const held = (...keys: readonly string[]): SourceFacts => ({ state: 'Present', keys });

const explained = ({
  uses = [aUse({ at: '/etc/app/' })],
  policies = [aPolicy({ name: 'p' })],
  app = held('key'),
  sources = {},
}: {
  readonly uses?: readonly Use[];
  readonly policies?: readonly Policy[];
  readonly app?: SourceFacts;
  readonly sources?: Readonly<Record<string, SourceFacts>>;
} = {}): Explained => ({
  workload: aWorkload({ uses }),
  policies,
  sources: new Map([['ConfigMap/app', app], ...Object.entries(sources)]),
});

const one = (known: Explained, key = 'key'): KeyExplanation => {
  const found = explain(known, key);
  const [explanation] = found;
  assert.ok(explanation !== undefined && found.length === 1, `${found.length} explanations`);
  return explanation;
};

describe('the explanation of a key', () => {
  const hot = (more: Partial<Policy> = {}): Policy => aPolicy({ name: 'p', rules: [rule('key', 'Hot')], ...more });
  const said = 'policy p declares Hot by rule 1';
  const env = aUse({ way: 'Env', key: 'key', at: 'FLAG' });
  const cases: readonly (readonly [
    what: string,
    known: Explained,
    effective: KeyExplanation['class'],
    where: readonly string[],
    why: string,
  ])[] = [
    [
      'a hot file',
      explained({ policies: [hot()] }),
      'Hot',
      ['main File /etc/app/key'],
      `${said}, and container main reads it from files`,
    ],
    [
      'a file that a default makes hot',
      explained(),
      'Hot',
      ['main File /etc/app/key'],
      'policy p declares Hot by default, and container main reads it from files',
    ],
    [
      'a hot file of an init container and of two others',
      explained({
        policies: [hot()],
        uses: [
          aUse({ at: '/init/', container: 'setup', init: true }),
          aUse({ at: '/side/', container: 'proxy', sidecar: true }),
          aUse({ at: '/etc/app/' }),
        ],
      }),
      'Hot',
      ['init setup File /init/key', 'sidecar proxy File /side/key', 'main File /etc/app/key'],
      `${said}, and sidecar proxy, container main read it from files`,
    ],
    [
      'a file declared Restart',
      explained({ policies: [hot({ rules: [rule('*.md', 'Hot'), rule('k*', 'Restart')] })] }),
      'Restart',
      ['main File /etc/app/key'],
      'policy p declares Restart by rule 2',
    ],
    [
      'a variable declared Ignore',
      explained({ policies: [hot({ rules: [rule('key', 'Ignore')] })], uses: [env] }),
      'Ignore',
      ['main Env env FLAG'],
      'policy p declares Ignore by rule 1',
    ],
    [
      'a variable declared Hot',
      explained({ policies: [hot()], uses: [env] }),
      'Restart',
      ['main Env env FLAG'],
      `${said}, but it can't be hot: env of container main`,
    ],
    [
      'a variable declared Hot and only reported',
      explained({ policies: [hot({ onImpossible: 'Report' })], uses: [env] }),
      'Ignore',
      ['main Env env FLAG'],
      `${said}, but it can't be hot: env of container main (onImpossible is Report: nothing is done)`,
    ],
    [
      'a file of one container and an argument of another: the strictest counts',
      explained({
        policies: [hot()],
        uses: [aUse({ at: '/etc/app/' }), aUse({ way: 'Args', key: 'key', at: 'FLAG', container: 'side' })],
      }),
      'Restart',
      ['main File /etc/app/key', 'side Args argument via $(FLAG)'],
      `${said}, but it can't be hot: command line of container side`,
    ],
    [
      'the same, only reported',
      explained({ policies: [hot({ onImpossible: 'Report' })], uses: [aUse({ at: '/etc/app/' }), env] }),
      'Hot',
      ['main File /etc/app/key', 'main Env env FLAG'],
      `${said}, but it can't be hot: env of container main (onImpossible is Report: only files are refreshed)`,
    ],
    [
      'a key that no container reads',
      explained({ uses: [aUse({ key: 'other', at: '/etc/app/other' })], app: held('key', 'other') }),
      'Unused',
      [],
      'no container reads it',
    ],
    [
      'a key of which two policies say the same',
      explained({ policies: [hot(), aPolicy({ name: 'q' })] }),
      'Hot',
      ['main File /etc/app/key'],
      `${said}, policy q Hot by default, and container main reads it from files`,
    ],
    [
      'a key of which two policies disagree',
      explained({ policies: [hot(), aPolicy({ name: 'q', defaultClass: 'Restart' })] }),
      'Restart',
      ['main File /etc/app/key'],
      `${said}, policy q Restart by default: the stricter counts`,
    ],
    [
      'a key that a policy would be stricter about, if it did not only observe',
      explained({ policies: [hot(), aPolicy({ name: 'q', defaultClass: 'Restart', observes: true })] }),
      'Hot',
      ['main File /etc/app/key'],
      `${said}, and container main reads it from files`,
    ],
    [
      'a key of a source that no policy names',
      explained({
        policies: [
          hot({ sources: [{ kind: 'Secret', name: 'app' }], workloads: [{ kind: 'Deployment', name: 'web' }] }),
        ],
      }),
      undefined,
      ['main File /etc/app/key'],
      'no policy that binds Deployment web names ConfigMap/app',
    ],
    [
      'a key of a source whose policy does not bind the workload',
      explained({ policies: [hot({ workloads: [{ kind: 'Deployment', name: 'other' }] })] }),
      undefined,
      ['main File /etc/app/key'],
      'no policy that binds Deployment web names ConfigMap/app',
    ],
    [
      'a key of a source that is opted out',
      explained({ policies: [hot()], app: { state: 'Ignored', keys: ['key'] } }),
      'Ignore',
      ['main File /etc/app/key'],
      'ConfigMap/app is opted out by annotation',
    ],
    [
      'a key of an immutable source',
      explained({ policies: [hot()], app: { ...held('key'), immutable: true } }),
      'Hot',
      ['main File /etc/app/key'],
      `${said}, and container main reads it from files; ConfigMap/app is immutable: give new content a new name`,
    ],
    [
      'a key that is required, but not there',
      explained({ policies: [hot()], uses: [env], app: held() }),
      'Restart',
      ['main Env env FLAG'],
      `${said}, but it can't be hot: env of container main; ConfigMap/app has no such key now, and pods can't start without it`,
    ],
    [
      'an optional key that is not there',
      explained({ policies: [hot()], uses: [aUse({ key: 'key', at: '/x', optional: true })], app: held() }),
      'Hot',
      ['main File /x'],
      `${said}, and container main reads it from files; ConfigMap/app has no such key now`,
    ],
    [
      'places within a key',
      explained({
        policies: [
          hot({
            rules: [
              rule('key', 'Hot', { paths: ['/a/**', '/b'] }),
              rule('key', 'Ignore', { paths: ['/c'] }),
              rule('other', 'Hot'),
            ],
            defaultClass: 'Restart',
          }),
        ],
      }),
      'Restart',
      ['main File /etc/app/key'],
      'policy p declares Restart by default; ' +
        'in the document: /a/** Hot (policy p, rule 1), /b Hot (policy p, rule 1), /c Ignore (policy p, rule 2)',
    ],
    [
      "places within a key that can't be hot",
      explained({
        policies: [hot({ rules: [rule('key', 'Hot', { paths: ['/a'] }), rule('key', 'Restart')] })],
        uses: [env],
      }),
      'Restart',
      ['main Env env FLAG'],
      'policy p declares Restart by rule 2; in the document: /a Hot, here Restart (policy p, rule 1)',
    ],
    [
      'places within a key of which another policy is stricter',
      explained({
        policies: [
          hot({ rules: [rule('key', 'Hot', { paths: ['/a'] })] }),
          aPolicy({ name: 'q', defaultClass: 'Restart' }),
        ],
      }),
      'Restart',
      ['main File /etc/app/key'],
      'policy p declares Hot by default, policy q Restart by default: the stricter counts; ' +
        'in the document: /a Hot, here Restart (policy p, rule 1)',
    ],
    [
      'a rule for another source',
      explained({
        policies: [
          hot({ rules: [rule('key', 'Restart', { from: [{ kind: 'Secret', name: 'app' }] }), rule('key', 'Hot')] }),
        ],
      }),
      'Hot',
      ['main File /etc/app/key'],
      'policy p declares Hot by rule 2, and container main reads it from files',
    ],
  ];
  for (const [what, known, effective, where, why] of cases) {
    it(`tells of ${what}`, () => {
      const explanation = one(known);
      assert.equal(explanation.class, effective);
      assert.deepEqual(
        explanation.consumption.map(({ way, container, init, sidecar, where: place }) =>
          [...(init ? ['init'] : []), ...(sidecar ? ['sidecar'] : []), container, way, place].join(' '),
        ),
        where,
      );
      assert.equal(explanation.why, why);
    });
  }

  it('has the numbers of rules, and whether the key is there', () => {
    const explanation = one(
      explained({
        policies: [hot({ rules: [rule('x', 'Hot'), rule('key', 'Hot', { paths: ['/a'] }), rule('k*', 'Restart')] })],
      }),
    );
    assert.deepEqual(explanation.policies, [
      {
        policy: 'p',
        class: 'Restart',
        rule: 3,
        paths: [{ pattern: '/a', class: 'Hot', rule: 2, effective: 'Hot' }],
      },
    ]);
    assert.equal(explanation.present, true);
    assert.equal(one(explained({ app: held(), uses: [env] })).present, false);
    assert.equal(one(explained({ policies: [hot()], uses: [env] })).impossible, 'env of container main');
  });
});

describe('an explanation of everything', () => {
  const secret = { kind: 'Secret', name: 'db' } as const;
  const known = explained({
    uses: [
      aUse({ way: 'EnvFrom', at: 'P_' }),
      aUse({ way: 'Args', key: 'guessed', at: 'P_guessed', optional: true }),
      aUse({ source: secret, way: 'Env', key: 'password', at: 'PASSWORD' }),
    ],
    policies: [aPolicy({ sources: [{ kind: 'ConfigMap', name: 'app' }, secret, { kind: 'ConfigMap', name: 'more' }] })],
    app: held('b', 'a'),
    sources: { 'Secret/db': { state: 'Missing', keys: [] }, 'ConfigMap/more': held('x') },
  });
  const names = (found: readonly KeyExplanation[]): readonly string[] =>
    found.map(({ source, key }) => `${source.kind}/${source.name}:${key}`);

  it('has the keys of all sources that are read or named, and keys that are asked for by name', () => {
    assert.deepEqual(names(explain(known)), [
      'ConfigMap/app:a',
      'ConfigMap/app:b',
      'ConfigMap/more:x',
      'Secret/db:password',
    ]);
  });

  it('can be asked for one key of every source, or of one', () => {
    const both = { ...known, sources: new Map([...known.sources, ['ConfigMap/more', held('a')] as const]) };
    assert.deepEqual(names(explain(both, 'a')), ['ConfigMap/app:a', 'ConfigMap/more:a']);
    assert.deepEqual(names(explain(both, 'ConfigMap/more:a')), ['ConfigMap/more:a']);
    assert.deepEqual(explain(both, 'none'), []);
  });

  it('is empty where nothing is read and nothing is named', () => {
    assert.deepEqual(explain(explained({ uses: [] })), []);
  });
});

describe('what is to be proven of a key', () => {
  const proving = (more: Partial<Policy['hot']> = {}): Policy =>
    aPolicy({
      name: 'p',
      hot: {
        proof: 'Loaded',
        timeoutMs: 30_000,
        onTimeout: 'Report',
        notify: { port: 'http', path: '/-/reload' },
        ...more,
      },
    });
  const proofOf = (policy: Policy, ports: readonly string[] = ['http'], key = 'key'): KeyExplanation['proof'] => {
    const known = explained({ policies: [policy], uses: [aUse(), aUse({ key: 'flag', way: 'Args' })] });
    return one({ ...known, workload: { ...known.workload, ports: new Map([['main', ports]]) } }, key).proof;
  };

  for (const [what, policy, ports, says] of [
    [
      'with whoever is asked',
      proving(),
      ['metrics', 'http'],
      [
        'every pod is to be Loaded within 30s of a hot change, or it is reported',
        'asked to reload: POST /-/reload at port http of main',
      ],
    ],
    [
      'and what is missing for it',
      proving({ onTimeout: 'Restart' }),
      ['metrics'],
      [
        'every pod is to be Loaded within 30s of a hot change, or it is restarted',
        'nobody can be asked to reload: container main declares no port named http',
      ],
    ],
    [
      'though it is only that it is accepted',
      proving({ proof: 'Nudged', timeoutMs: 1_500 }),
      ['http'],
      [
        'every pod is to be Notified within 1.5s of a hot change, or it is reported',
        'asked to reload: POST /-/reload at port http of main',
      ],
    ],
  ] as const) {
    it(`is said ${what}`, () => {
      assert.deepEqual(proofOf(policy, ports)?.says, says);
    });
  }

  it('is nothing where no policy wants it, nor of a key that restarts', () => {
    assert.equal(proofOf(aPolicy({ name: 'p' })), undefined);
    assert.equal(proofOf(proving(), ['http'], 'flag'), undefined);
  });
});
