/**
 * Mode Observe: what would be done is said, in history and events, and then counts as done. So each change is said
 * once, and whoever switches to Enforce later acts on nothing old (design law 16).
 */

import { overtaken } from './carried-by-others.ts';
import { compare, consumedSources, onlyFrom } from './difference.ts';
import type { Notice, Plan } from './effects.ts';
import { listed } from './listed.ts';
import { liveOf } from './live.ts';
import { arrivedOf } from './managed.ts';
import type { Changes, Ledger, Observed, SourceId } from './observed.ts';
import { withApplied, withEntry } from './outcomes.ts';
import { changedPlaces } from './places.ts';
import { plannedWaits } from './plan-waits.ts';
import { desiredPods } from './rollout.ts';
import { verdictOf } from './verdict.ts';

type ActPlan = Extract<Plan, { readonly type: 'Act' }>;

interface Said {
  readonly ledger: Ledger;
  readonly notices: readonly Notice[];
}

/**
 * As if every gate were open that time or somebody opens: what would wait is said at once, too, or it would be something
 * old to act on for whoever switches to Enforce before the gate opens.
 */
export const withoutWaits = ({ others: _others, ...observed }: Observed): Observed => ({
  ...observed,
  policies: observed.policies.map((policy) => {
    const { budget: _budget, maxConcurrent: _maxConcurrent, canary: _canary, ...gates } = policy.gates;
    return { ...policy, gates: { ...gates, windows: [], cooldownMs: 0, approval: 'Automatic', order: 'Parallel' } };
  }),
});

/**
 * A plan of which nothing is done: every policy of the workload observes. What had begun before that stays as it is.
 */
export const onlySaid = (observed: Observed, plan: ActPlan, now: number): ActPlan => {
  const { nudge, restart, pending, ...rest } = plan;
  const { ledger } = plan;
  const effect = restart ?? nudge;
  if (effect === undefined || restart?.begun !== undefined)
    return { ...rest, ...(pending !== undefined && { pending }), followPods: false };
  const settled = restart === undefined ? ledger : asPresent(observed, ledger, now);
  const said = say(
    observed,
    { ledger: settled, notices: plan.notices },
    { action: restart === undefined ? 'Hot' : 'Restart', changes: effect.changes, keys: effect.keys, now },
  );
  return {
    ...rest,
    ...said,
    ...(restart === undefined && pending !== undefined && { pending }),
    followPods: false,
    verdict: verdictOf({
      observed,
      ledger: said.ledger,
      difference: compare(observed, said.ledger),
      waits: restart === undefined && pending !== undefined,
      unproven: false,
      now,
    }),
  };
};

/**
 * The record as if pods ran on what there is: what a restart that was issued before carries is not on its way any more,
 * and one that a process before this one has issued is over. Else they would be said at each look.
 */
const asPresent = (observed: Observed, ledger: Ledger, now: number): Ledger => ({
  ...withApplied(ledger, arrivedOf(observed, compare(observed, ledger).restart)),
  ...overtaken(observed, ledger, now),
});

/**
 * A plan of the policies that enforce, with what those say that observe: about sources that no enforcing policy names.
 * @param observed with all policies of the workload
 */
export const alsoSaid = (observed: Observed, plan: ActPlan, now: number): ActPlan => {
  const enforced = consumedSources({
    workload: observed.workload,
    policies: observed.policies.filter(({ observes }) => observes !== true),
  });
  const own = (id: SourceId): boolean => !enforced.has(id) && liveOf(observed, id) === undefined;
  const known = { ...plan.ledger, applied: observed.ledger?.applied ?? new Map() };
  const difference = compare(observed, known);
  const [restart, hot] = [onlyFrom(difference.restart, own), onlyFrom(difference.hot, own)];
  const ledger: Ledger = {
    ...plan.ledger,
    applied: new Map([...onlyOwn(difference.applied, own), ...plan.ledger.applied]),
    immutable: new Map([...onlyOwn(difference.immutable, own), ...plan.ledger.immutable]),
  };
  if (restart.size === 0 && hot.size === 0) return { ...plan, ledger };
  const changes = restart.size > 0 ? onlyFrom(difference.carried, own) : hot;
  const keys = changedPlaces(observed, ledger.applied, restart.size > 0 ? restart : hot);
  const action = restart.size > 0 ? 'Restart' : 'Hot';
  const settled = withApplied(ledger, restart);
  return { ...plan, ...say(observed, { ledger: settled, notices: plan.notices }, { action, changes, keys, now }) };
};

const onlyOwn = <T>(
  map: ReadonlyMap<SourceId, T>,
  own: (id: SourceId) => boolean,
): readonly (readonly [SourceId, T])[] => [...map].filter(([id]) => own(id));

const say = (
  observed: Observed,
  { ledger, notices }: Said,
  {
    action,
    changes,
    keys,
    now,
  }: {
    readonly action: 'Hot' | 'Restart';
    readonly changes: Changes;
    readonly keys: readonly string[];
    readonly now: number;
  },
): Said => {
  const { workload, policies } = observed;
  const names = policies.flatMap(({ name, observes }) => (observes === true ? [name] : [])).join(', ');
  const pods = desiredPods(workload.rollout);
  const what = action === 'Hot' ? 'have nudged' : 'have restarted';
  const enforced = policies.map((policy) => ({ ...policy, observes: false }));
  const waits = action === 'Hot' ? [] : plannedWaits({ ...observed, policies: enforced }, changes, now);
  return {
    ledger: withEntry(withApplied(ledger, arrivedOf(observed, changes)), {
      time: now,
      action,
      outcome: 'Observed',
      reason: 'Observed',
      message: listed(keys),
      keys,
      pods,
    }),
    notices: [
      ...notices,
      {
        severity: 'Normal',
        reason: action === 'Hot' ? 'WouldHotReload' : 'WouldRestart',
        action: action === 'Hot' ? 'HotReload' : 'Restart',
        note: [`would ${what} ${pods} pods, but policy ${names} only observes: ${listed(keys)}`, ...waits].join('; '),
      },
    ],
  };
};
