/** What others do to a restart of ours, and what must not be forgotten meanwhile (design laws 1, 3, 5, 9 and 11). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRestartAnnotation } from '../../../src/domain/annotation.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Observed } from '../../../src/domain/observed.ts';
import { restartIssued } from '../../../src/domain/outcomes.ts';
import {
  aLedger,
  aPod,
  aPolicy,
  applied,
  aRestart,
  aUse,
  aWorkload,
  changed,
  deployment,
  edited,
  found,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  T0,
  USES,
} from '../../support/builders.ts';
import { World } from '../../support/world.ts';

type Act = Extract<Plan, { readonly type: 'Act' }>;

const A = { flag: 'a', hot: 'a' };
const B = { flag: 'b', hot: 'a' };
const NOW = T0 + HOUR;
const OURS = parseRestartAnnotation('v1.3.digest', true);
assert.ok(OURS);

const act = (observed: Observed, now = NOW): Act => {
  const plan = decide(observed, now);
  assert.equal(plan.type, 'Act');
  return plan;
};

describe('a restart that somebody took back', () => {
  const restart = aRestart({
    n: 3,
    digest: 'digest',
    phase: 'Failed',
    reason: 'ProgressDeadlineExceeded',
    issuedAt: T0,
    changes: changed({ flag: 'b' }),
  });
  const takenBack = (startedAt: number): Observed =>
    observing(edited(B, T0 - MINUTE), {
      ledger: aLedger(A, { restart }),
      workload: aWorkload(),
      pods: [aPod(startedAt)],
    });

  it('is Failed, and the same content is not tried again', () => {
    const plan = act(takenBack(T0 - HOUR));
    assert.equal(plan.restart, undefined);
    assert.equal(plan.ledger.restart?.phase, 'Failed');
    assert.equal(plan.ledger.restart.reason, 'Reverted');
    assert.equal(plan.verdict.state, 'Failed');
    assert.match(plan.verdict.message, /took the restart back/);
  });

  it('is over where every container has started on what there is since then', () => {
    const observed = observing(found(A), {
      ledger: aLedger(A, { restart: { ...restart, reason: 'Reverted' } }),
      workload: aWorkload(),
      pods: [aPod(T0 - MINUTE), aPod(T0 - MINUTE, 'web-2')],
    });
    const plan = act(observed);
    assert.equal(plan.ledger.history[0]?.reason, 'AlreadyCarried');
    assert.equal(plan.verdict.state, 'UpToDate');
    const again = act({ ...observed, ledger: plan.ledger });
    assert.deepEqual([again.ledger, again.notices], [plan.ledger, []]);
  });

  it('is told once: a second look writes nothing', () => {
    const first = act(takenBack(T0 - HOUR));
    const again = act({ ...takenBack(T0 - HOUR), ledger: first.ledger }, NOW + MINUTE);
    assert.deepEqual(again.ledger, first.ledger);
    assert.deepEqual(again.notices, []);
  });

  it('is tried with other content', () => {
    const first = act(takenBack(T0 - HOUR));
    const plan = act({
      ...observing(edited({ ...A, flag: 'c' }, T0), { ledger: first.ledger }),
      pods: [aPod(T0 - HOUR)],
    });
    assert.equal(plan.restart?.n, 4);
  });

  it('has succeeded where all pods have started since', () => {
    assert.equal(act(takenBack(T0 + MINUTE)).ledger.restart?.phase, 'Succeeded');
  });
});

describe('a restart that was stopped for a while', () => {
  it('has its time anew when it goes on', () => {
    const restart = aRestart({
      n: 3,
      digest: 'digest',
      phase: 'InProgress',
      reason: 'Paused',
      issuedAt: T0,
      changes: changed({ flag: 'b' }),
    });
    const resumed = observing(edited(B, T0 - MINUTE), {
      ledger: aLedger(A, { restart }),
      workload: aWorkload({
        annotation: OURS,
        rollout: deployment({ status: { replicas: 2, updated: 0, available: 2 } }),
      }),
    });
    const plan = act(resumed, T0 + 24 * HOUR);
    assert.equal(plan.ledger.restart?.phase, 'InProgress');
    assert.equal(plan.ledger.restart.issuedAt, T0 + 24 * HOUR);
  });

  it('lets the hot part of what it carries go out', () => {
    const restart = aRestart({
      n: 3,
      digest: 'digest',
      phase: 'InProgress',
      issuedAt: T0,
      changes: changed({ flag: 'b', hot: 'b' }),
    });
    const paused = observing(edited({ flag: 'b', hot: 'b' }, T0 - MINUTE), {
      ledger: aLedger(A, { restart }),
      policies: [aPolicy({ rules: [{ keys: ['hot'], class: 'Hot' }] })],
      workload: aWorkload({
        annotation: OURS,
        rollout: deployment({ paused: true, status: { replicas: 2, updated: 1, available: 2 } }),
      }),
    });
    const looked = act(paused);
    assert.deepEqual([...(act({ ...paused, ledger: looked.ledger }).nudge?.changes.keys() ?? [])], ['ConfigMap/app']);
  });
});

describe('what is not forgotten', () => {
  it('is a restart that a newer one took the place of', () => {
    const running = aLedger(A, { restart: aRestart({ n: 3, phase: 'InProgress', changes: changed({ flag: 'b' }) }) });
    const order = { n: 4, value: 'v1.4.x', digest: 'x', changes: changed({ flag: 'c' }), keys: [], cause: '' };
    const [entry] = restartIssued(running, order, aWorkload(), NOW).history;
    assert.equal(entry?.reason, 'Superseded');
  });

  it('is the baseline of a source while a policy that may name it can not be understood', () => {
    const ledger = aLedger(A, { applied: applied({ app: A, other: { x: '1' } }) });
    const known = (complete: boolean): readonly string[] => [
      ...act(observing(found(A), { ledger, complete })).ledger.applied.keys(),
    ];
    assert.deepEqual(known(false), ['ConfigMap/app', 'ConfigMap/other']);
    assert.deepEqual(known(true), ['ConfigMap/app']);
  });
});

describe('a source that a known workload begins to read', () => {
  it('is adopted, whatever is certain about its last change', () => {
    const other = found({ x: '2' }, { certainChange: { at: T0, keys: ['x'] } });
    const observed = observing(found(A), {
      ledger: aLedger(A),
      policies: [
        aPolicy({
          sources: [
            { kind: 'ConfigMap', name: 'app' },
            { kind: 'ConfigMap', name: 'other' },
          ],
        }),
      ],
      workload: aWorkload({
        uses: [...USES, aUse({ source: { kind: 'ConfigMap', name: 'other' }, key: 'x', way: 'Env' })],
      }),
      sources: { other },
      pods: [aPod(T0 - 2 * HOUR)],
    });
    assert.equal(act(observed).restart, undefined);
  });
});

describe('an immutable source that was made again with other content', () => {
  it('holds restarts for other sources too', () => {
    const sources = [
      { kind: 'ConfigMap', name: 'app' },
      { kind: 'ConfigMap', name: 'other' },
    ] as const;
    const plan = act(
      observing(edited(B, T0), {
        ledger: aLedger(A, {
          applied: applied({ app: A, other: { x: '1' } }),
          immutable: new Map([['ConfigMap/other', 'the-earlier-one']]),
        }),
        policies: [aPolicy({ sources })],
        workload: aWorkload({ uses: [...USES, aUse({ source: sources[1], key: 'x', way: 'Env' })] }),
        sources: { other: edited({ x: '2' }, T0, { uid: 'another' }) },
      }),
    );
    assert.equal(plan.restart, undefined);
    assert.equal(plan.ledger.held?.reason, 'ImmutableRecreated');
  });
});

describe('a restart that is taken back while its rollout is under way', () => {
  it('is waited for without one look after another: its pods tell nothing of the template that is there now', () => {
    const world = new World().edit(B).advance(500);
    assert.equal(world.restarts.length, 1);
    world.replaceTemplate('template-1');
    world.advance(10 * SECOND);
    assert.equal(world.state(), 'Restarting');
    world.finishRollout();
    assert.equal(world.state(), 'UpToDate');
  });
});
