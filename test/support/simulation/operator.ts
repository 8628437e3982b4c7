/**
 * Our process in the small cluster: what it knows, when it looks, what it does, and where it dies. It follows
 * `controller/reconcile.ts`, `act.ts` and `ledgers.ts` step by step. Live objects and their snapshots are written by
 * `controller/live.ts` itself.
 */

import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import { keyOf } from '../../../src/controller/sources/keys.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan, RestartOrder, UndoOrder, Verdict } from '../../../src/domain/effects.ts';
import { liveId, type Live } from '../../../src/domain/live.ts';
import type { Ledger, Observed, Pending, Policy, Source } from '../../../src/domain/observed.ts';
import { nudged, restartIssued } from '../../../src/domain/outcomes.ts';
import { undone } from '../../../src/domain/undo.ts';
import { ledgerOf, recordStatusOf } from '../../../src/domain/record.ts';
import type { Request } from '../../../src/domain/requests.ts';
import { WaitingError } from '../../../src/runtime/errors.ts';
import { digestsOf, found } from '../builders.ts';
import { isInvalid, reportsOf, shownPods, shownWorkload, type Cluster, type Deployed } from './cluster.ts';
import type { Write, Writing } from './live-store.ts';
import { createRooms, renderedBy, type Neighbours, type Rooms } from './rooms.ts';

type ActPlan = Extract<Plan, { readonly type: 'Act' }>;

/** Right before or right after what the process might die. */
export type Moment = 'Effects' | 'Stored' | 'Nudged' | 'Undone' | 'Restarted' | 'Put' | `${'Before' | 'After'}${Write}`;

/** What becomes of a write of a template or of a live object: refused, or done though nobody hears of it. */
export type Fault = 'Refused' | 'Unheard';

/** Whoever judges is told right before something happens. */
export interface Witness {
  /** A restart is about to be recorded as begun, with managed delivery. */
  begin(workload: Deployed, order: RestartOrder): void;
  render: Writing['witness'];
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
  readonly rooms: Rooms;
  readonly seen: Map<string, Source>;
  readonly seenLive: Map<string, Live>;
  /** When live objects are to be written again that could not be. */
  readonly renderAt: Map<string, number>;
  readonly memories: Map<string, Memory>;
  /** Records that are to be written, and when they will have been. */
  readonly unsaved: Map<string, { readonly ledger: Ledger; readonly by: number }>;
}

const UNKNOWN: Source = { state: 'Unknown' };

/** Records wait for so long at the most. */
const WRITE_BEHIND_MS = 3_000;
/** What failed is tried again after a while. */
const RETRY_MS = 1_000;

/** What is about to be shown by a watch is looked at again a moment later. */
const MOVED_MS = 100;

class Died extends Error {}
class WriteFailed extends Error {
  readonly status: number | undefined;

  constructor(fault: Fault) {
    super(fault);
    this.status = fault === 'Refused' ? 422 : undefined;
  }
}

