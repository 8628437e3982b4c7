/** What would hold a change of a key that was made now: the gates' own answers about content that does not exist yet. */

import { infoOf } from '../api/v1alpha1/kinds.ts';
import { emptyLedger } from './adoption.ts';
import { bindingPolicies, decidingOf, explain, namesSource, type KeyExplanation, type SourceFacts } from './explain.ts';
import { isOfFailure, ROLLBACK_REQUESTED } from './failure-words.ts';
import { holdsAhead, type HoldAhead, type Question } from './gates.ts';
import { bindsThroughLive, throughLive } from './live.ts';
import { localTime } from './local-time.ts';
import { sourceId, type Ledger, type Observed, type Policy, type SourceId, type Workload } from './observed.ts';
import { asksForOthers } from './order.ts';
import type { Peer, Standing } from './others.ts';
import { bindingOf } from './selection.ts';
import { recordedStanding } from './standing.ts';
import { windowsAt } from './windows.ts';

export interface Outlook {
  /** The workload with its sources, without others. */
  readonly observed: Observed;
  /** Those of its namespace that policies may bind beside it, as they are in the API. */
  readonly workloads: readonly Workload[];
  /** What is recorded of a workload; undefined: nothing. Absent: nobody was asked, and none is taken to be under way. */
  readonly recorded?: (workload: Workload) => Ledger | undefined;
  readonly facts: ReadonlyMap<SourceId, SourceFacts>;
  readonly now: number;
}

/** What holds a change. */
export interface Waits {
  /** The change has been made and waits; else it is one that would be made now. */
  readonly made: boolean;
  /** In the order in which the gates are asked; none: it would begin at once. */
  readonly holds: readonly HoldAhead[];
}

/** Undefined: no change of the key has an effect that gates are asked about. */
export const waitsOf = (outlook: Outlook, explained: KeyExplanation): Waits | undefined => {
  const { observed, now } = outlook;
  const id = sourceId(explained.source);
  const policies = decidingOf(observed.policies.filter((policy) => namesSource(policy, id)));
  if (!takesRestart(explained) || policies.every(({ observes }) => observes === true)) return undefined;
  const ledger = observed.ledger ?? emptyLedger(observed, now);
  const bound = policies
    .filter(asksForOthers)
    .map((policy): readonly [string, readonly Peer[]] => [policy.name, peersOf(policy, outlook, explained)]);
  const waiting = waitingOf(ledger, id);
  const holds = holdsAhead({
    observed: { ...observed, ...(bound.length > 0 && { others: { bound: new Map(bound) } }) },
    changed: new Set([id]),
    ledger,
    ...waiting,
    now,
  });
  return { made: waiting !== undefined, holds };
};

/** The content of a source that waits, for the gates to be asked about. */
const waitingOf = ({ held }: Ledger, id: SourceId): Pick<Question, 'digest' | 'failure'> | undefined => {
  if (held?.digest === undefined || !held.changes.has(id)) return undefined;
  const { digest, reason, message = '' } = held;
  return { digest, ...(isLeftAlone(reason) && { failure: { reason, message } }) };
};

const isLeftAlone = (reason: string): reason is 'Undone' | 'RolledBack' | 'RollbackRequested' =>
  isOfFailure(reason) || reason === ROLLBACK_REQUESTED;

/**
 * What is said where gates are set and none holds. Undefined: no policy sets any.
 * @returns sentences about windows, and when they close
 */
export const openGates = ({ observed: { policies }, now }: Outlook): readonly string[] | undefined => {
  const gated = policies.filter((policy) => policy.observes !== true && isGated(policy));
  if (gated.length === 0) return undefined;
  return gated.flatMap(({ name, gates: { windows } }) => {
    const at = windowsAt(windows, now);
    const zone = (windows.find(({ type }) => type === 'Allow') ?? windows[0])?.timeZone ?? 'UTC';
    return at.open && at.until !== undefined
      ? [`the windows of policy ${name} let restarts begin until ${localTime(at.until, zone)}`]
      : [];
  });
};

const isGated = (policy: Policy): boolean => {
  const { approval, windows, cooldownMs, budget } = policy.gates;
  return approval === 'Manual' || windows.length > 0 || cooldownMs > 0 || budget !== undefined || asksForOthers(policy);
};

/** Whether a change of some part of a key calls for a restart. */
const takesRestart = ({ class: effective, policies }: KeyExplanation): boolean =>
  [effective, ...policies.flatMap(({ paths }) => paths.map((path) => path.effective))].includes('Restart');

const peersOf = (policy: Policy, outlook: Outlook, explained: KeyExplanation): readonly Peer[] =>
  outlook.workloads
    .filter((workload) => workload.namespace === policy.namespace && bindsThroughLive(policy, workload))
    .map((workload) => {
      const binding = bindingOf(policy, workload);
      return {
        kind: workload.kind,
        name: workload.name,
        standing: standingIn(outlook, workload, explained),
        ...(binding !== undefined && { binding }),
      };
    });

/** As it is when the change has been made: whoever reads the key is due for it. */
const standingIn = (
  { observed, recorded, facts }: Outlook,
  peer: Workload,
  { source, key }: KeyExplanation,
): Standing => {
  if (peer.ignored || peer.notItsOwn !== undefined || infoOf(peer.kind).restart === 'None') return 'Done';
  const ledger = recorded?.(peer);
  const standing = ledger === undefined ? (recorded === undefined ? 'Done' : 'Unknown') : recordedStanding(ledger);
  const workload = throughLive(peer, observed.policies);
  const [its] = explain({ workload, policies: observed.policies, sources: facts }, `${sourceId(source)}:${key}`);
  return standing !== 'InProgress' && its !== undefined && takesRestart(its) ? 'Due' : standing;
};

/** The policies that count of those that bind a workload. */
export const enforcing = (policies: readonly Policy[], workload: Workload): readonly Policy[] =>
  decidingOf(bindingPolicies(policies, workload));
