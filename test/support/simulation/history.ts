/** One random history of the small cluster and our process in it, and what the laws say of each of its steps. */

import { parseRestartAnnotation } from '../../../src/domain/annotation.ts';
import type { RestartOrder } from '../../../src/domain/effects.ts';
import type { Request } from '../../../src/domain/requests.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import { digestsOf, MINUTE, SECOND, type Content } from '../builders.ts';
import { Cluster, isBad, isInvalid, isRolledOut, type Deployed } from './cluster.ts';
import {
  anAccount,
  contentOf,
  deliveredFlag,
  deliveredTo,
  differing,
  hold,
  isTroubled,
  hasFailed,
  judgeApplied,
  judgeChange,
  judgeHeld,
  judgeRestart,
  judgeUndo,
  LawBroken,
  noteAdopted,
  noteRun,
  startedOn,
  type Account,
  type Scene,
} from './laws.ts';
import { LiveWitness } from './laws-live.ts';
import { Operator, type Fault, type Moment } from './operator.ts';
import { nextOpen } from './windows.ts';

export type Step =
  | { readonly do: 'edit'; readonly source: number; readonly flag?: string; readonly hot?: string }
  | { readonly do: 'wait' | 'set clock'; readonly ms: number }
  | {
      readonly do: 'finish' | 'exceed' | 'deploy' | 'end container' | 'pause' | 'unpause';
      readonly workload: number;
    }
  | { readonly do: 'scale'; readonly workload: number; readonly replicas: number }
  | { readonly do: 'suspend' | 'resume'; readonly policy: number }
  | { readonly do: 'policy'; readonly policy: number; readonly gates: Partial<Policy['gates']> }
  | { readonly do: 'crash' | 'start' }
  | { readonly do: 'edit live'; readonly object: number; readonly flag?: string; readonly hot?: string }
  | { readonly do: 'delete live'; readonly object: number }
  | { readonly do: 'remove policies' | 'make policies' }
  | { readonly do: 'die'; readonly at: Moment }
  | { readonly do: 'fault'; readonly fault: Fault }
  | { readonly do: 'ask'; readonly workload: number; readonly type: Request['type']; readonly stale?: boolean };

export interface Setting {
  /** Sources by workload. */
  readonly workloads: Readonly<Record<string, readonly string[]>>;
  /** Live objects by source, where delivery is managed. */
  readonly live?: Readonly<Record<string, string>>;
  readonly policies: readonly Policy[];
  /** How many workloads may roll out at a time, whatever policies say. */
  readonly limit?: number;
}

/** Rounds until everything that waits must have had its turn. */
const LAST_ROUNDS = 16;

export class History {
  readonly cluster: Cluster;
  readonly operator: Operator;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly #live: LiveWitness;
  /** The policies, while they are removed. */
  #removed: readonly Policy[] | undefined;
  #made = 0;
  /** While nobody watched, content that came and went again can't be known. */
  #downSince: number | undefined;
  #editable = true;
  /**
   * Pods run on content that came and went, and only the process that died knew: the record has what there is now. The
   * next change puts that right, and nothing sooner.
   */
  #forgotten = false;

