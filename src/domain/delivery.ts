/**
 * How a hot change that was sent is known to have arrived: what policies demand, how far it has got, and what is still to
 * be found out. It is sent when kubelets have been told; this is about the pods.
 */

import { RECORD_LIMITS } from '../api/v1alpha1/limits.ts';
import { consumedSources, onlyFrom } from './difference.ts';
import { bareDigest, combineDigests } from './digest.ts';
import type { Nudge } from './effects.ts';
import { hotHold } from './gates.ts';
import type { Changes, Ledger, Observed, Policy, Source, SourceId } from './observed.ts';
import { withEntry } from './outcomes.ts';
import type { Delivery, NotifyTarget, Proof, ProofOrder, ProofProgress } from './proof.ts';
import { goalOf, unprovenWords } from './proof-words.ts';
import { keyOfUnit } from './units.ts';

/** By then every kubelet has looked by itself, which takes it 60-90 s: an application that is asked reads the content. */
export const ASK_AGAIN_AFTER_MS = 95_000;

/** Whatever is sent is pursued at once: where nobody has for so long, a new process has not begun yet. */
const UNATTENDED_MS = 1_000;

/** What all policies together demand of a hot change. */
export interface Demand {
  /** The strictest. */
  readonly proof: Proof;
  /** The shortest. */
  readonly timeoutMs: number;
  readonly onTimeout: 'Restart' | 'Report';
  readonly targets: readonly NotifyTarget[];
}

type Demanding = Pick<Policy, 'hot' | 'observes'>;

const STEPS: readonly Proof[] = ['Nudged', 'Mounted', 'Loaded'];

/** @returns undefined: that kubelets have been told is enough */
export const demandOf = (policies: readonly Demanding[]): Demand | undefined => {
  const hot = policies.filter(demands).map((policy) => policy.hot);
  if (hot.length === 0) return undefined;
  const targets = hot.flatMap(({ notify }) => (notify === undefined ? [] : [notify]));
  return {
    proof: STEPS.findLast((step) => hot.some(({ proof }) => proof === step)) ?? 'Nudged',
    timeoutMs: Math.min(...hot.map(({ timeoutMs }) => timeoutMs)),
    onTimeout: hot.some(({ onTimeout }) => onTimeout === 'Restart') ? 'Restart' : 'Report',
    targets: [...new Map(targets.map((target) => [nameOfTarget(target), target])).values()],
  };
};

const demands = ({ hot, observes }: Demanding): boolean =>
  observes !== true && (hot.proof !== 'Nudged' || hot.notify !== undefined);

const nameOfTarget = ({ port, path, signature }: NotifyTarget): string =>
  JSON.stringify([port, path, signature?.name, signature?.key]);

/** What the policies demand that name one of these sources. */
const demandOn = (observed: Observed, changes: Changes): Demand | undefined => {
  const consumed = consumedSources(observed);
  return demandOf([...new Set([...changes.keys()].flatMap((id) => consumed.get(id) ?? []))]);
};

/** The changes of sources of which some policy wants more proven than that kubelets have been told. */
const demanded = (observed: Observed, changes: Changes): Changes => {
  const consumed = consumedSources(observed);
  const counts = (id: SourceId): boolean =>
    observed.sources.get(id)?.state !== 'Ignored' && (consumed.get(id) ?? []).some(demands);
  return onlyFrom(changes, counts);
};

/** The same content, asked for in the same way, has the same name: what was found out about another counts for nothing. */
const nameOf = (changes: Changes, { proof, targets }: Demand): string =>
  bareDigest(
    combineDigests([
      ...[...changes].flatMap(([id, units]) => [...units].map(([unit, digest]) => [`${id}:${unit}`, digest] as const)),
      ['', JSON.stringify([proof, ...targets.map(nameOfTarget).sort()])],
    ]),
  );

/**
 * What is to be proven once some changes have been sent, with all that is not proven yet.
 * @param keys the changes, for people
 */
