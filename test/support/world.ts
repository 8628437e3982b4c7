/**
 * A small world for decisions: one workload, its pods, its sources, one process of ours that can die. What a decision
 * orders really happens here, so that a test can ask what the pods run on, not only what was planned.
 */

import { inspectKey } from '../../src/documents/inspect.ts';
import { PLAIN, type Digest } from '../../src/domain/digest.ts';
import type { DocumentParts, LeafTable } from '../../src/domain/documents.ts';
import { missingKeys } from '../../src/domain/inspection.ts';
import type { Problem } from '../../src/domain/validation.ts';
import { parseRestartAnnotation, type RestartAnnotation } from '../../src/domain/annotation.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Notice, Plan, RestartOrder, Verdict } from '../../src/domain/effects.ts';
import type { PodReport } from '../../src/domain/rollout-cause.ts';
import type { Ledger, Observed, Pending, Pod, Policy, Source, SourceId, Workload } from '../../src/domain/observed.ts';
import { nudged, restartIssued } from '../../src/domain/outcomes.ts';
import { undone } from '../../src/domain/undo.ts';
import type { PodProof, ProofOrder, ProofProgress } from '../../src/domain/proof.ts';
import { ledgerOf, recordStatusOf } from '../../src/domain/record.ts';
import type { ReloadRecordStatus } from '../../src/api/v1alpha1/types.ts';
import { aPolicy, aWorkload, deployment, digestsOf, found, T0, type Content } from './builders.ts';

type ActPlan = Extract<Plan, { readonly type: 'Act' }>;

interface RunningPod {
  readonly name: string;
  readonly startedAt: number;
  /** What its environment and command line were made of. */
  readonly started: ReadonlyMap<string, Content>;
  /** What its mounted files hold. */
  files: ReadonlyMap<string, Content>;
  /** When its kubelet last wrote them. */
  filesAt: number;
}

/** A kubelet looks at a pod's volumes by itself, at the latest after so long. */
const KUBELET_PERIOD_MS = 90_000;

/**
 * What applications do when they are asked to reload: load it and say so, refuse it, or accept without telling what they
 * have loaded. None: nobody answers.
 */
type Application = 'Loads' | 'Refuses' | 'Accepts';

interface StoredSource {
  readonly uid: string;
  readonly content: Content;
  readonly changedAt: number;
  readonly immutable: boolean;
}

export interface WorldOptions {
  readonly content?: Content;
  readonly sources?: Readonly<Record<string, Content>>;
  readonly policies?: readonly Policy[];
  readonly workload?: Partial<Workload>;
  readonly replicas?: number;
  /** How content is written down in its source; what is asked of pods goes by what it was before. */
  readonly shape?: (content: Content) => Content;
}

export class World {
  now = T0;
  policies: readonly Policy[];
  readonly sources = new Map<string, StoredSource>();
  /** Names whose reads fail. */
  readonly unreadable = new Set<string>();
  pods: RunningPod[] = [];
  /** The record, as it is stored. */
  record: ReloadRecordStatus | undefined;
  /** Every restart that reached the workload. */
  readonly restarts: RestartOrder[] = [];
  /** How the pods of a rollout that does not get on are. */
  reports: readonly PodReport[] = [];
  nudges = 0;
  /** Orders to find out how far pods have got, each time another one took the place of the earlier; undefined: none. */
  readonly orders: (ProofOrder | undefined)[] = [];
  /** Whether the pods can be listed to be asked. */
  listable = true;
  recordWrites = 0;
  readonly notices: Notice[] = [];
  verdict: Verdict | undefined;
  readonly #workload: Partial<Workload>;
  readonly #shape: (content: Content) => Content;
  #replicas: number;
  #template = 'template-1';
  #annotation: RestartAnnotation | undefined;
  #generation = 1;
  #rolledOut = true;
  #deadlineExceeded = false;
  #paused = false;
  #made = 0;