  constructor({ workloads, live = {}, policies, limit = 0 }: Setting) {
    this.cluster = new Cluster(workloads, live);
    this.accounts = new Map(this.cluster.workloads.map(({ name }) => [name, anAccount()]));
    this.operator = new Operator(
      this.cluster,
      policies,
      {
        begin: (workload, order) => {
          this.#note();
          this.#live.judgeBegin(workload, order);
        },
        render: (name, content, rendered) => {
          this.#live.judgeWrite(name, content, rendered);
        },
        restart: (workload, order) => {
          this.#note();
          this.#restarted(workload, order);
        },
        undo: (workload, order) => {
          this.#note();
          const stored = this.operator.records.get(workload.name)?.failed;
          judgeUndo(this.#scene(workload), workload, order, stored?.n === order.n && stored.undo !== undefined);
          this.#live.judgeUndo(workload, order);
          const account = this.#account(workload);
          account.undone = account.restarts.at(-1)?.content;
          account.rolling = true;
        },
        nudge: (workload) => {
          const policies = this.#policiesOf(workload);
          hold(
            'suspended',
            policies.some(({ suspended }) => !suspended),
            () => `${workload.name} is nudged`,
          );
        },
      },
      limit,
    );
    this.#live = new LiveWitness(this.operator, this.cluster, (workload) => this.#scene(workload));
  }

  /** What is found is adopted, and recorded; with managed delivery pods run only then. */
  async begin(): Promise<void> {
    const { operator, cluster } = this;
    for (const workload of cluster.workloads) noteAdopted(cluster, workload, this.#account(workload));
    await operator.start();
    await operator.pass(5 * SECOND);
    this.#live.judge();
    for (const workload of cluster.workloads) {
      if (workload.live.size === 0) continue;
      cluster.finish(workload);
      await operator.look([workload]);
      this.#note();
    }
  }

  #restarted(workload: Deployed, order: RestartOrder): void {
    const account = this.#account(workload);
    const delivered = deliveredTo(this.cluster, workload);
    // Containers that started in the middle of what was rolled back, or may have by the second, are due once more.
    const deliveredOf = (name: string): string | undefined => deliveredFlag(this.cluster, workload, name);
    const mayHave = account.undone !== undefined && differing(this.cluster, workload, [], deliveredOf).length > 0;
    if (workload.live.size > 0 && mayHave) account.changes.push(this.cluster.now);
    if (order.live === undefined && workload.live.size === 0) judgeRestart(this.#scene(workload), workload, order);
    else judgeChange(this.#scene(workload), workload, order);
    const content = delivered;
    account.restarts.push({ at: this.cluster.now, elapsed: this.operator.elapsed, value: order.value, content });
    // One that never got through is nothing to go back to.
    const last = account.restarts.at(-2);
    const isOver = account.rolling && last?.value === workload.annotation && account.template === workload.template;
    if (!isOver) account.replaced = workload.annotation;
    account.template = workload.template;
    // What has begun may be of earlier content than there is now.
    account.changes = content === contentOf(this.cluster, workload) ? [] : [this.cluster.now];
    account.wished = false;
    account.cure = account.troubled || (account.lost && account.cure);
    account.troubled = false;
    account.rolling = true;
    account.saidToFail = false;
    account.approved.clear();
    account.opened.clear();
    account.undone = undefined;
    account.good = account.proven;
  }

  async take(step: Step): Promise<void> {
    try {
      await this.#do(step);
    } catch (thrown) {
      if (thrown instanceof LawBroken || !(thrown instanceof Error)) throw thrown;
      // Decisions that never come to an end, or that throw.
      throw new LawBroken('rest', `${step.do}: ${thrown.stack ?? thrown.message}`);
    }
    this.#note();
    this.#judge();
    this.#live.judge();
  }

  /** Everything that waits for somebody is let go; then all must come to its end. */
  async end(): Promise<void> {
    const { cluster, operator } = this;
    operator.dieAt = undefined;
    operator.fault = undefined;
    if (!operator.running()) await this.take({ do: 'start' });
    await this.take({ do: 'make policies' });
    for (const index of operator.policies.keys()) await this.take({ do: 'resume', policy: index });
    for (const [index, workload] of cluster.workloads.entries()) {
      await this.take({ do: 'unpause', workload: index });
      if (workload.replicas === 0) await this.take({ do: 'scale', workload: index, replicas: 2 });
    }
    for (const [index, { content }] of [...cluster.sources.values()].entries()) {
      if (isBad(content['flag'])) await this.take({ do: 'edit', source: index, flag: 'good' });
      if (isInvalid(content['hot'] ?? '')) await this.take({ do: 'edit', source: index, hot: 'good' });
    }
    if (this.#forgotten)
      for (const index of [...cluster.sources.keys()].keys())
        await this.take({ do: 'edit', source: index, flag: 'anew' });
    for (let round = 0; round < LAST_ROUNDS && !this.#isDone(); round++) await this.#letGo(round);
    await this.#judgeEnd();
  }

  async #letGo(round: number): Promise<void> {
    const { cluster, operator } = this;
    for (const [index, { name }] of cluster.workloads.entries()) {
      const { reason, state } = operator.verdict(name) ?? {};
      if (reason === 'ApprovalPending') await this.take({ do: 'ask', workload: index, type: 'Approve' });
      if (reason === 'BudgetExhausted') await this.take({ do: 'ask', workload: index, type: 'ResetBudget' });
      // What was undone, or has failed for another reason than its content, waits for somebody's word.
      if (round > 3 && state === 'Failed') await this.take({ do: 'ask', workload: index, type: 'Retry' });
    }
    const openings = operator.policies.map(({ gates }) => nextOpen(gates.windows, cluster.now) ?? cluster.now);
    const opening = Math.max(cluster.now, ...openings);
    if (opening > cluster.now) await this.take({ do: 'set clock', ms: opening - cluster.now });
    await this.take({ do: 'wait', ms: 61 * SECOND });
    for (const index of cluster.workloads.keys()) await this.take({ do: 'finish', workload: index });
    await this.take({ do: 'wait', ms: SECOND });
  }

  async #do(step: Step): Promise<void> {
    const { cluster, operator } = this;
    switch (step.do) {
      case 'edit':
        await this.#edit(step);
        return;
      case 'wait':
        await operator.pass(step.ms);
        return;
      case 'set clock':
        this.#setClock(step.ms);
        return;
      case 'crash':
        this.#crash(() => operator.crash());
        return;
      case 'start':
        if (!operator.running()) await operator.start();
        this.#downSince = undefined;
        this.#editable = true;
        return;
      case 'die':
        operator.dieAt = step.at;
        return;
      case 'fault':
        operator.fault = step.fault;
        if (step.fault === 'Unheard') for (const account of this.accounts.values()) account.lost = true;
        return;
      case 'suspend':
      case 'resume':
        await this.#policy(step.policy, { suspended: step.do === 'suspend' });
        return;
      case 'policy': {
        const before = operator.policies[step.policy % operator.policies.length];
        if (before !== undefined) await this.#policy(step.policy, { gates: { ...before.gates, ...step.gates } });
        return;
      }
      case 'edit live':
      case 'delete live':
        await this.#live.disturb(step);
        return;
      case 'remove policies':
      case 'make policies':
        await this.#remake(step.do);
        return;
      case 'finish':
      case 'exceed':
      case 'deploy':
      case 'end container':
      case 'pause':
      case 'unpause':
      case 'scale':
      case 'ask': {
        const workload = cluster.workloads[step.workload % cluster.workloads.length];
        if (workload !== undefined) await this.#doTo(workload, step);
      }
    }
  }

  async #doTo(workload: Deployed, step: Extract<Step, { readonly workload: number }>): Promise<void> {
    const { cluster, operator } = this;
    switch (step.do) {
      case 'finish':
        cluster.finish(workload);
        break;
      case 'exceed':
        cluster.exceedDeadline(workload);
        break;
      case 'deploy':
        cluster.template(workload, `${Number(workload.template) + 1}`, workload.annotation);
        await operator.showTemplate(workload);
        return;
      case 'end container':
        cluster.crashContainer(workload);
        break;
      case 'pause':
      case 'unpause':
        cluster.pause(workload, step.do === 'pause');
        break;
      case 'scale':
        cluster.scale(workload, step.replicas);
        break;
      case 'ask':
        this.#ask(workload, step.type, step.stale);
    }
    this.#note();
    await operator.look([workload]);
  }

  async #edit({ source, ...change }: Extract<Step, { readonly do: 'edit' }>): Promise<void> {
    const { cluster, operator } = this;
    const names = [...cluster.sources.keys()];
    const name = names[source % names.length] ?? '';
    if (!operator.running() && !this.#isEditable()) return;
    const before = cluster.sources.get(name)?.content ?? {};
    const content = {
      ...(change.flag !== undefined && { flag: change.flag }),
      ...(change.flag !== undefined && before['twin'] !== undefined && { twin: change.flag }),
      ...(change.hot !== undefined && { hot: change.hot }),
    };
    if (!cluster.edit(name, content)) return;
    if (change.flag !== undefined && change.flag !== before['flag']) this.#changed(name);
    await operator.showSource(name);
  }

  #changed(source: string): void {
    for (const workload of this.cluster.workloads) {
      if (!workload.sources.includes(source)) continue;
      const account = this.#account(workload);
      account.changes.push(this.cluster.now);
      // What somebody has said of earlier content is taken back by whoever saw it go.
      if (this.operator.running()) {
        account.approved.clear();
        account.opened.clear();
      }
      account.undone = undefined;
    }
  }

  #isEditable(): boolean {
    const since = this.#downSince ?? Infinity;
    return (
      this.#editable && this.cluster.workloads.every(({ pods }) => pods.every(({ startedAt }) => startedAt < since))
    );
  }

