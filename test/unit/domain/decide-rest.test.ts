/**
 * A decision comes to rest: what was decided on and has changed nothing is not decided otherwise at the next look, and no
 * look calls for another one at once. Else one workload takes a whole processor, or writes its record for ever.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Live } from '../../../src/domain/live.ts';
import type { Failed, Held, Ledger, Observed, Policy, Restart, Source } from '../../../src/domain/observed.ts';
import { ledgerOf, recordStatusOf } from '../../../src/domain/record.ts';
import type { RolloutState } from '../../../src/domain/rollout.ts';
import type { Request } from '../../../src/domain/requests.ts';
import {
  aDelivery,
  aGate,
  aLedger,
  aPod,
  aPolicy,
  argoRollout,
  aWorkload,
  changed,
  cronJob,
  deployment,
  digestsOf,
  edited,
  found,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  statefulSet,
  T0,
} from '../../support/builders.ts';
import { runs } from '../../support/runs.ts';

type Act = Extract<Plan, { readonly type: 'Act' }>;

const NOW = T0 + HOUR;

/** With the fields that are there only sometimes. */
const record = fc.record;
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const ago = fc.constantFrom(0, 1, SECOND, 4 * SECOND, 7 * SECOND, MINUTE, 30 * MINUTE, 2 * HOUR);
const time = fc.oneof(
  { weight: 9, arbitrary: ago.map((ms) => NOW - ms) },
  { weight: 1, arbitrary: fc.constant(NOW + HOUR) },
);
const content = record({ flag: fc.constantFrom('a', 'b', 'c'), hot: fc.constantFrom('a', 'b') });
const changes = fc.constantFrom(new Map(), changed({ flag: 'b' }), changed({ flag: 'c' }), changed({ hot: 'b' }));

const source: fc.Arbitrary<Source> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(content, time).map(([each, at]) => edited(each, Math.min(at, NOW))) },
  { weight: 4, arbitrary: content.map((each) => found(each)) },
  { weight: 1, arbitrary: fc.constant<Source>({ state: 'Missing' }) },
  { weight: 1, arbitrary: fc.constant<Source>({ state: 'Unknown', message: 'forbidden' }) },
);

const DIGESTS = ['digest-1', 'digest-2'] as const;
const digest = fc.constantFrom(...DIGESTS);
const n = fc.integer({ min: 1, max: 3 });
/** Later than any that is recorded. */
const NEXT = 4;

const ended = fc.constantFrom<Pick<Restart, 'phase' | 'reason'>>(
  { phase: 'InProgress' },
  { phase: 'InProgress', reason: 'Paused' },
  { phase: 'Succeeded', reason: 'Complete' },
  { phase: 'Failed', reason: 'CrashLoopBackOff' },
  { phase: 'Failed', reason: 'ProgressDeadlineExceeded' },
  { phase: 'Failed', reason: 'NotCarried' },
  { phase: 'Failed', reason: 'Reverted' },
  { phase: 'TimedOut', reason: 'ProgressTimeout' },
);

const restart: fc.Arbitrary<Restart> = fc
  .tuple(
    record({ n, digest, issuedAt: time, changes, origin: fc.constantFrom('Issued' as const, 'Foreign' as const) }),
    ended,
  )
  .map(([each, how]) => ({ templateHash: 'template-1', message: 'words', ...each, ...how }));

const held: fc.Arbitrary<Held> = record({
  since: time,
  reason: fc.constantFrom('OutsideWindow', 'ApprovalPending', 'WaitingForEarlier', 'Suspended', 'Undone', 'Cooldown'),
  digest,
  changes,
});

const failed: fc.Arbitrary<Failed> = record({
  n,
  digest,
  at: time,
  reason: fc.constantFrom('CrashLoopBackOff', 'RollbackRequested'),
  changes,
  phase: maybe(fc.constantFrom('Intended', 'InProgress', 'Succeeded', 'TimedOut')),
  mode: fc.constantFrom('Undo', 'Rollback'),
}).map(({ phase, mode, ...each }) => ({
  ...each,
  ...(phase !== undefined && { undo: { mode, phase, at: each.at } }),
}));

/** Only what has failed is undone. */
const isUndone = ({ n: of }: Restart, what: Failed | undefined): boolean => what?.undo !== undefined && what.n === of;