  /** What the process knows; undefined: none runs. */
  #process:
    | {
        pending?: Pending;
        templateSeenAt: number;
        podsSeenAt?: number;
        readonly seen: Map<string, Source>;
        proving?: { readonly order: ProofOrder; readonly askedAgain: boolean };
      }
    | undefined;
  #application: Application = 'Loads';
  #dueAt: number | undefined;
  /** The leaves of all documents that were ever seen, by the digest of the whole. */
  readonly #earlier = new Map<Digest, LeafTable>();
  /** The process dies right after the next restart has reached the API, before the record is written. */
  dieAfterRestart = false;
  /** Every undo that reached the workload: the annotation's value that it put back. */
  readonly undone: (string | undefined)[] = [];
  /** The process dies as soon as an undo is recorded, or right after it has reached the API. */
  dieOfUndo: 'Before' | 'After' | undefined;
  /** What the record said of a failure when the latest undo was begun. */
  intended: ReloadRecordStatus['failed'];

  constructor({
    content = { flag: 'a', hot: 'a' },
    sources = {},
    policies = [aPolicy()],
    workload = {},
    replicas = 2,
    shape = (each) => each,
  }: WorldOptions = {}) {
    this.policies = policies;
    this.#workload = workload;
    this.#replicas = replicas;
    this.#shape = shape;
    for (const [name, each] of Object.entries({ app: content, ...sources })) this.#store(name, each, T0 - 60 * 60_000);
    this.now -= 30 * 60_000;
    this.#startPods();
    this.now = T0;
    this.start();
  }

  running(): boolean {
    return this.#process !== undefined;
  }

  state(): string | undefined {
    return this.verdict?.state;
  }

  reason(): string | undefined {
    return this.verdict?.reason;
  }

  /** What is recorded, as a ledger. */
  ledger(): Ledger | undefined {
    return this.record === undefined ? undefined : ledgerOf(this.record);
  }

  content(name = 'app'): Content | undefined {
    return this.sources.get(name)?.content;
  }

  // What users and the cluster do.

  edit(
    content: Content,
    { name = 'app', immutable = false }: { readonly name?: string; readonly immutable?: boolean } = {},
  ): this {
    this.#store(name, content, this.now, { immutable, uid: this.sources.get(name)?.uid });
    return this.#show(name);
  }

  remove(name = 'app'): this {
    this.sources.delete(name);
    return this.#show(name);
  }