export const deliveryAfter = (
  observed: Observed,
  before: Delivery | undefined,
  changes: Changes,
  keys: readonly string[],
): Nudge['delivery'] => {
  const own = demanded(observed, changes);
  if (own.size === 0) return undefined;
  const open = before === undefined || before.phase === 'Succeeded' ? undefined : before;
  const all = new Map(open?.changes);
  for (const [id, units] of own) all.set(id, new Map([...(all.get(id) ?? []), ...units]));
  const demand = demandOn(observed, all);
  if (demand === undefined) return undefined;
  const places = [...new Set([...keys, ...(open?.places ?? [])])].slice(0, RECORD_LIMITS.historyKeys);
  return { digest: nameOf(all, demand), proof: demand.proof, places, changes: all };
};

export interface FollowedDelivery {
  readonly ledger: Ledger;
  /** Its time is over, and a restart is wanted for it: why. */
  readonly unproven?: string;
}

/** @param restarting a rollout is under way, which is waited for: its pods read the content when they start */
export const followDelivery = (
  observed: Observed,
  ledger: Ledger,
  restarting: boolean,
  now: number,
): FollowedDelivery => {
  if (ledger.delivery === undefined) return { ledger };
  const changes = observed.complete ? demanded(observed, ledger.delivery.changes) : ledger.delivery.changes;
  const demand = demandOn(observed, changes);
  // What nobody wants proven any more is forgotten; not so while it can't be told what policies want.
  if (demand === undefined) return { ledger: observed.complete ? withoutDelivery(ledger) : ledger };
  if (ledger.delivery.phase === 'Succeeded') return { ledger: askedAgain(observed, ledger, demand, now) };

  const delivery = observed.complete ? asDemanded(ledger.delivery, changes, demand, now) : ledger.delivery;
  const standing = { ...ledger, delivery };
  const hold = deliveryHold(observed, delivery);
  if (hold !== undefined) return { ledger: { ...ledger, delivery: held(delivery, hold.message) } };
  const { proof } = observed;
  const known = proof?.digest === delivery.digest ? proof : undefined;
  if (known?.listed === true && known.pods.every(({ done }) => done))
    return { ledger: proven(standing, delivery, known, now) };
  if (delivery.phase === 'TimedOut') return { ledger: standing };
  // Somebody had stopped it, or the process that pursued it is gone: its time runs anew.
  const unattended = known === undefined && now > delivery.startedAt + UNATTENDED_MS;
  if (delivery.message !== undefined || unattended)
    return { ledger: { ...ledger, delivery: { ...withoutMessage(delivery), startedAt: now } } };
  if (now < delivery.startedAt + demand.timeoutMs || restarting) return { ledger: standing };
  const why = unprovenWords(delivery, known, demand.timeoutMs);
  return demand.onTimeout === 'Restart'
    ? { ledger: standing, unproven: why }
    : { ledger: timedOut(ledger, delivery, known, why, now) };
};

/** As it is demanded now. Where that is something else than before, it is tried anew. */
const asDemanded = (delivery: Delivery, changes: Changes, demand: Demand, now: number): Delivery => {
  const digest = nameOf(changes, demand);
  if (digest === delivery.digest) return delivery;
  const { places } = delivery;
  return { digest, proof: demand.proof, startedAt: now, phase: 'InProgress', places, changes };
};

interface DeliveryHold {
  readonly reason: string;
  readonly message: string;
}

/** Why nothing is to be found out for now: pods are told nothing, or what they should have can't be known. */
export const deliveryHold = (observed: Observed, { changes }: Delivery): DeliveryHold | undefined => {
  const hold = hotHold(observed, new Set(changes.keys()));
  if (hold !== undefined) return hold;
  for (const id of changes.keys()) {
    const source: Source = observed.sources.get(id) ?? { state: 'Unknown' };
    if (source.state === 'Missing') return { reason: 'SourceMissing', message: `${id} is missing` };
    if (source.state === 'Unknown')
      return { reason: 'SourceUnreadable', message: `${id} can't be read: ${source.message ?? 'not read yet'}` };
  }
  return undefined;
};

/** While it waits for somebody its time does not run. */
const held = (delivery: Delivery, message: string): Delivery =>
  delivery.phase === 'InProgress' ? { ...delivery, message: bounded(message) } : delivery;

