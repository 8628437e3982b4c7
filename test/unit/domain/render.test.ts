/** Which snapshot a live object is to be of, as those that read it stand. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Failed, Intent, Observed } from '../../../src/domain/observed.ts';
import { begunSnapshot } from '../../../src/domain/render.ts';
import {
  aLedger,
  aRestart,
  aWorkload,
  changed,
  digestsOf,
  found,
  observing,
  SECOND,
  T0,
} from '../../support/builders.ts';

const CONTENT = { flag: 'a' };
const to = (number: number): Intent['snapshots'] => [{ source: 'ConfigMap/app', object: 'app-live', number }];

const reading = (more: Partial<Observed>): Observed => ({
  ...observing(found(CONTENT)),
  live: new Map([
    [
      'ConfigMap/app',
      {
        state: 'Present',
        name: 'app-live',
        uid: 'uid-live',
        resourceVersion: '1',
        keys: digestsOf(CONTENT),
        snapshot: 1,
        ours: true,
      },
    ],
  ]),
  ...more,
});

const idle = reading({ ledger: aLedger(CONTENT) });

const begun = (more: Partial<Intent> = {}, annotation?: number): Observed =>
  reading({
    workload: aWorkload(
      annotation === undefined ? {} : { annotation: { n: annotation, digest: 'digest-b', ours: true } },
    ),
    ledger: aLedger(CONTENT, {
      intent: {
        n: 2,
        digest: 'digest-b',
        at: T0,
        snapshots: to(3),
        keys: ['ConfigMap/app:flag'],
        changes: changed({ flag: 'b' }),
        ...more,
      },
    }),
  });

const goingBack = (annotation: number | undefined, more: Partial<Failed> = {}): Observed =>
  reading({
    workload: aWorkload(
      annotation === undefined ? {} : { annotation: { n: annotation, digest: 'digest-x', ours: true } },
    ),
    ledger: aLedger(CONTENT, {
      restart: aRestart({ n: 1, phase: 'Failed', changes: new Map() }),
      failed: {
        n: 1,
        digest: 'digest-x',
        at: T0 - SECOND,
        reason: 'CrashLoopBackOff',
        undo: { mode: 'Rollback', phase: 'Intended', at: T0 - SECOND, snapshots: to(1) },
        changes: changed({ flag: 'x' }),
        ...more,
      },
    }),
  });

/** One that another has overtaken: its restart was issued later, and the object is of its snapshot. */
const restartedLater = reading({
  ledger: aLedger(CONTENT, { restart: aRestart({ n: 1, issuedAt: T0 + SECOND, changes: changed({ flag: 'c' }) }) }),
});

describe('the snapshot that a live object is to be of', () => {
  const cases: readonly (readonly [string, readonly Observed[], number | undefined])[] = [
    ['as it is, where nothing has begun', [idle, idle], undefined],
    ['that of a restart that has begun', [idle, begun()], 3],
    ['as it is, where that is in the template already', [idle, begun({}, 2)], undefined],
    ['the latest of two that have begun', [begun(), begun({ snapshots: to(4) })], 4],
    ['that of a rollback', [idle, goingBack(1)], 1],
    ['as it is, where the rollback is in the template already', [idle, goingBack(undefined)], undefined],
    ['that of what has begun after the failure', [goingBack(1), begun()], 3],
    ['that of the rollback, where the other began before it', [goingBack(1), begun({ at: T0 - 2 * SECOND })], 1],
    [
      'that of the rollback, where the other delivers the same',
      [goingBack(1), begun({ changes: changed({ flag: 'x' }) })],
      1,
    ],
    ['as it is, where another has gone on since', [begun(), restartedLater], undefined],
  ];
  for (const [what, members, number] of cases) {
    it(what, () => {
      assert.equal(begunSnapshot(members, 'ConfigMap/app', 'app-live'), number);
      assert.equal(begunSnapshot([...members].reverse(), 'ConfigMap/app', 'app-live'), number);
    });
  }
});