  policy(change: Partial<Policy>, index = 0): this {
    this.policies = this.policies.map((policy, at) => (at === index ? { ...policy, ...change } : policy));
    // What rules and validations ask of content is looked at anew.
    for (const name of this.#named()) this.#reinspect(name);
    return this.#look();
  }

  addPolicy(policy: Policy): this {
    this.policies = [...this.policies, policy];
    return this.#look();
  }

  /** Somebody changes the template. */
  deploy(template: string): this {
    this.#changeTemplate(template, this.#annotation);
    if (this.#process !== undefined) this.#process.templateSeenAt = this.now;
    return this.#look();
  }

  /** Somebody puts the template back to a form without our annotation. */
  replaceTemplate(template: string): this {
    this.#changeTemplate(template, undefined);
    if (this.#process !== undefined) this.#process.templateSeenAt = this.now;
    return this.#look();
  }

  pause(paused: boolean): this {
    this.#paused = paused;
    return this.#look();
  }

  /** A pod is deleted or scaled up: one more starts now, on what the sources hold now. */
  startPod(): this {
    this.pods.push(this.#aPod());
    return this.#look();
  }

  /** Somebody deletes all pods by hand. */
  recreatePods(): this {
    this.#startPods();
    return this.#look();
  }

  /** The rollout under way, if any, comes to its end. */
  finishRollout(): this {
    if (this.#rolledOut || this.#paused) return this;
    this.#rolledOut = true;
    this.#deadlineExceeded = false;
    this.#startPods();
    return this.#look();
  }

  /** Its pods were there already when `content` was still in force: its news came late. */
  finishRolloutOf(content: Content, startedAt: number): this {
    this.#rolledOut = true;
    const started = new Map([['app', content]]);
    this.pods = this.pods.map(({ name }) => ({
      name: `${name}-early`,
      startedAt,
      started,
      files: started,
      filesAt: startedAt,
    }));
    return this.#look();
  }

  failRollout(): this {
    if (!this.#rolledOut) this.#deadlineExceeded = true;
    return this.#look();
  }

  /** What applications do from now on, also with what they have been asked before. */
  application(does: Application): this {
    this.#application = does;
    return this.#look();
  }

  // What happens to the process.

  crash(): this {
    this.#process = undefined;
    this.#dueAt = undefined;
    return this;
  }

  start(): this {
    this.#process = { templateSeenAt: 0, seen: new Map() };
    for (const name of this.#named()) this.#process.seen.set(name, this.#read(name, false));
    return this.#look();
  }

  /** Time passes; the process looks again when it wanted to. */
  advance(ms: number): this {
    const until = this.now + ms;
    for (let looks = 0; this.#dueAt !== undefined && this.#dueAt <= until; looks++) {
      // While a rollout is under way, its pods are looked at every few seconds.
      if (looks > 100 + ms / 5_000) throw new Error('the decisions ask for one look after another');
      this.now = Math.max(this.now, this.#dueAt);
      this.#look();
    }
    this.now = until;
    for (const pod of this.pods) if (this.now - pod.filesAt >= KUBELET_PERIOD_MS) this.#refresh(pod);
    return this;
  }

  /** Whether every pod was started on what `key` holds now, and whether its files hold it. */
  podsRun(key: string, name = 'app'): { readonly started: boolean; readonly files: boolean } {
    const present = this.content(name)?.[key];
    return {
      started: this.pods.every((pod) => pod.started.get(name)?.[key] === present),
      files: this.pods.every((pod) => pod.files.get(name)?.[key] === present),
    };
  }

  observed(): Observed {
    const process = this.#process;
    if (process === undefined) throw new Error('no process runs');
    const ledger = this.ledger();
    return {
      workload: this.#observedWorkload(),
      templateSeenAt: process.templateSeenAt,
      policies: this.policies,
      complete: true,
      sources: new Map<SourceId, Source>(
        this.#named().map((name) => [`ConfigMap/${name}`, process.seen.get(name) ?? { state: 'Unknown' }]),
      ),
      ...(ledger !== undefined && { ledger }),
      ...(process.pending !== undefined && { pending: process.pending }),
      ...(process.proving !== undefined && { proof: this.#progress(process.proving) }),
      ...(process.podsSeenAt !== undefined && { podsSeenAt: process.podsSeenAt }),
    };
  }

  /** The order under way. */
  proving(): ProofOrder | undefined {
    return this.#process?.proving?.order;
  }

  // The process at work.

  #look(): this {
    for (let looks = 0; this.#process !== undefined; looks++) {
      if (looks > 20) throw new Error('the decisions never come to rest');
      this.#dueAt = undefined;
      for (const name of this.#named()) {
        if (!this.#process.seen.has(name)) this.#process.seen.set(name, this.#read(name, false));
      }
      const plan = this.#decide();
      if (plan.type === 'Forget') {
        this.#write(undefined);
        this.verdict = plan.verdict;
        return this;
      }
      const again = this.#act(plan);
      // It died of the restart.
      if (!this.running()) return this;
      if (!again && plan.requeueAfterMs !== 0) {
        this.verdict = plan.verdict;
        if (plan.requeueAfterMs !== undefined) this.#dueAt = this.now + plan.requeueAfterMs;
        return this;
      }
    }
    return this;
  }

  #decide(): Exclude<Plan, { readonly type: 'LookAtPods' }> {
    const observed = this.observed();
    const plan = decide(observed, this.now);
    if (plan.type !== 'LookAtPods') return plan;
    const pods = this.pods.map(({ name, startedAt }): Pod => ({
      name,
      uid: name,
      containers: [{ name: 'main', startedAt: Math.floor(startedAt / 1_000) * 1_000 }],
    }));
    if (this.#process !== undefined) this.#process.podsSeenAt = this.now;
    const second = decide({ ...observed, pods, reports: this.reports, podsSeenAt: this.now }, this.now);
    if (second.type === 'LookAtPods') throw new Error('pods are asked for twice');
    return second;
  }

  /** @returns whether anything was done that calls for another look */
  #act(plan: ActPlan): boolean {
    const process = this.#process;
    if (process === undefined) return false;
    let { ledger } = plan;
    if (plan.pending === undefined) delete process.pending;
    else process.pending = plan.pending;
    this.notices.push(...plan.notices);
    if (plan.recordFirst === true) this.#write(recordStatusOf(ledger));
    if (plan.undo !== undefined) {
      this.intended = this.record?.failed;
      const dies = this.dieOfUndo;
      this.dieOfUndo = undefined;
      if (dies === 'Before') {
        this.crash();
        return false;
      }
      this.undone.push(plan.undo.value);
      this.#changeTemplate(this.#template, parseRestartAnnotation(plan.undo.value, true));
      // The pods of the earlier template are all there still: a rollout that fails replaces none.
      this.#rolledOut = true;
      if (dies === 'After') {
        this.crash();
        return false;
      }
      ledger = undone(ledger, this.now);
    }
    if (plan.nudge !== undefined) {
      this.nudges += 1;
      for (const pod of this.pods) this.#refresh(pod);
      ledger = nudged(ledger, plan.nudge, this.pods.length, this.now);
    }
    if (plan.restart !== undefined) {
      this.restarts.push(plan.restart);
      this.#changeTemplate(this.#template, parseRestartAnnotation(plan.restart.value, true));
      if (this.dieAfterRestart) {
        this.dieAfterRestart = false;
        this.crash();
        return false;
      }
      delete process.pending;
      ledger = restartIssued(ledger, plan.restart, this.#observedWorkload(), this.now);
    }
    this.#write(recordStatusOf(ledger));
    if (this.#pursue(plan.prove)) return true;
    return plan.nudge !== undefined || plan.restart !== undefined || plan.undo !== undefined;
  }

  /** @returns whether something new is to be found out: it is known at once */
  #pursue(order: ProofOrder | undefined): boolean {
    const process = this.#process;
    if (process === undefined) return false;
    const before = process.proving;
    if (before?.order.digest !== order?.digest || before?.order.effort !== order?.effort) this.orders.push(order);
    if (order === undefined) {
      delete process.proving;
      return false;
    }
    const same = before?.order.digest === order.digest;
    const again = order.effort === 'AskAgain' && this.#application !== 'Refuses';
    process.proving = { order, askedAgain: (same && before.askedAgain) || again };
    return !same || before.order.effort !== order.effort;
  }

  #progress({ order, askedAgain }: { readonly order: ProofOrder; readonly askedAgain: boolean }): ProofProgress {
    const { digest } = order;
    if (!this.listable) return { digest, listed: false, pods: [], blind: false, askedAgain };
    const pods = this.pods.map((pod) => this.#podProof(pod, order));
    const blind = this.#application === 'Accepts' && this.pods.some(({ startedAt }) => startedAt <= order.startedAt);
    return { digest, listed: true, pods, blind, askedAgain };
  }

  #podProof({ name, startedAt }: RunningPod, { startedAt: since, proof }: ProofOrder): PodProof {
    const loads = startedAt > since || this.#application !== 'Refuses';
    return loads
      ? { name, reached: proof, notified: true, done: true }
      : { name, reached: 'Nudged', notified: false, done: false, why: 'container main: 422' };
  }

  #write(status: ReloadRecordStatus | undefined): void {
    const next = status === undefined ? undefined : JSON.stringify(status);
    if (next === (this.record === undefined ? undefined : JSON.stringify(this.record))) return;
    this.recordWrites += 1;
    this.record = next === undefined ? undefined : (JSON.parse(next) as ReloadRecordStatus);
  }

  // The cluster.

  #named(): readonly string[] {
    return [...new Set(this.policies.flatMap(({ sources }) => sources.map(({ name }) => name)))];
  }

  #contents(): ReadonlyMap<string, Content> {
    return new Map([...this.sources].map(([name, { content }]) => [name, content]));
  }

  #store(
    name: string,
    content: Content,
    changedAt: number,
    more: { readonly immutable?: boolean; readonly uid?: string | undefined } = {},
  ): void {
    const { immutable = false, uid = `uid-${name}-${(this.#made += 1)}` } = more;
    this.sources.set(name, { uid, content, changedAt, immutable });
  }

  #reinspect(name: string): void {
    const known = this.#process?.seen.get(name);
    const stored = this.sources.get(name);
    if (known?.state !== 'Present' || stored === undefined) return;
    this.#process?.seen.set(name, { ...known, ...inspectAll(this.policies, name, this.#shape(stored.content)) });
  }

  /** Our watch shows a change of a source. */
  #show(name: string): this {
    const process = this.#process;
    if (process === undefined || !this.#named().includes(name)) return this;
    const before = process.seen.get(name);
    const next = this.#read(name, before !== undefined && before.state !== 'Unknown');
    const same =
      before?.state === 'Present' &&
      next.state === 'Present' &&
      JSON.stringify([...before.keys].sort()) === JSON.stringify([...next.keys].sort());
    process.seen.set(name, same ? { ...before, uid: next.uid, immutable: next.immutable } : next);
    return this.#look();
  }

  /** @param seen by our watch; else only the server's dates tell, which are cut to seconds and so rounded up */
  #read(name: string, seen: boolean): Source {
    if (this.unreadable.has(name)) return { state: 'Unknown', message: 'not to be read' };
    const stored = this.sources.get(name);
    if (stored === undefined) return { state: 'Missing' };
    const { uid, immutable } = stored;
    const content = this.#shape(stored.content);
    const changedAt = seen ? this.now : Math.floor(stored.changedAt / 1_000) * 1_000 + 1_000;
    const inspected = inspectAll(this.policies, name, content);
    for (const [key, { leaves }] of inspected.documents) {
      const digest = digestsOf(content).get(key);
      if (digest !== undefined && leaves !== undefined) this.#earlier.set(digest, leaves);
    }
    return found(content, { uid, immutable, changedAt, seenToChange: seen, ...inspected, earlier: this.#earlier });
  }

  #observedWorkload(): Workload {
    const count = this.#replicas;
    return aWorkload({
      templateHash: this.#template,
      ...(this.#annotation !== undefined && {
        annotation: this.#annotation,
        annotationValue: `v1.${this.#annotation.n}.${this.#annotation.digest}`,
      }),
      rollout: deployment({
        generation: this.#generation,
        observedGeneration: this.#generation,
        replicas: count,
        paused: this.#paused,
        status: { replicas: count, updated: this.#rolledOut ? count : 0, available: count },
        ...(this.#deadlineExceeded && { deadlineExceeded: 'web has timed out progressing' }),
      }),
      ...this.#workload,
    });
  }

  #changeTemplate(template: string, annotation: RestartAnnotation | undefined): void {
    this.#template = template;
    this.#annotation = annotation;
    this.#generation += 1;
    this.#rolledOut = false;
    this.#deadlineExceeded = false;
  }

  #startPods(): void {
    this.pods = Array.from({ length: this.#replicas }, () => this.#aPod());
  }

  #aPod(): RunningPod {
    const started = this.#contents();
    const name = `web-${(this.#made += 1)}`;
    return { name, startedAt: this.now, started, files: started, filesAt: this.now };
  }

  #refresh(pod: RunningPod): void {
    pod.files = this.#contents();
    pod.filesAt = this.now;
  }
}

/** What policies ask of a source's content, as the operator finds it out. */
export const inspectAll = (
  policies: readonly Policy[],
  name: string,
  content: Content,
): {
  readonly documents: ReadonlyMap<string, DocumentParts>;
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
} => {
  const documents = new Map<string, DocumentParts>();
  const problems = new Map<string, readonly Problem[]>();
  const source = { kind: 'ConfigMap', name } as const;
  const naming = policies.filter(({ sources }) => sources.some((each) => each.name === name));
  const add = (policy: string, found: readonly Problem[]): void => {
    if (found.length > 0) problems.set(policy, [...(problems.get(policy) ?? []), ...found]);
  };
  for (const policy of naming) add(policy.name, missingKeys(policy, Object.keys(content)));
  for (const [key, text] of Object.entries(content)) {
    const found = inspectKey({ source, scheme: PLAIN, key, content: text, policies: naming, schemas: true });
    if (found.document !== undefined) documents.set(key, found.document);
    for (const [policy, refused] of found.problems) add(policy, refused);
  }
  return { documents, problems };
};