const proven = (ledger: Ledger, delivery: Delivery, { pods, blind }: ProofProgress, now: number): Ledger => {
  const { phase, places, startedAt } = delivery;
  const next = withEntry(ledger, {
    time: now,
    action: 'Hot',
    outcome: 'Succeeded',
    reason: pods.length === 0 ? 'NoPods' : goalOf(delivery),
    ...(phase === 'TimedOut' && { message: 'after its time was over' }),
    keys: places,
    pods: pods.length,
  });
  const askAgainAt = startedAt + ASK_AGAIN_AFTER_MS;
  if (!blind || now >= askAgainAt) return withoutDelivery(next);
  return { ...next, delivery: { ...withoutMessage(delivery), phase: 'Succeeded', finishedAt: now, askAgainAt } };
};

const timedOut = (
  ledger: Ledger,
  delivery: Delivery,
  known: ProofProgress | undefined,
  why: string,
  now: number,
): Ledger => {
  const message = bounded(why);
  return withEntry(
    { ...ledger, delivery: { ...delivery, phase: 'TimedOut', message, finishedAt: now } },
    {
      time: now,
      action: 'Hot',
      outcome: 'TimedOut',
      reason: 'ProofTimeout',
      message,
      keys: delivery.places,
      pods: known?.pods.filter(({ done }) => done).length ?? 0,
    },
  );
};

/** It ends when applications have been asked again, or could not be for as long as a proof may take. */
const askedAgain = (observed: Observed, ledger: Ledger, { timeoutMs }: Demand, now: number): Ledger => {
  const { delivery } = ledger;
  const { proof } = observed;
  if (delivery?.askAgainAt === undefined) return withoutDelivery(ledger);
  if (proof?.digest !== delivery.digest || deliveryHold(observed, delivery) !== undefined) return ledger;
  return proof.askedAgain || now >= delivery.askAgainAt + timeoutMs ? withoutDelivery(ledger) : ledger;
};

/** What is to be found out; undefined: nothing, or nothing for now. */
export const proofOrder = (observed: Observed, { delivery }: Ledger, now: number): ProofOrder | undefined => {
  if (delivery === undefined || deliveryHold(observed, delivery) !== undefined) return undefined;
  const demand = demandOn(observed, delivery.changes);
  if (demand === undefined || (delivery.askAgainAt !== undefined && now < delivery.askAgainAt)) return undefined;
  const { digest, proof, startedAt, phase, changes } = delivery;
  return {
    digest,
    proof,
    targets: demand.targets,
    expected: new Map([...changes].map(([id, units]) => [id, presentKeys(observed.sources.get(id), units.keys())])),
    startedAt,
    effort: EFFORTS[phase],
  };
};

const EFFORTS = { InProgress: 'Pursue', TimedOut: 'Watch', Succeeded: 'AskAgain' } as const satisfies Readonly<
  Record<Delivery['phase'], ProofOrder['effort']>
>;

/** Of a document that has changed in part, files hold all: what its whole should be now. */
const presentKeys = (
  source: Source | undefined,
  units: Iterable<string>,
): NonNullable<ReturnType<ProofOrder['expected']['get']>> => {
  const keys = source?.state === 'Present' ? source.keys : new Map<string, never>();
  return new Map([...new Set([...units].map(keyOfUnit))].map((key) => [key, keys.get(key) ?? '']));
};

/** When to look again at a delivery though nothing happens. */
export const deliveryDueMs = (observed: Observed, { delivery }: Ledger, now: number): number | undefined => {
  if (delivery === undefined || deliveryHold(observed, delivery) !== undefined) return undefined;
  const timeoutMs = demandOn(observed, delivery.changes)?.timeoutMs ?? 0;
  const { startedAt, askAgainAt } = delivery;
  const times =
    delivery.phase === 'InProgress'
      ? [startedAt + timeoutMs]
      : askAgainAt === undefined
        ? []
        : [askAgainAt, askAgainAt + timeoutMs];
  const next = times.filter((time) => time > now);
  return next.length === 0 ? undefined : Math.min(...next) - now;
};

const withoutDelivery = ({ delivery: _delivery, ...ledger }: Ledger): Ledger => ledger;
const withoutMessage = ({ message: _message, ...delivery }: Delivery): Delivery => delivery;

/** As the record keeps it: a message that came back shorter would look like news, again and again. */
const bounded = (message: string): string => message.slice(0, RECORD_LIMITS.message);