const { signal } = new AbortController();

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

  /** Other policies than before, or none: sources are read anew for them. */
  async govern(policies: readonly Policy[]): Promise<void> {
    this.policies = policies;
    for (const name of this.#process?.seen.keys() ?? []) this.#process?.seen.set(name, this.#read(name, false));
    await this.look();
  }

  /** Nothing that was to be done is still to be tried again. */
  settled(): boolean {
    return this.#process?.renderAt.size === 0;
  }

  crash(): void {
    this.#process = undefined;
  }

  async start(): Promise<void> {
    const seen = new Map([...this.#cluster.sources.keys()].map((name) => [name, this.#read(name, false)] as const));
    const memories = new Map(this.#cluster.workloads.map(({ name }) => [name, { templateSeenAt: 0 }] as const));
    this.#moved.clear();
    const known = { seen, seenLive: new Map<string, Live>(), renderAt: new Map<string, number>() };
    this.#process = { ...known, memories, unsaved: new Map(), rooms: createRooms(this.#neighbours()) };
    for (const name of this.#cluster.objects.keys()) this.#see(name);
    await this.look();
  }

  /** Our watch shows a change of a source. */
  async showSource(name: string): Promise<void> {
    this.#process?.seen.set(name, this.#read(name, true));
    await this.look(this.#cluster.workloads.filter(({ sources }) => sources.includes(name)));
  }

  async showTemplate(workload: Deployed): Promise<void> {
    const memory = this.#process?.memories.get(workload.name);
    if (memory !== undefined) memory.templateSeenAt = this.#cluster.now;
    await this.look([workload]);
  }

  /** Our watch shows what somebody has done to a live object. */
  async showLive(name: string): Promise<void> {
    this.#see(name);
    await this.look(this.#readersOf(name));
  }

  /** Time passes by all clocks, and what is due then is done. */
  async pass(ms: number): Promise<void> {
    const until = this.elapsed + ms;
    for (let turns = 0; ; turns++) {
      if (turns > 200 + ms / 1_000) throw new Error('comes to rest: it looks again and again');
      const next = this.#nextDue();
      if (next === undefined || next > until) break;
      this.#tick(Math.max(0, next - this.elapsed));
      this.#save(({ by }) => by <= this.elapsed);
      const due = this.#cluster.workloads.filter(({ name }) => (this.#memory(name)?.dueAt ?? Infinity) <= this.elapsed);
      await this.look(due);
    }
    this.#tick(until - this.elapsed);
  }

  /** Looks at workloads, and at those that wait for them, until nothing more is to be done at once. */
  async look(workloads: readonly Deployed[] = this.#cluster.workloads): Promise<void> {
    this.#turn += 1;
    const first = workloads.length === 0 ? 0 : this.#turn % workloads.length;
    let queue: readonly Deployed[] = [...workloads.slice(first), ...workloads.slice(0, first)];
    if (this.#turn % 2 === 0) await this.#render();
    for (let looks = 0; this.#process !== undefined; looks++) {
      if (looks > 60) throw new Error('comes to rest: one look calls for another');
      // All decide before any acts: as workers do that wait for the API.
      const plans = [];
      for (const workload of queue) plans.push(await this.#plan(workload));
      const again = new Set<Deployed>();
      for (const { workload, observed, plan } of plans) {
        const effect = await this.#perform(workload, observed, plan);
        if (effect === 'Died') return;
        if (effect === 'Done' || (effect === 'None' && plan.type === 'Act' && plan.requeueAfterMs === 0))
          again.add(workload);
      }
      await this.#render();
      for (const name of this.#moved) again.add(this.#cluster.workload(name));
      this.#moved.clear();
      queue = [...again];
      if (queue.length === 0) return;
    }
  }

  /** What live objects are to hold is worked out anew after every look. */
  async #render(): Promise<void> {
    const rendered = renderedBy(this.policies);
    for (const name of this.#process?.renderAt.keys() ?? [])
      if (!rendered.some(({ object }) => object.name === name)) this.#process?.renderAt.delete(name);
    for (const { object, policy } of rendered) {
      const process = this.#process;
      if (process === undefined || (process.renderAt.get(object.name) ?? 0) > this.elapsed) continue;
      process.renderAt.delete(object.name);
      try {
        const { requeueAfterMs } = await process.rooms.live.render(keyOf(policy.namespace, liveId(object)), signal);
        if (requeueAfterMs !== undefined) process.renderAt.set(object.name, this.elapsed + requeueAfterMs);
      } catch (thrown) {
        if (thrown instanceof Died) {
          this.crash();
          return;
        }
        if (!(thrown instanceof WriteFailed || thrown instanceof WaitingError)) throw thrown;
        process.renderAt.set(object.name, this.elapsed + (thrown instanceof WaitingError ? MOVED_MS : RETRY_MS));
      }
      if (this.#see(object.name)) for (const { name } of this.#readersOf(object.name)) this.#moved.add(name);
    }
  }

  observed(workload: Deployed): Observed {
    if (this.#process === undefined) throw new Error('no process runs');
    return this.#process.rooms.observe(shownWorkload(workload));
  }

  async #plan(workload: Deployed): Promise<{
    readonly workload: Deployed;
    readonly observed: Observed;
    readonly plan: Exclude<Plan, { readonly type: 'LookAtPods' }>;
  }> {
    const asked = async (): Promise<Observed> => {
      const observed = this.observed(workload);
      return (await this.#process?.rooms.live.asked(observed, signal)) ?? observed;
    };
    const observed = await asked();
    const { now } = this.#cluster;
    const plan = this.#decide(observed, now);
    if (plan.type !== 'LookAtPods') return { workload, observed, plan };
    const memory = this.#memory(workload.name);
    if (memory !== undefined) memory.podsSeenAt = now;
    const seen = { pods: shownPods(workload), reports: reportsOf(workload), podsSeenAt: now };
    const second = this.#decide({ ...(await asked()), ...seen }, now);
    if (second.type === 'LookAtPods') throw new Error('comes to rest: pods are asked for twice');
    return { workload, observed, plan: second };
  }

  /** What is decided has its place among others at once. */
  #decide(observed: Observed, now: number): Plan {
    const plan = decide(observed, now);
    if (plan.type !== 'LookAtPods') this.#process?.rooms.others.decided(observed, plan);
    return plan;
  }

  async #perform(
    workload: Deployed,
    observed: Observed,
    plan: Exclude<Plan, { readonly type: 'LookAtPods' }>,
  ): Promise<'Done' | 'None' | 'Failed' | 'Died'> {
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
      await this.#act(workload, observed, plan, memory);
    } catch (thrown) {
      if (thrown instanceof Died) {
        this.crash();
        return 'Died';
      }
      if (!(thrown instanceof WriteFailed || thrown instanceof WaitingError)) throw thrown;
      if (thrown.message === 'Refused') this.#process?.rooms.others.refused(observed.workload);
      memory.dueAt = this.elapsed + (thrown instanceof WaitingError ? MOVED_MS : RETRY_MS);
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

  async #act(workload: Deployed, observed: Observed, plan: ActPlan, memory: Memory): Promise<void> {
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
    if (plan.undo !== undefined) ledger = await this.#undo(workload, observed, plan.undo, ledger);
    if (plan.nudge !== undefined) {
      this.#witness.nudge(workload);
      for (const pod of workload.pods) this.#cluster.refresh(pod);
      ledger = nudged(ledger, plan.nudge, workload.pods.length, now);
      this.#put(workload.name, ledger);
      this.#dieIf('Nudged');
    }
    if (plan.restart !== undefined) {
      ledger = await this.#restart(workload, observed, plan.restart, ledger);
      // What had begun and can't be completed waits once more.
      if (ledger.restart?.n === plan.restart.n) delete memory.pending;
    }
    this.#put(workload.name, ledger);
    if (effects) this.#dieIf('Put');
    this.#follow(workload, plan, memory);
  }

  async #undo(workload: Deployed, observed: Observed, order: UndoOrder, before: Ledger): Promise<Ledger> {
    const live = this.#process?.rooms.live;
    const ledger = order.live === undefined ? before : await live?.goBack(observed, before, order.live, signal);
    if (ledger?.failed?.undo === undefined) return ledger ?? before;
    this.#writeTemplate(workload, order.value, () => this.#witness.undo(workload, order));
    this.#dieIf('Undone');
    const next = undone(ledger, this.#cluster.now);
    this.#put(workload.name, next);
    return next;
  }

  async #restart(workload: Deployed, observed: Observed, order: RestartOrder, before: Ledger): Promise<Ledger> {
    let ledger: Ledger | undefined = before;
    if (order.live !== undefined) {
      if (order.begun === undefined) this.#witness.begin(workload, order);
      ledger = await this.#process?.rooms.live.begin(observed, before, { ...order, live: order.live }, signal);
    }
    if (ledger === undefined) {
      const { intent: _void, ...rest } = before;
      return rest;
    }
    this.#writeTemplate(workload, order.value, () => this.#witness.restart(workload, order));
    this.#dieIf('Restarted');
    return restartIssued(ledger, order, observed.workload, this.#cluster.now);
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
    this.#mayFail(() => {
      if (workload.annotation === annotation) return;
      witness();
      this.#cluster.template(workload, workload.template, annotation);
    });
  }

  #mayFail(write: () => void): void {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== 'Refused') write();
    if (fault !== undefined) throw new WriteFailed(fault);
  }

  #guard(what: Write, write: () => void): void {
    this.#dieIf(`Before${what}`);
    this.#mayFail(write);
    this.#dieIf(`After${what}`);
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

  #neighbours(): Neighbours {
    return {
      cluster: this.#cluster,
      limit: this.limit,
      policies: () => this.policies,
      policiesOf: (workload) => this.#policiesOf(workload),
      ledger: (name) => this.ledger(name),
      source: (name) => this.#process?.seen.get(name) ?? UNKNOWN,
      live: (name) => this.#process?.seenLive.get(name) ?? { name, state: 'Missing' },
      memory: (name) => this.#memory(name),
      requests: (name) => this.requests.filter(({ workload }) => workload === name),
      store: (name, ledger) => {
        this.#guard('Record', () => {
          this.#process?.unsaved.delete(name);
          this.#write(name, ledger);
        });
      },
      show: (name) => {
        if (this.#see(name)) for (const each of this.#readersOf(name)) this.#moved.add(each.name);
      },
      onMoved: (names) => {
        for (const name of names) this.#moved.add(name);
      },
      onTrouble: (name) => {
        for (const each of this.#readersOf(name)) this.#moved.add(each.name);
      },
      guard: (what, write) => {
        this.#guard(what, write);
      },
      witness: (name, content, rendered) => {
        this.#witness.render(name, content, rendered);
      },
    };
  }

  #readersOf(live: string): readonly Deployed[] {
    return this.#cluster.workloads.filter((workload) => [...workload.live.values()].includes(live));
  }

  /** @returns whether the live object is another than the watch has shown before */
  #see(name: string): boolean {
    const stored = this.#cluster.objects.get(name);
    const before = this.#process?.seenLive.get(name);
    const version = before?.state === 'Present' ? before.resourceVersion : undefined;
    if (version === stored?.version.toString()) return false;
    if (stored === undefined) {
      this.#process?.seenLive.set(name, { name, state: 'Missing' });
      return true;
    }
    const { uid, content, rendered } = stored;
    const { role, snapshot } = rendered;
    this.#process?.seenLive.set(name, {
      ...{ name, state: 'Present', uid, keys: digestsOf(content), ours: role === 'live' },
      resourceVersion: stored.version.toString(),
      ...(snapshot !== undefined && { snapshot }),
    });
    return true;
  }

  #policiesOf({ sources }: Deployed): readonly Policy[] {
    return this.policies.filter((policy) => policy.sources.some(({ name }) => sources.includes(name)));
  }

  #nextDue(): number | undefined {
    if (this.#process === undefined) return undefined;
    const times = [
      ...[...this.#process.memories.values()].flatMap(({ dueAt }) => dueAt ?? []),
      ...[...this.#process.unsaved.values()].map(({ by }) => by),
      ...this.#process.renderAt.values(),
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
    const { uid, version, content, changedAt } = stored;
    const refused = Object.entries(content).filter(([, text]) => isInvalid(text));
    const problems = refused.map(([key]) => ({ key, rule: 1, message: 'must be valid' }));
    return found(content, {
      ...{ uid, resourceVersion: version.toString(), changedAt, seenToChange },
      ...(refused.length > 0 && { problems: new Map(this.policies.map(({ name: policy }) => [policy, problems])) }),
    });
  }
}
