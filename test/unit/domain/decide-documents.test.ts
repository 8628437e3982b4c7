/** Places inside of documents: what a change of some of them brings about, and what moves only the baseline. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rule } from '../../../src/domain/rules.ts';
import { MINUTE, SECOND, aPolicy, aUse, rule } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const KEY = 'app.yaml';
const HOT = rule(KEY, 'Hot', { paths: ['/limits/**', '/logging/level'] });
const text = ({ rps = 10, level = 'info', port = 80, comment = '' } = {}): string =>
  `${comment}limits: {rps: ${rps}}\nlogging: {level: ${level}}\nserver: {port: ${port}}\n`;

const USES = [aUse({ key: KEY })];
const world = (rules: readonly Rule[] = [HOT], content = text()): World =>
  new World({
    content: { [KEY]: content },
    policies: [aPolicy({ rules, defaultClass: 'Restart' })],
    workload: { uses: USES },
  });
const edit = (of: World, content: string): World => of.edit({ [KEY]: content }).advance(SECOND);
const effects = ({ nudges, restarts }: World): readonly number[] => [nudges, restarts.length];
const keys = (of: World): readonly string[] | undefined => of.ledger()?.history[0]?.keys;

describe('a change inside a document', () => {
  it('is hot where it touches hot places alone, and names them', () => {
    const hot = edit(world(), text({ rps: 20, level: 'debug' }));
    assert.deepEqual(effects(hot), [1, 0]);
    assert.deepEqual(keys(hot), [`ConfigMap/app:${KEY}#/limits/rps`, `ConfigMap/app:${KEY}#/logging/level`]);
    assert.deepEqual(hot.podsRun(KEY).files, true);
    assert.deepEqual(effects(hot.advance(MINUTE)), [1, 0]);
  });

  it('is one restart where it touches any other, which carries the hot ones too', () => {
    const cold = edit(world(), text({ rps: 20, port: 81 }));
    assert.deepEqual(effects(cold), [0, 1]);
    assert.match(cold.restarts[0]?.cause ?? '', /ConfigMap\/app:app\.yaml#\/server\/port/);
    assert.deepEqual(effects(cold.finishRollout().advance(MINUTE)), [0, 1]);
    assert.deepEqual(keys(cold), [`ConfigMap/app:${KEY}#/limits/rps`, `ConfigMap/app:${KEY}#/server/port`]);
    assert.deepEqual(effects(edit(cold, text({ rps: 30, port: 81 }))), [1, 1]);
  });

  it('is none where only comments, order and quoting have', () => {
    const same = edit(world(), '# new\nserver: {"port": 80}\nlogging:\n  level: "info"\nlimits:\n  rps: 10 # ten\n');
    assert.deepEqual([effects(same), same.state()], [[0, 0], 'Adopted']);
    const writes = same.recordWrites;
    assert.deepEqual(effects(edit(same, text())), [0, 0]);
    assert.ok(same.recordWrites <= writes + 1);
  });

  it('counts its comments too where the rule goes by bytes', () => {
    const bytes = world([HOT, rule(KEY, 'Restart', { paths: ['/**'], comparison: 'Bytes' })]);
    assert.deepEqual(effects(edit(bytes, text({ rps: 20 }))), [1, 0]);
    assert.deepEqual(effects(edit(bytes, text({ rps: 20, comment: '# new\n' }))), [1, 1]);
  });

  it('lets the hot part out while a restart is held', () => {
    const held = world().pause(true);
    edit(held, text({ port: 81 }));
    edit(held, text({ rps: 20, port: 81 }));
    assert.deepEqual(effects(held), [1, 0]);
    assert.equal(held.state(), 'Blocked');
    held.pause(false).advance(MINUTE);
    assert.deepEqual(effects(held), [1, 1]);
    assert.deepEqual(effects(held.finishRollout().advance(MINUTE)), [1, 1]);
  });
});

describe('a document', () => {
  it('that stops parsing counts as a whole, and recovers', () => {
    const broken = edit(world(), 'limits: {rps: 10');
    assert.deepEqual(effects(broken), [0, 1]);
    broken.finishRollout();
    edit(broken, text());
    assert.deepEqual(effects(broken), [0, 2]);
    broken.finishRollout().advance(SECOND);
    assert.deepEqual(effects(edit(broken, text({ rps: 20 }))), [1, 2]);
  });

  it('that parses again before anything was done is as it was', () => {
    const brief = world();
    brief
      .advance(10 * SECOND)
      .edit({ [KEY]: 'limits: {' })
      .advance(100)
      .edit({ [KEY]: text() })
      .advance(MINUTE);
    assert.deepEqual(effects(brief), [0, 0]);
  });

  it('that comes or goes is all of its parts', () => {
    const none = new World({
      content: { other: 'x' },
      policies: [aPolicy({ rules: [HOT], defaultClass: 'Restart' })],
      workload: { uses: [aUse()] },
    });
    none
      .edit({ other: 'x', [KEY]: text() })
      .advance(SECOND)
      .finishRollout()
      .advance(SECOND);
    assert.equal(none.restarts.length, 1);
    none.edit({ other: 'x' }).advance(SECOND).finishRollout().advance(SECOND);
    assert.equal(none.restarts.length, 2);
    assert.deepEqual([...(none.ledger()?.applied.get('ConfigMap/app')?.keys() ?? [])], ['other']);
    assert.equal(none.advance(MINUTE).restarts.length, 2);
  });
});

describe('edited rules', () => {
  const others: readonly (readonly [string, readonly Rule[]])[] = [
    ['other paths', [rule(KEY, 'Hot', { paths: ['/server/**'] })]],
    ['no paths any more', [rule(KEY, 'Hot')]],
    ['another class', [{ ...HOT, class: 'Ignore' }]],
    ['bytes', [{ ...HOT, comparison: 'Bytes' }]],
  ];
  for (const [what, rules] of others) {
    it(`do nothing by themselves: ${what}`, () => {
      const edited = world();
      edited.policy({ rules, generation: 2 }).advance(MINUTE);
      edited.policy({ rules: [HOT], generation: 3 }).advance(MINUTE);
      assert.deepEqual(effects(edited), [0, 0]);
      assert.deepEqual(effects(edit(edited, text({ rps: 20 }))), [1, 0]);
    });

    it(`lose no change that is held: ${what}`, () => {
      const held = world().pause(true);
      edit(held, text({ port: 81, rps: 11, level: 'debug' }));
      held.policy({ rules, generation: 2 }).advance(SECOND);
      held.policy({ rules: [HOT], generation: 3 }).advance(SECOND);
      held.pause(false).advance(SECOND).finishRollout().advance(MINUTE);
      // For as long as all of the key was hot, it could go out.
      assert.equal(held.restarts.length, rules[0]?.paths === undefined ? 0 : 1);
      assert.equal(held.podsRun(KEY).files, true);
    });
  }

  it('count together with content that changed while nobody watched, as a whole', () => {
    const away = world().crash();
    away.edit({ [KEY]: text({ rps: 20 }) }).policy({ rules: [{ ...HOT, paths: ['/limits/**'] }], generation: 2 });
    away.start().advance(SECOND);
    assert.equal(away.restarts.length, 1);
  });
});

describe('a key that is read through env', () => {
  it('is impossible to have hot only where it has hot places', () => {
    const fixed = (rules: readonly Rule[]): World =>
      new World({
        content: { [KEY]: text() },
        policies: [aPolicy({ rules, defaultClass: 'Restart' })],
        workload: { uses: [aUse({ key: KEY, way: 'Env' })] },
      });
    assert.deepEqual(fixed([{ ...HOT, class: 'Restart' }]).verdict?.impossible, []);
    assert.match(fixed([HOT]).verdict?.impossible[0] ?? '', /app\.yaml: env of container main/);
    assert.deepEqual(effects(edit(fixed([HOT]), text({ rps: 20 }))), [0, 1]);
  });
});

describe('policies that disagree about places', () => {
  it('have the stricter class decide, and both are told', () => {
    const strict = aPolicy({
      name: 'strict',
      rules: [rule(KEY, 'Restart', { paths: ['/limits/**'] })],
      defaultClass: 'Hot',
    });
    const both = new World({
      content: { [KEY]: text() },
      policies: [aPolicy({ name: 'hot', rules: [HOT], defaultClass: 'Restart' }), strict],
      workload: { uses: USES },
    });
    assert.deepEqual(effects(edit(both, text({ level: 'debug' }))), [1, 0]);
    assert.deepEqual(effects(edit(both, text({ level: 'debug', rps: 20 }))), [1, 1]);
    assert.match(both.verdict?.conflicts?.[0] ?? '', /ConfigMap\/app:app\.yaml/);
  });
});

describe('invalid content', () => {
  const checked = (): World =>
    new World({
      content: { [KEY]: text(), flag: '1' },
      policies: [
        aPolicy({
          rules: [HOT],
          defaultClass: 'Restart',
          validation: [
            { keys: [KEY], schema: '{"properties": {"limits": {"properties": {"rps": {"maximum": 100}}}}}' },
            { keys: ['flag'], format: 'Number' },
          ],
        }),
      ],
      workload: { uses: [aUse({ key: KEY }), aUse({ key: 'flag', way: 'Args' })] },
    });

  it('is neither sent nor restarted for, and it is said what is wrong and where', () => {
    const invalid = checked()
      .edit({ [KEY]: text({ rps: 1_000 }), flag: '1' })
      .advance(MINUTE);
    assert.deepEqual([effects(invalid), invalid.state(), invalid.reason()], [[0, 0], 'Blocked', 'SourceInvalid']);
    assert.match(invalid.verdict?.message ?? '', /app\.yaml at \/limits\/rps .*\(validation 1\)/);
    assert.match(invalid.verdict?.message ?? '', /kubelets deliver it all the same/);
    invalid.edit({ [KEY]: text(), flag: '1' }).advance(MINUTE);
    assert.deepEqual([effects(invalid), invalid.verdict?.hotHold], [[0, 0], undefined]);
  });

  it('keeps its workload from being restarted for anything else', () => {
    const other = new World({
      content: { flag: '1' },
      sources: { other: { x: 'a' } },
      policies: [
        aPolicy({
          sources: [
            { kind: 'ConfigMap', name: 'app' },
            { kind: 'ConfigMap', name: 'other' },
          ],
          defaultClass: 'Restart',
          validation: [{ keys: ['flag'], format: 'Number' }],
        }),
      ],
      workload: {
        uses: [
          aUse({ key: 'flag', way: 'Args' }),
          aUse({ source: { kind: 'ConfigMap', name: 'other' }, way: 'Env', key: 'x' }),
        ],
      },
    });
    other.edit({ flag: 'one' }).advance(SECOND).edit({ x: 'b' }, { name: 'other' }).advance(MINUTE);
    assert.deepEqual([other.restarts.length, other.reason()], [0, 'SourceInvalid']);
    other.edit({ flag: '2' }).advance(MINUTE);
    assert.equal(other.restarts.length, 1);
  });

  it('is not hurried to pods by the nudge for something else that they mount', () => {
    const mounted = checked()
      .advance(10 * SECOND)
      .edit({ [KEY]: text(), flag: 'one' })
      .advance(10 * SECOND);
    mounted.edit({ [KEY]: text({ level: 'debug' }), flag: 'one' }).advance(10 * SECOND);
    assert.deepEqual(effects(mounted), [0, 0]);
    mounted.edit({ [KEY]: text({ level: 'debug' }), flag: '1' }).advance(10 * SECOND);
    assert.deepEqual(effects(mounted), [1, 0]);
  });

  it('that is put right to what was there before needs nothing, but for containers that started on it', () => {
    const back = checked()
      .advance(10 * SECOND)
      .edit({ [KEY]: text(), flag: 'one' })
      .advance(10 * SECOND);
    assert.equal(back.state(), 'Blocked');
    back
      .startPod()
      .advance(10 * SECOND)
      .edit({ [KEY]: text(), flag: '1' })
      .advance(MINUTE);
    assert.equal(back.restarts.length, 1);
  });
});
