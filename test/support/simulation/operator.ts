/**
 * Our process in the small cluster: what it knows, when it looks, what it does, and where it dies. It follows
 * `controller/reconcile.ts`, `act.ts` and `ledgers.ts` step by step.
 */

import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import { createOthers, type OthersOptions, type OthersRoom } from '../../../src/controller/others.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan, RestartOrder, UndoOrder, Verdict } from '../../../src/domain/effects.ts';
import {
  sourceId,
  type Ledger,
  type Observed,
  type Pending,
  type Policy,
  type Source,
  type SourceId,
  type Workload,
} from '../../../src/domain/observed.ts';
import { nudged, restartIssued } from '../../../src/domain/outcomes.ts';
import { undone } from '../../../src/domain/undo.ts';
import { ledgerOf, recordStatusOf } from '../../../src/domain/record.ts';
import type { Request } from '../../../src/domain/requests.ts';
import { found } from '../builders.ts';
import { reportsOf, shownPods, shownWorkload, type Cluster, type Deployed } from './cluster.ts';

type ActPlan = Extract<Plan, { readonly type: 'Act' }>;

/** Right before or right after what the process might die. */
export type Moment = 'Effects' | 'Stored' | 'Nudged' | 'Undone' | 'Restarted' | 'Put';

/** What becomes of a write of the template: refused, or done though nobody hears of it. */
export type Fault = 'Refused' | 'Unheard';

/** Whoever judges is told right before something happens. */
export interface Witness {
  restart(workload: Deployed, order: RestartOrder): void;
  undo(workload: Deployed, order: UndoOrder): void;
  nudge(workload: Deployed): void;
}

interface Memory {
  pending?: Pending;
  templateSeenAt: number;
  podsSeenAt?: number;
  /** By the clock that is never set. */
  dueAt?: number;
  verdict?: Told;
  /** The pods that have been nudged since they came, while a rollout of ours is followed. */
  followed?: ReadonlySet<string>;
}

/** What was said of a workload, and when: by the clock, and by the one that is never set. */
export interface Told extends Verdict {
  readonly at: number;
  readonly elapsed: number;
}

interface Process {
  readonly others: OthersRoom;
  readonly seen: Map<string, Source>;
  readonly memories: Map<string, Memory>;
  /** Records that are to be written, and when they will have been. */
  readonly unsaved: Map<string, { readonly ledger: Ledger; readonly by: number }>;
}

const UNKNOWN: Source = { state: 'Unknown' };

/** Records wait for so long at the most. */
const WRITE_BEHIND_MS = 3_000;
/** What failed is tried again after a while. */
const RETRY_MS = 1_000;

class Died extends Error {}
class WriteFailed extends Error {}

export class Operator {
  policies: readonly Policy[];
  /** The records, as they are stored. */
  readonly records = new Map<string, ReloadRecordStatus>();
  /** Requests without an answer in their own status. */
  requests: readonly (Request & { readonly workload: string })[] = [];
  /** It dies at this moment, when it comes. */
  dieAt: Moment | undefined;
  fault: Fault | undefined;
  recordWrites = 0;
  /** How many workloads may roll out at a time, whatever policies say; 0: as many as like. */
  readonly limit: number;
  /** A clock that is never set. */
  elapsed = 0;
  readonly #cluster: Cluster;
  readonly #witness: Witness;
  #process: Process | undefined;
  #turn = 0;
  /** They wait for others, of which one stands otherwise than before. */
  readonly #moved = new Set<string>();

  constructor(cluster: Cluster, policies: readonly Policy[], witness: Witness, limit = 0) {
    this.limit = limit;
    this.#cluster = cluster;
    this.#witness = witness;
    this.policies = policies;
    this.start();
  }

  running(): boolean {
    return this.#process !== undefined;
  }

  verdict(workload: string): Told | undefined {
    return this.#process?.memories.get(workload)?.verdict;
  }

  pending(workload: string): Pending | undefined {
    return this.#process?.memories.get(workload)?.pending;
  }