/** What the workload mounts in place of the source. */
const live: fc.Arbitrary<Live> = fc.oneof(
  {
    weight: 6,
    arbitrary: record({ content, ours: fc.boolean() }).map(({ content: each, ours }): Live => ({
      state: 'Present',
      name: 'app-live',
      uid: 'uid-live',
      resourceVersion: '1',
      keys: digestsOf(each),
      snapshot: 1,
      ours,
    })),
  },
  { weight: 1, arbitrary: fc.constant<Live>({ state: 'Missing', name: 'app-live' }) },
  { weight: 1, arbitrary: fc.constant<Live>({ state: 'Unknown', name: 'app-live', message: 'forbidden' }) },
  {
    weight: 1,
    arbitrary: fc.constant<Live>({
      state: 'Missing',
      name: 'app-live',
      trouble: { reason: 'Forbidden', message: 'no right' },
    }),
  },
);

const consent = record({ digest, at: time });

const ledger: fc.Arbitrary<Ledger> = record({
  content,
  restart: maybe(restart),
  held: maybe(held),
  failed: maybe(failed),
  approved: maybe(consent),
  opened: maybe(consent),
  delivery: maybe(record({ startedAt: time, phase: fc.constantFrom('InProgress', 'TimedOut', 'Succeeded') })),
  intent: maybe(record({ n: fc.constant(NEXT), digest, at: time, changes })),
  times: fc.array(time, { maxLength: 3 }),
}).map(({ content: each, delivery, intent, times, ...rest }) =>
  aLedger(each, {
    ...(rest.restart && {
      restart: isUndone(rest.restart, rest.failed) ? { ...rest.restart, phase: 'Failed' } : rest.restart,
    }),
    ...(rest.held && { held: rest.held }),
    ...(rest.failed && { failed: rest.failed }),
    ...(rest.approved && { approved: rest.approved }),
    ...(rest.opened && { opened: rest.opened }),
    ...(delivery && { delivery: aDelivery(delivery) }),
    ...(intent && { intent: { ...intent, snapshots: [], keys: ['ConfigMap/app:flag'] } }),
    ...(times.length > 0 && { restartTimes: times.sort((a, b) => b - a) }),
  }),
);

const under = { replicas: 2, updated: 1, available: 1 };
const rollout = fc.constantFrom<RolloutState>(
  deployment(),
  deployment({ status: under }),
  deployment({ status: under, deadlineExceeded: 'has timed out progressing' }),
  deployment({ paused: true }),
  deployment({ paused: true, status: under }),
  deployment({ replicas: 0, status: { replicas: 0, updated: 0, available: 0 } }),
  statefulSet({ onDelete: true }),
  statefulSet({ status: { ready: 1, updated: 1 } }),
  argoRollout({ phase: 'Progressing' }),
  argoRollout({ phase: 'Paused', message: 'CanaryPauseStep' }),
  argoRollout({ phase: 'Degraded' }),
  cronJob(),
);

const policy = (name: string): fc.Arbitrary<Policy> =>
  record({
    suspended: fc.boolean(),
    observes: fc.boolean(),
    debounceMs: fc.constantFrom(0, 500),
    hot: fc.constantFrom(
      aPolicy().hot,
      { proof: 'Loaded', timeoutMs: 30_000, onTimeout: 'Restart' } as const,
      { proof: 'Loaded', timeoutMs: 30_000, onTimeout: 'Report' } as const,
    ),
    gates: record({
      approval: fc.constantFrom('Automatic', 'Manual'),
      onFailure: fc.constantFrom('Report', 'Undo', 'Rollback'),
      cooldownMs: fc.constantFrom(0, 10 * MINUTE),
      order: fc.constantFrom('Parallel', 'Sequential'),
      shut: fc.boolean(),
      budget: fc.boolean(),
    }).map(({ shut, budget, ...each }) =>
      aGate({
        ...each,
        ...(budget && { budget: { restarts: 1, periodMs: HOUR } }),
        ...(shut && {
          windows: [{ name: 'far', type: 'Allow', cron: '0 18 * * *', durationMs: HOUR, timeZone: 'UTC' }],
        }),
      }),
    ),
  }).map((more) => aPolicy({ name, ...more }));

const request: fc.Arbitrary<Request> = record({
  name: fc.constantFrom('one', 'two'),
  createdAt: time,
  type: fc.constantFrom('Approve', 'RunNow', 'Retry', 'Rollback', 'ResetBudget'),
  digest,
  snapshot: fc.constant(1),
}).map((each) => ({ ...each, uid: `uid-${each.name}-${each.type}` }));