  #crash(crash: () => void): void {
    const { operator, cluster } = this;
    if (!operator.running()) return;
    this.#editable = cluster.workloads.every(({ name }) => operator.pending(name) === undefined);
    crash();
    this.#died();
  }

  async #policy(index: number, change: Partial<Policy>): Promise<void> {
    const { operator } = this;
    const at = index % operator.policies.length;
    operator.policies = operator.policies.map((policy, each) => (each === at ? { ...policy, ...change } : policy));
    await operator.look();
  }

  /** Records go with policies; what live objects hold is what a policy made again finds applied. */
  async #remake(how: 'remove policies' | 'make policies'): Promise<void> {
    const { operator, cluster } = this;
    if (how === 'remove policies') {
      if (this.#removed !== undefined || !operator.running() || !this.#live.isUndisturbed()) return;
      this.#removed = operator.policies;
      await operator.govern([]);
      for (const workload of cluster.workloads) {
        const base = parseRestartAnnotation(workload.annotation, true)?.n ?? 0;
        Object.assign(this.#account(workload), anAccount(), { base, hotHeld: true });
      }
      return;
    }
    if (this.#removed === undefined) return;
    const policies = this.#removed;
    this.#removed = undefined;
    this.#live.takeOver();
    for (const workload of cluster.workloads) {
      const isAsDelivered = deliveredTo(cluster, workload) === contentOf(cluster, workload);
      this.#account(workload).changes = isAsDelivered ? [] : [cluster.now];
      noteAdopted(cluster, workload, this.#account(workload));
      // Pods that are older than what they mount are nobody's business any more.
      this.#forgotten ||= !this.#runs(workload);
    }
    await operator.govern(policies);
  }

  /** A clock that is put back behind what is stamped by it would have causes come after what they bring about. */
  #setClock(ms: number): void {
    const { cluster } = this;
    const earliest = cluster.latestStamp() + 3 * SECOND;
    cluster.now = ms > 0 ? cluster.now + ms : Math.min(cluster.now, Math.max(earliest, cluster.now + ms));
  }

  /** @param stale it means the content that was held first of all */
  #ask(workload: Deployed, type: Request['type'], stale = false): void {
    const { operator, cluster } = this;
    const { name } = workload;
    const ledger = operator.ledger(name);
    const account = this.#account(workload);
    const createdAt = Math.floor(cluster.now / SECOND) * SECOND;
    const held = stale ? [...account.digests.keys()][0] : ledger?.held?.digest;
    const digest = type === 'Retry' ? (ledger?.failed?.digest ?? ledger?.restart?.digest) : held;
    if (type !== 'ResetBudget' && digest === undefined) return;
    const content = account.digests.get(digest ?? '');
    if (type === 'Approve' && content !== undefined) account.approved.add(content);
    if (type === 'RunNow' && content !== undefined) account.opened.add(content);
    if (type === 'Retry') account.wished = true;
    // Its second counts as a whole.
    if (type === 'ResetBudget') account.budgetFrom = createdAt + SECOND - 1;
    const uid = `request-${(this.#made += 1)}`;
    const request = { name: uid, uid, createdAt, type, workload: name };
    operator.requests = [
      ...operator.requests,
      { ...request, ...(type !== 'ResetBudget' && digest !== undefined && { digest }) },
    ];
  }

  /** What can be seen of a workload, whoever looks. */
  #note(): void {
    if (!this.operator.running() && this.#downSince === undefined) {
      // In the middle of something.
      this.#editable = false;
      this.#died();
    }
    // Containers may start on what nobody has put back yet.
    this.#forgotten ||= !this.#live.isUndisturbed();
    for (const workload of this.cluster.workloads) {
      const account = this.#account(workload);
      if (isTroubled(workload) || hasFailed(this.#scene(workload), workload)) account.troubled = true;
      if (isRolledOut(workload)) account.rolling = false;
      noteRun(this.cluster, workload, account);
      const delivered = deliveredTo(this.cluster, workload);
      if (isRolledOut(workload) && workload.pods.every((pod) => startedOn(workload, pod) === delivered))
        account.proven = delivered;
    }
  }

  #died(): void {
    const { cluster, operator } = this;
    this.#downSince = cluster.now;
    for (const [name, account] of this.accounts) {
      account.hotHeld = true;
      account.lost ||= (operator.ledger(name)?.restart?.n ?? 0) < account.restarts.length;
    }
    this.#forgotten ||= cluster.workloads.some((workload) => {
      const { applied, held, restart } = operator.ledger(workload.name) ?? {};
      if (this.#runs(workload) || held !== undefined || restart?.phase === 'InProgress') return false;
      return workload.sources.every((name) => {
        const present = digestsOf(cluster.sources.get(name)?.content ?? {}).get('flag');
        return applied?.get(`ConfigMap/${name}`)?.get('flag') === present;
      });
    });
  }

  #judge(): void {
    const { operator } = this;
    if (!operator.running()) return;
    for (const workload of this.cluster.workloads) {
      const verdict = operator.verdict(workload.name);
      if (verdict === undefined) continue;
      const account = this.#account(workload);
      const { held } = operator.ledger(workload.name) ?? {};
      if (held?.digest !== undefined && verdict.at === this.cluster.now)
        account.digests.set(held.digest, contentOf(this.cluster, workload));
      const isOfLast = verdict.elapsed > (account.restarts.at(-1)?.elapsed ?? -1);
      if (isOfLast && (verdict.state === 'Failed' || verdict.state === 'TimedOut')) account.saidToFail = true;
      if (verdict.state === 'UpToDate' || verdict.state === 'Adopted') account.saidToFail = false;
      judgeApplied(workload, account, (source, flag) => {
        const recorded = operator.ledger(workload.name)?.applied.get(`ConfigMap/${source}`);
        return recorded === undefined || recorded.get('flag') === digestsOf({ flag }).get('flag');
      });
      const isRefused = workload.sources.some((name) =>
        isInvalid(this.cluster.sources.get(name)?.content['hot'] ?? ''),
      );
      if (isRefused || this.#policiesOf(workload).some(({ suspended }) => suspended)) account.hotHeld = true;
      judgeHeld(this.#scene(workload), workload, verdict, held?.until);
    }
  }

  #isDone(): boolean {
    const { operator, cluster } = this;
    return cluster.workloads.every(
      (workload) =>
        ['Adopted', 'UpToDate'].includes(operator.verdict(workload.name)?.state ?? '') &&
        isRolledOut(workload) &&
        this.#runs(workload),
    );
  }

  #runs({ pods, sources }: Deployed): boolean {
    const present = (name: string): Content => this.cluster.sources.get(name)?.content ?? {};
    return pods.every(({ started, files }) =>
      sources.every(
        (name) =>
          started.get(name)?.['flag'] === present(name)['flag'] && files.get(name)?.['hot'] === present(name)['hot'],
      ),
    );
  }

  async #judgeEnd(): Promise<void> {
    const { operator, cluster } = this;
    for (const workload of cluster.workloads) {
      const { name, sources } = workload;
      const verdict = operator.verdict(name);
      const says = (): string =>
        `${name} is ${verdict?.state ?? ''} (${verdict?.reason ?? ''}: ${verdict?.message ?? ''}), on ${workload.pods.map(({ started }) => JSON.stringify([...started])).join(' ')}, not ${contentOf(cluster, workload)}`;
      hold(
        'converges',
        ['Adopted', 'UpToDate'].includes(verdict?.state ?? '') && isRolledOut(workload) && this.#runs(workload),
        says,
      );
      const ledger = operator.ledger(name);
      hold('converges', ledger?.held === undefined, says);
      for (const source of sources) {
        const shown = digestsOf(cluster.sources.get(source)?.content ?? {});
        const recorded = ledger?.applied.get(`ConfigMap/${source}`);
        hold(
          'converges',
          [...shown].every(([key, digest]) => recorded?.get(key) === digest),
          () => `${says()}: ${source} is recorded otherwise`,
        );
      }
    }
    this.#live.judgeEnd();
    const before = [
      operator.recordWrites + this.#live.writes,
      ...[...this.accounts.values()].map(({ restarts }) => restarts.length),
    ];
    await operator.pass(5 * SECOND);
    const saved = operator.recordWrites + this.#live.writes;
    operator.crash();
    await operator.start();
    await operator.pass(61 * MINUTE);
    const after = [
      operator.recordWrites + this.#live.writes,
      ...[...this.accounts.values()].map(({ restarts }) => restarts.length),
    ];
    hold(
      'rest',
      JSON.stringify([saved, ...before.slice(1)]) === JSON.stringify(after),
      () => `${JSON.stringify(before)} became ${JSON.stringify(after)}`,
    );
  }

  #policiesOf({ sources }: Deployed): readonly Policy[] {
    return this.operator.policies.filter((policy) => policy.sources.some(({ name }) => sources.includes(name)));
  }

  #scene(workload: Deployed): Scene {
    return {
      cluster: this.cluster,
      policies: this.#policiesOf(workload),
      account: this.#account(workload),
      accounts: this.accounts,
      limit: this.operator.limit,
      elapsed: this.operator.elapsed,
    };
  }

  #account({ name }: Deployed): Account {
    const account = this.accounts.get(name);
    if (account === undefined) throw new Error(`nobody knows ${name}`);
    return account;
  }
}

/** Lives through a history. @throws LawBroken at the first step that breaks a law */
export const live = async (setting: Setting, steps: readonly Step[]): Promise<History> => {
  const history = new History(setting);
  await history.begin();
  for (const step of steps) await history.take(step);
  await history.end();
  return history;
};
