/** Secrets: what another key of their digests means, and values that are not read. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestKeys, digestVersion, macKey, macScheme, type Digest } from '../../../src/domain/digest.ts';
import { decide } from '../../../src/domain/decide.ts';
import { aLedger, aPolicy, aUse, aWorkload, found, rule, T0 } from '../../support/builders.ts';
import type { Observed } from '../../../src/domain/observed.ts';

const DB = { kind: 'Secret', name: 'db' } as const;
const ID = 'Secret/db';
const macs = (key: number, content: Readonly<Record<string, string>>): ReadonlyMap<string, Digest> =>
  digestKeys(content, {}, macScheme(macKey(new Uint8Array(32).fill(key)), 'shop', 'Secret', 'db'));
const version = (n: number): ReadonlyMap<string, Digest> => new Map([['*', digestVersion('uid', String(n))]]);

/** A workload that reads one key of the Secret from a file and another one from its environment. */
const observing = (
  recorded: ReadonlyMap<string, Digest>,
  present: ReadonlyMap<string, Digest>,
  more: Partial<Observed> = {},
): Observed => ({
  workload: aWorkload({
    uses: [aUse({ source: DB, key: 'hot', optional: true }), aUse({ source: DB, key: 'flag', way: 'Env' })],
  }),
  templateSeenAt: 0,
  policies: [aPolicy({ sources: [DB], rules: [rule('flag', 'Restart')] })],
  complete: true,
  sources: new Map([[ID, found({}, { keys: present, changedAt: T0 - 1, seenToChange: true })]]),
  ledger: aLedger({}, { applied: new Map([[ID, recorded]]) }),
  ...more,
});

const planOf = (observed: Observed): readonly [effects: string, applied: ReadonlyMap<string, Digest> | undefined] => {
  const plan = decide({ ...observed, pods: [] }, T0 + 60_000);
  if (plan.type !== 'Act') throw new Error(`the plan is ${plan.type}`);
  const effects = [
    plan.nudge && 'nudge',
    plan.restart && 'restart',
    plan.pending && 'pending',
    plan.ledger.held?.reason,
  ];
  return [effects.filter((each) => each !== undefined).join(' '), plan.ledger.applied.get(ID)];
};

describe('a Secret', () => {
  const content = { flag: 'a', hot: 'a' };

  it('is acted on by its MACs', () => {
    const recorded = macs(1, content);
    assert.equal(planOf(observing(recorded, macs(1, content)))[0], '');
    assert.equal(planOf(observing(recorded, macs(1, { ...content, hot: 'b' })))[0], 'nudge');
    assert.match(planOf(observing(recorded, macs(1, { ...content, flag: 'b' })))[0], /restart/);
    assert.match(planOf(observing(macs(1, { hot: 'a' }), macs(1, content)))[0], /restart/);
  });

  for (const [what, recorded, present] of [
    ['another key of MACs', macs(1, content), macs(2, content)],
    ['another key of MACs, with other content', macs(1, content), macs(2, { flag: 'b', more: 'c' })],
    ['values that are not read any more', macs(1, content), version(1)],
    ['values that are read again', version(1), macs(1, content)],
    ['MACs in place of plain digests', digestKeys(content), macs(1, content)],
  ] as const) {
    it(`is taken as it is, and nothing is done, with ${what}`, () => {
      assert.deepEqual(planOf(observing(recorded, present)), ['', present]);
    });
  }

  it('whose values are not read is acted on as a whole, and lacks no key', () => {
    assert.deepEqual(planOf(observing(version(1), version(1))), ['', version(1)]);
    const [effects] = planOf(
      observing(version(1), version(2), { policies: [aPolicy({ sources: [DB], rules: [], defaultClass: 'Restart' })] }),
    );
    assert.match(effects, /restart/);
  });
});
