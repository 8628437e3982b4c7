/**
 * The laws of managed delivery (design law 6), held against each write of a live object and against how things stand after
 * each step. What a live object may hold is told by what is recorded at that very moment, and by what it held before.
 */

import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import type { Rendered } from '../../../src/controller/ports.ts';
import type { RestartOrder, UndoOrder } from '../../../src/domain/effects.ts';
import type { Content } from '../builders.ts';
import { isDown, isInvalid, isRolledOut, type Cluster, type Deployed } from './cluster.ts';
import type { Step } from './history.ts';
import { contentOf, deliveredTo, differing, hold, isFree, judgeGates, lets, startedOn, type Scene } from './laws.ts';
import { snapshotOf } from './live-store.ts';
import type { Operator } from './operator.ts';
import { renderedBy } from './rooms.ts';

type Reference = NonNullable<ReloadRecordStatus['intent']>['snapshots'][number];

export class LiveWitness {
  /** How often live objects were written. */
  writes = 0;
  readonly #operator: Operator;
  readonly #cluster: Cluster;
  readonly #sceneOf: (workload: Deployed) => Scene;
  /** What takes a restart, as it was last delivered by us; absent: nothing was. */
  readonly #delivered = new Map<string, string>();
  /** When each workload's last restart was undone. */
  readonly #undoneAt = new Map<string, number>();

  constructor(operator: Operator, cluster: Cluster, sceneOf: (workload: Deployed) => Scene) {
    this.#operator = operator;
    this.#cluster = cluster;
    this.#sceneOf = sceneOf;
  }