const observation: fc.Arbitrary<Observed> = record({
  source,
  ledger: maybe(ledger),
  rollout,
  annotation: maybe(record({ n: fc.integer({ min: 1, max: NEXT }), digest, ours: fc.boolean() })),
  templateSeenAt: fc.constantFrom(0, NOW - MINUTE, NOW),
  annotationSeenAt: maybe(time),
  podsSeenAt: maybe(ago.map((ms) => NOW - ms)),
  policies: fc.oneof(fc.tuple(policy('one')), fc.tuple(policy('one'), policy('two'))),
  pending: maybe(record({ changes, firstAt: time, burstAt: time, lastAt: time })),
  requests: fc.uniqueArray(request, { maxLength: 2, selector: ({ uid }) => uid }),
  template: fc.constantFrom('template-1', 'template-2'),
  live: fc.option(live, { nil: undefined, freq: 2 }),
  standing: fc.constantFrom('Done', 'Due', 'InProgress', 'Failed', 'Unknown'),
}).map(({ source: each, ledger: known, rollout: state, annotation, template, standing, ...more }) => {
  const { annotationSeenAt, podsSeenAt, pending, live: mounted, ...rest } = more;
  return observing(each, {
    ...rest,
    workload: aWorkload({ rollout: state, templateHash: template, ...(annotation && { annotation }) }),
    others: {
      bound: new Map(
        rest.policies.map(({ name }) => [
          name,
          [
            { kind: 'Deployment', name: 'api', standing },
            { kind: state.kind, name: 'web', standing: 'Due' },
          ] as const,
        ]),
      ),
    },
    ...(known && { ledger: known }),
    ...(mounted && { live: new Map([['ConfigMap/app', mounted]]) }),
    ...(annotationSeenAt !== undefined && { annotationSeenAt }),
    ...(podsSeenAt !== undefined && { podsSeenAt }),
    ...(pending && { pending }),
  });
});

/** One look, with the pods where they are asked for. */
const look = (
  observed: Observed,
  startedAt: number,
  now = NOW,
): { readonly plan: Plan; readonly podsSeenAt: number | undefined } => {
  const plan = decide(observed, now);
  if (plan.type !== 'LookAtPods') return { plan, podsSeenAt: observed.podsSeenAt };
  const pods = [aPod(startedAt), aPod(startedAt, 'web-2')];
  const known = decide({ ...observed, pods, reports: [], podsSeenAt: now }, now);
  assert.notEqual(known.type, 'LookAtPods', 'the pods are asked for again though they are known');
  return { plan: known, podsSeenAt: now };
};

const after = (observed: Observed, plan: Act, podsSeenAt: number | undefined): Observed => {
  const { pending: _pending, requests = [], ...rest } = observed;
  const answered = new Set((plan.ledger.answers ?? []).map(({ uid }) => uid));
  return {
    ...rest,
    requests: requests.filter(({ uid }) => !answered.has(uid)),
    ledger: ledgerOf(recordStatusOf(plan.ledger)),
    ...(plan.pending !== undefined && { pending: plan.pending }),
    ...(podsSeenAt !== undefined && { podsSeenAt }),
  };
};

const hasEffects = ({ restart: order, nudge, undo }: Act): boolean =>
  order !== undefined || nudge !== undefined || undo !== undefined;

/** Others' rollouts that are taken for ours, and what comes of them, take one each. */
const LOOKS = 6;

describe('a decision without an effect', () => {
  it('is the same at the next look, and calls for none at once', () => {
    fc.assert(
      fc.property(observation, time, (first, startedAt) => {
        let observed = first;
        for (let looks = 1; ; looks++) {
          const { plan, podsSeenAt } = look(observed, startedAt);
          if (plan.type !== 'Act' || hasEffects(plan)) return;
          const next = after(observed, plan, podsSeenAt);
          if (looks >= LOOKS) {
            assert.deepEqual(recordStatusOf(plan.ledger), recordStatusOf(observed.ledger ?? plan.ledger));
            assert.deepEqual(plan.notices, []);
            assert.notEqual(plan.requeueAfterMs, 0, 'another look is called for at once, and again');
            return;
          }
          observed = next;
        }
      }),
      runs(3_000),
    );
  });

  it('calls for another one every few seconds at the most, as time passes and nothing else', () => {
    fc.assert(
      fc.property(observation, time, (first, startedAt) => {
        let observed = first;
        let now = NOW;
        for (let looks = 0; now < NOW + HOUR; looks++) {
          const { plan, podsSeenAt } = look(observed, startedAt, now);
          if (plan.type !== 'Act' || hasEffects(plan) || plan.requeueAfterMs === undefined) return;
          // While a rollout is under way, its pods are looked at every few seconds.
          assert.ok(looks < 3 * LOOKS + (now - NOW) / (4 * SECOND), `${looks} looks after ${now - NOW} ms`);
          observed = after(observed, plan, podsSeenAt);
          now += plan.requeueAfterMs;
        }
      }),
      runs(500),
    );
  });
});