  /** What is known to be applied: in memory, or as it is stored. */
  ledger(workload: string): Ledger | undefined {
    const stored = this.records.get(workload);
    return this.#process?.unsaved.get(workload)?.ledger ?? (stored === undefined ? undefined : ledgerOf(stored));
  }

  crash(): void {
    this.#process = undefined;
  }

  start(): void {
    const seen = new Map([...this.#cluster.sources.keys()].map((name) => [name, this.#read(name, false)] as const));
    const memories = new Map(this.#cluster.workloads.map(({ name }) => [name, { templateSeenAt: 0 }] as const));
    this.#moved.clear();
    this.#process = { seen, memories, unsaved: new Map(), others: this.#createOthers() };
    this.look();
  }

  /** Our watch shows a change of a source. */
  showSource(name: string): void {
    this.#process?.seen.set(name, this.#read(name, true));
    this.look(this.#cluster.workloads.filter(({ sources }) => sources.includes(name)));
  }

  showTemplate(workload: Deployed): void {
    const memory = this.#process?.memories.get(workload.name);
    if (memory !== undefined) memory.templateSeenAt = this.#cluster.now;
    this.look([workload]);
  }

  /** Time passes by all clocks, and what is due then is done. */
  pass(ms: number): void {
    const until = this.elapsed + ms;
    for (let turns = 0; ; turns++) {
      if (turns > 200 + ms / 1_000) throw new Error('comes to rest: it looks again and again');
      const next = this.#nextDue();
      if (next === undefined || next > until) break;
      this.#tick(Math.max(0, next - this.elapsed));
      this.#save(({ by }) => by <= this.elapsed);
      const due = this.#cluster.workloads.filter(({ name }) => (this.#memory(name)?.dueAt ?? Infinity) <= this.elapsed);
      this.look(due);
    }
    this.#tick(until - this.elapsed);
  }

  /** Looks at workloads, and at those that wait for them, until nothing more is to be done at once. */
  look(workloads: readonly Deployed[] = this.#cluster.workloads): void {
    this.#turn += 1;
    const first = workloads.length === 0 ? 0 : this.#turn % workloads.length;
    let queue: readonly Deployed[] = [...workloads.slice(first), ...workloads.slice(0, first)];
    for (let looks = 0; this.#process !== undefined && queue.length > 0; looks++) {
      if (looks > 60) throw new Error('comes to rest: one look calls for another');
      // All decide before any acts: as workers do that wait for the API.
      const plans = queue.map((workload) => this.#plan(workload));
      const again = new Set<Deployed>();
      for (const { workload, observed, plan } of plans) {
        const effect = this.#perform(workload, observed, plan);
        if (effect === 'Died') return;
        if (effect === 'Done' || (effect === 'None' && plan.type === 'Act' && plan.requeueAfterMs === 0))
          again.add(workload);
      }
      for (const name of this.#moved) again.add(this.#cluster.workload(name));
      this.#moved.clear();
      queue = [...again];
    }
  }

  observed(workload: Deployed): Observed {
    const { name } = workload;
    const process = this.#process;
    if (process === undefined) throw new Error('no process runs');
    const { pending, templateSeenAt = 0, podsSeenAt } = process.memories.get(name) ?? {};
    const policies = this.#policiesOf(workload);
    const ids = new Set(policies.flatMap(({ sources }) => sources.map(sourceId)));
    const ledger = this.ledger(name);
    const requests = this.requests.filter((each) => each.workload === name);
    const others = process.others.of(shownWorkload(workload));
    return {
      workload: shownWorkload(workload),
      templateSeenAt,
      policies,
      complete: true,
      sources: new Map<SourceId, Source>(
        [...ids].map((id) => [id, process.seen.get(id.slice(id.indexOf('/') + 1)) ?? { state: 'Unknown' }]),
      ),
      ...(ledger !== undefined && { ledger }),
      ...(pending !== undefined && { pending }),
      ...(podsSeenAt !== undefined && { podsSeenAt }),
      ...(requests.length > 0 && { requests }),
      ...(others !== undefined && { others }),
    };
  }

  #plan(workload: Deployed): {
    readonly workload: Deployed;
    readonly observed: Observed;
    readonly plan: Exclude<Plan, { readonly type: 'LookAtPods' }>;
  } {
    const observed = this.observed(workload);
    const { now } = this.#cluster;
    const plan = this.#decide(observed, now);
    if (plan.type !== 'LookAtPods') return { workload, observed, plan };
    const memory = this.#memory(workload.name);
    if (memory !== undefined) memory.podsSeenAt = now;
    const seen = { pods: shownPods(workload), reports: reportsOf(workload), podsSeenAt: now };
    const second = this.#decide({ ...this.observed(workload), ...seen }, now);
    if (second.type === 'LookAtPods') throw new Error('comes to rest: pods are asked for twice');
    return { workload, observed, plan: second };
  }

  /** What is decided has its place among others at once. */
  #decide(observed: Observed, now: number): Plan {
    const plan = decide(observed, now);
    if (plan.type !== 'LookAtPods') this.#process?.others.decided(observed, plan);
    return plan;
  }

  #perform(
    workload: Deployed,
    observed: Observed,
    plan: Exclude<Plan, { readonly type: 'LookAtPods' }>,
  ): 'Done' | 'None' | 'Failed' | 'Died' {
    const memory = this.#memory(workload.name);
    if (memory === undefined) return 'Died';
    delete memory.dueAt;
    if (plan.type === 'Forget') {
      this.records.delete(workload.name);
      this.#process?.unsaved.delete(workload.name);
      memory.verdict = this.#told(plan.verdict);
      return 'None';
    }
    try {
      this.#act(workload, observed, plan, memory);
    } catch (thrown) {
      if (thrown instanceof Died) {
        this.crash();
        return 'Died';
      }
      if (!(thrown instanceof WriteFailed)) throw thrown;
      if (thrown.message === 'Refused') this.#process?.others.refused(observed.workload);
      memory.dueAt = this.elapsed + RETRY_MS;
      return 'Failed';
    }
    const effects = [plan.nudge, plan.undo, plan.restart].some((effect) => effect !== undefined);
    if (!effects) memory.verdict = this.#told(plan.verdict);
    if (plan.requeueAfterMs !== undefined) memory.dueAt = this.elapsed + plan.requeueAfterMs;
    return effects ? 'Done' : 'None';
  }

  #told(verdict: Verdict): Told {
    return { ...verdict, at: this.#cluster.now, elapsed: this.elapsed };
  }

  #act(workload: Deployed, observed: Observed, plan: ActPlan, memory: Memory): void {
    const { now } = this.#cluster;
    if (plan.pending === undefined) delete memory.pending;
    else memory.pending = plan.pending;
    const effects = [plan.nudge, plan.undo, plan.restart].some((effect) => effect !== undefined);
    if (effects) this.#dieIf('Effects');
    let { ledger } = plan;
    if (plan.recordFirst === true) {
      this.#process?.unsaved.delete(workload.name);
      this.#write(workload.name, ledger);
      this.#dieIf('Stored');
    }
    if (plan.undo !== undefined) {
      const { undo } = plan;
      this.#writeTemplate(workload, undo.value, () => this.#witness.undo(workload, undo));
      this.#dieIf('Undone');
      ledger = undone(ledger, now);
      this.#put(workload.name, ledger);
    }
    if (plan.nudge !== undefined) {
      this.#witness.nudge(workload);
      for (const pod of workload.pods) this.#cluster.refresh(pod);
      ledger = nudged(ledger, plan.nudge, workload.pods.length, now);
      this.#put(workload.name, ledger);
      this.#dieIf('Nudged');
    }
    if (plan.restart !== undefined) {
      const { restart } = plan;
      this.#writeTemplate(workload, restart.value, () => this.#witness.restart(workload, restart));
      this.#dieIf('Restarted');
      delete memory.pending;
      ledger = restartIssued(ledger, plan.restart, observed.workload, now);
    }
    this.#put(workload.name, ledger);
    if (effects) this.#dieIf('Put');
    this.#follow(workload, plan, memory);
  }

  /** The pods of a rollout of ours are nudged once each, those that come last a moment after it. */
  #follow(workload: Deployed, { followPods, leavePods }: ActPlan, memory: Memory): void {
    if ((followPods || memory.followed !== undefined) && !leavePods) {
      for (const pod of workload.pods) if (memory.followed?.has(pod.name) !== true) this.#cluster.refresh(pod);
    }
    if (followPods) memory.followed = new Set(workload.pods.map(({ name }) => name));
    else delete memory.followed;
  }

  /** The same value once more is no change of a template. */
  #writeTemplate(workload: Deployed, annotation: string | undefined, witness: () => void): void {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== 'Refused' && workload.annotation !== annotation) {
      witness();
      this.#cluster.template(workload, workload.template, annotation);
    }
    if (fault !== undefined) throw new WriteFailed(fault);
  }

  #dieIf(moment: Moment): void {
    if (this.dieAt !== moment) return;
    this.dieAt = undefined;
    throw new Died(moment);
  }

  #put(name: string, ledger: Ledger): void {
    const same = JSON.stringify(recordStatusOf(ledger));
    const known = this.ledger(name);
    if (known !== undefined && JSON.stringify(recordStatusOf(known)) === same) return;
    const by = this.#process?.unsaved.get(name)?.by ?? this.elapsed + WRITE_BEHIND_MS;
    this.#process?.unsaved.set(name, { ledger, by });
  }

  /** Writes what is due of the records, and then what they say of requests. */
  #save(isDue: (unsaved: { readonly by: number }) => boolean): void {
    for (const [name, unsaved] of this.#process?.unsaved ?? []) {
      if (!isDue(unsaved)) continue;
      this.#process?.unsaved.delete(name);
      this.#write(name, unsaved.ledger);
    }
  }

  #write(name: string, ledger: Ledger): void {
    const status = JSON.parse(JSON.stringify(recordStatusOf(ledger))) as ReloadRecordStatus;
    if (JSON.stringify(status) !== JSON.stringify(this.records.get(name))) this.recordWrites += 1;
    this.records.set(name, status);
    const answered = new Set((status.answers ?? []).map(({ uid }) => uid));
    this.requests = this.requests.filter(({ uid }) => !answered.has(uid));
  }

  /** The controller's own, on what it asks of its neighbours. */
  #createOthers(): OthersRoom {
    const shown = (name: string): Workload => shownWorkload(this.#cluster.workload(name));
    const own = {
      stores: {
        workloads: { get: (key: string) => shown(key.slice(key.lastIndexOf('/') + 1)), onDelta: () => () => undefined },
        records: { syncedFor: () => true },
      },
      bindings: {
        policiesOf: (workload: Workload) => this.#policiesOf(this.#cluster.workload(workload.name)),
        workloadsOf: (policy: Policy) =>
          this.#cluster.workloads.filter((each) => this.#policiesOf(each).includes(policy)).map(shownWorkload),
      },
      sources: {
        get: (_namespace: string, id: SourceId) => this.#process?.seen.get(id.slice(id.indexOf('/') + 1)) ?? UNKNOWN,
      },
      ledgers: { of: ({ name }: Workload) => this.ledger(name) },
      limit: this.limit,
      onMoved: (waiting: readonly Workload[]) => {
        for (const { name } of waiting) this.#moved.add(name);
      },
    };
    return createOthers(own as unknown as OthersOptions);
  }

  #policiesOf({ sources }: Deployed): readonly Policy[] {
    return this.policies.filter((policy) => policy.sources.some(({ name }) => sources.includes(name)));
  }

  #nextDue(): number | undefined {
    if (this.#process === undefined) return undefined;
    const times = [
      ...[...this.#process.memories.values()].flatMap(({ dueAt }) => dueAt ?? []),
      ...[...this.#process.unsaved.values()].map(({ by }) => by),
    ];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #tick(ms: number): void {
    this.elapsed += ms;
    this.#cluster.pass(ms);
  }

  #memory(name: string): Memory | undefined {
    return this.#process?.memories.get(name);
  }

  #read(name: string, seenToChange: boolean): Source {
    const stored = this.#cluster.sources.get(name);
    if (stored === undefined) return { state: 'Missing' };
    const { uid, content, changedAt } = stored;
    return found(content, { uid, changedAt, seenToChange });
  }
}