  /** Its own gates let it begin, and so do those of all that share a live object with it. */
  judgeBegin(workload: Deployed, order: RestartOrder): void {
    judgeGates(this.#sceneOf(workload), workload, order);
    for (const sharer of this.#cluster.workloads) {
      if (sharer === workload || ![...sharer.live.values()].some((name) => reads(workload, name))) continue;
      const scene = this.#sceneOf(sharer);
      const isOnIt = scene.account.restarts.at(-1)?.content === contentOf(this.#cluster, sharer);
      if (isOnIt || differing(this.#cluster, sharer, scene.account.changes).length === 0) continue;
      const gates = lets(scene, sharer);
      for (const law of ['suspended', 'window', 'cooldown', 'budget', 'approval'] as const)
        hold(
          'shared',
          isFree(scene, sharer, gates[law]),
          () => `${workload.name} begins restart ${order.n} (${order.cause}) against the ${law} of ${sharer.name}`,
        );
    }
  }

  judgeWrite(name: string, content: Content, { snapshot = 0 }: Rendered): void {
    this.writes += 1;
    const flag = content['flag'] ?? '';
    const source = this.#sourceOf(name);
    const kept = snapshotOf(this.#cluster, name, snapshot);
    const before = this.#delivered.get(name);
    const says = (): string =>
      `${name} gets ${JSON.stringify(content)} of snapshot ${snapshot} (${JSON.stringify(kept?.content)}), after ${before ?? 'nothing'}`;
    hold('invalid', !Object.values(content).some(isInvalid), says);
    hold('snapshot', content['twin'] === flag, says);
    hold('snapshot', Object.keys(content).sort().join() === 'flag,hot,twin', says);
    const isFirst = before === undefined || !this.#hasSnapshots(name);
    if (isFirst) hold('adoption', JSON.stringify(sorted(content)) === JSON.stringify(sorted(source)), says);
    else {
      hold('begun', flag === before || this.#hasBegun(name, snapshot), says);
      hold('snapshot', kept === undefined || kept.content['flag'] === flag, says);
    }
    this.#delivered.set(name, flag);
  }

  judgeUndo(workload: Deployed, order: UndoOrder): void {
    if (workload.live.size === 0) return;
    const { account } = this.#sceneOf(workload);
    const delivered = deliveredTo(this.#cluster, workload);
    this.#undoneAt.set(workload.name, this.#cluster.now);
    // Those that share what is gone back to go along.
    for (const sharer of this.#cluster.workloads) {
      if (sharer === workload || ![...sharer.live.values()].some((name) => reads(workload, name))) continue;
      const { restarts, changes } = this.#sceneOf(sharer).account;
      if (restarts.at(-1)?.content !== deliveredTo(this.#cluster, sharer)) changes.push(this.#cluster.now);
    }
    hold(
      'good',
      account.good === undefined || delivered === account.good,
      () => `${workload.name} goes back from restart ${order.n} to ${delivered}, not to ${account.good ?? ''}`,
    );
  }

  /** How things stand when there is nothing more to be done for now. */
  judge(): void {
    const { policies } = this.#operator;
    if (!this.#operator.running() || !this.#operator.settled()) return;
    for (const { policy, object } of renderedBy(policies)) {
      const { name } = object;
      const source = this.#sourceOf(name);
      if (policy.suspended || Object.values(source).some(isInvalid)) continue;
      const content = this.#cluster.objects.get(name)?.content;
      const says = (): string => `${name} holds ${JSON.stringify(content)}, its source ${JSON.stringify(source)}`;
      hold('enters', content?.['hot'] === source['hot'], says);
      hold('back', content?.['flag'] === this.#delivered.get(name), says);
      hold('back', Object.keys(content ?? {}).length === 3, says);
    }
    for (const workload of this.#cluster.workloads) if (workload.live.size > 0) this.#judgeWayBack(workload);
  }

  /** Those whose containers ended in the middle read what was delivered then. */
  #judgeWayBack(workload: Deployed): void {
    const { name } = workload;
    const failed = this.#operator.ledger(name)?.failed;
    if (failed?.undo?.phase !== 'Succeeded' || !isRolledOut(workload)) return;
    const { account } = this.#sceneOf(workload);
    const [from, to] = [account.restarts.at(-1)?.at ?? 0, this.#undoneAt.get(name) ?? 0];
    const delivered = deliveredTo(this.#cluster, workload);
    if (delivered !== account.good) return;
    for (const pod of workload.pods) {
      if (pod.startedAt >= from && pod.startedAt <= to) continue;
      hold(
        'good',
        !isDown(pod) && startedOn(workload, pod) === delivered,
        () => `${pod.name} of ${name} runs on ${startedOn(workload, pod)}, and not on ${delivered}`,
      );
    }
  }

  /** Nobody else has put anything into live objects that is not put back yet. */
  isUndisturbed(): boolean {
    const { objects } = this.#cluster;
    return [...this.#delivered].every(([name, flag]) => objects.get(name)?.content['flag'] === flag);
  }

  /** In the end all is as the sources have it. */
  judgeEnd(): void {
    for (const workload of this.#cluster.workloads)
      hold(
        'converges',
        deliveredTo(this.#cluster, workload) === contentOf(this.#cluster, workload),
        () => `${deliveredTo(this.#cluster, workload)} is delivered to ${workload.name}`,
      );
  }

  /** A policy made again goes by what it finds. */
  takeOver(): void {
    this.#delivered.clear();
    for (const [name, { content, rendered }] of this.#cluster.objects)
      if (rendered.role === 'live') this.#delivered.set(name, content['flag'] ?? '');
  }

  /** Somebody else changes a live object, or takes it away. */
  async disturb(step: Extract<Step, { readonly do: 'edit live' | 'delete live' }>): Promise<void> {
    const { objects } = this.#cluster;
    const names = [...objects.keys()].filter((name) => objects.get(name)?.rendered.role === 'live');
    const name = names[step.object % Math.max(1, names.length)];
    const before = name === undefined ? undefined : objects.get(name);
    if (name === undefined || before === undefined) return;
    if (step.do === 'delete live') objects.delete(name);
    else {
      const { hot } = step;
      // What nobody puts back is what is delivered, and is in no snapshot.
      const flag = this.#operator.policies.length === 0 ? undefined : step.flag;
      const content = {
        ...before.content,
        ...(flag !== undefined && { flag, twin: flag }),
        ...(hot !== undefined && { hot }),
      };
      objects.set(name, { ...before, version: this.#cluster.nextVersion(), content: { ...content, theirs: 'x' } });
    }
    await this.#operator.showLive(name);
  }

  /** It is recorded, and the snapshot holds what is written. */
  #hasBegun(name: string, snapshot: number): boolean {
    const isIt = ({ object, number }: Reference): boolean => object === name && number === snapshot;
    return this.#cluster.workloads.some((workload) => {
      const { intent, failed } = this.#operator.records.get(workload.name) ?? {};
      const undone = failed?.undo?.phase === 'Intended' ? (failed.undo.snapshots ?? []) : [];
      return reads(workload, name) && [...(intent?.snapshots ?? []), ...undone].some(isIt);
    });
  }

  #hasSnapshots(name: string): boolean {
    const { objects } = this.#cluster;
    return [...objects].some(([each, { rendered }]) => rendered.role === 'snapshot' && each.startsWith(`${name}-`));
  }

  #sourceOf(live: string): Content {
    for (const workload of this.#cluster.workloads)
      for (const [source, name] of workload.live)
        if (name === live) return this.#cluster.sources.get(source)?.content ?? {};
    return {};
  }
}

const reads = ({ live }: Deployed, name: string): boolean => [...live.values()].includes(name);

const sorted = (content: Content): readonly (readonly [string, string])[] =>
  Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1));
