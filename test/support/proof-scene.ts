/** Pods of one workload, agents and applications that say what a test wants, and a prover that asks them. */

import { createHash } from 'node:crypto';
import { createPodWatches } from '../../src/controller/pod-watches.ts';
import type {
  Agents,
  FollowedPod,
  MountAnswer,
  MountQuestion,
  NotifyAnswer,
  NotifyRequest,
  Pods,
  SourceObject,
} from '../../src/controller/ports.ts';
import { createProver, type Prover } from '../../src/controller/prover.ts';
import type { PodProof, ProofOrder, ProofProgress } from '../../src/domain/proof.ts';
import type { ListWatch } from '../../src/runtime/reflector.ts';
import { aWorkload, changed } from './builders.ts';
import { createFakeClock, settled, type FakeClock } from './fake-clock.ts';
import { createRecordingLog } from './recording-log.ts';
import { PodFeed } from './pod-feed.ts';

export const WEB = aWorkload();
export const NOTIFY = { port: 'http', path: '/-/reload' } as const;

export interface SceneOptions {
  readonly pods?: readonly FollowedPod[];
  /** True: there are agents, who answer as `mounted` says. */
  readonly agents?: boolean;
  readonly notify?: 'Enabled' | 'Disabled';
}

export class ProofScene {
  readonly clock: FakeClock = createFakeClock();
  readonly startedAt = this.clock.now();
  readonly prover: Prover;
  readonly log = createRecordingLog();
  /** With the times since the start. */
  readonly nudges: { readonly pod: string; readonly at: number; readonly value: string }[] = [];
  readonly asks: (NotifyRequest & { readonly at: number })[] = [];
  readonly questions: { readonly uid: string; readonly question: MountQuestion; readonly waitMs: number }[] = [];
  readonly told: { readonly complete: boolean; readonly at: number }[] = [];
  /** An agent that waits is one that answers after its time. */
  mounted: (uid: string) => MountAnswer | Promise<MountAnswer> = () => ({ type: 'Mounted' });
  answer: (request: NotifyRequest) => NotifyAnswer | Promise<NotifyAnswer> = () => ({ type: 'Accepted' });
  belongs: (pod: FollowedPod) => boolean = () => true;
  secret: (name: string) => SourceObject | undefined = () => undefined;
  readonly #pods = new Map<string, FollowedPod>();
  readonly #feed = new PodFeed();

  constructor({ pods = [], agents = false, notify = 'Enabled' }: SceneOptions = {}) {
    for (const pod of pods) this.#pods.set(pod.name, pod);
    const { clock, log } = this;
    const port: Pick<Pods, 'watch' | 'belongs' | 'nudge'> = {
      watch: () => this.#source(),
      belongs: async (pod) => {
        await Promise.resolve();
        return this.belongs(pod);
      },
      nudge: (pod, value) => {
        this.nudges.push({ pod: pod.name, at: this.at(), value });
        return Promise.resolve(true);
      },
    };
    this.prover = createProver({
      pods: port,
      watches: createPodWatches({ pods: port, clock, random: () => 0.5, log }),
      agents: agents ? this.#agents() : undefined,
      notifier:
        notify === 'Disabled'
          ? undefined
          : {
              ask: async (request) => {
                this.asks.push({ ...request, at: this.at() });
                return this.answer(request);
              },
            },
      reader: { get: (_kind, _namespace, name) => Promise.resolve().then(() => this.secret(name)) },
      randomKey: () => new Uint8Array(32).fill(7),
      clock,
      log,
      onProgress: (_workload, complete) => {
        this.told.push({ complete, at: this.at() });
      },
    });
  }

  at(): number {
    return this.clock.now() - this.startedAt;
  }

  async pursue(more: Partial<ProofOrder> = {}): Promise<void> {
    this.prover.pursue(WEB, this.order(more));
    await this.settle();
  }

  order(more: Partial<ProofOrder> = {}): ProofOrder {
    return {
      digest: 'd1',
      proof: 'Loaded',
      targets: [NOTIFY],
      expected: changed({ 'app.yaml': 'two' }),
      startedAt: this.startedAt,
      effort: 'Pursue',
      ...more,
    };
  }

  progress(): ProofProgress {
    const progress = this.prover.progress(WEB);
    if (progress === undefined) throw new Error('nothing is pursued');
    return progress;
  }

  /** Of the only pod. */
  pod(name?: string): PodProof {
    const found = this.progress().pods.find((pod) => name === undefined || pod.name === name);
    if (found === undefined) throw new Error(`pod ${name ?? ''} is not counted`);
    return found;
  }

  askTimes(): readonly number[] {
    return this.asks.map(({ at }) => at);
  }

  nudgeTimes(): readonly number[] {
    return this.nudges.map(({ at }) => at);
  }

  /** Another state of a pod, or a new one. */
  async see(pod: FollowedPod): Promise<void> {
    const type = this.#pods.has(pod.name) ? 'MODIFIED' : 'ADDED';
    this.#pods.set(pod.name, pod);
    this.#feed.tell({ type, object: pod });
    await this.settle();
  }

  async go(pod: FollowedPod): Promise<void> {
    this.#pods.delete(pod.name);
    this.#feed.tell({ type: 'DELETED', object: pod });
    await this.settle();
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await settled();
  }

  #agents(): Agents {
    return {
      mounted: async ({ uid }, question, waitMs, signal) => {
        this.questions.push({ uid, question, waitMs });
        const answer = await this.mounted(uid);
        if (answer.type === 'Differs' && waitMs > 0) await this.clock.sleep(waitMs, signal);
        return answer.type === 'Differs' ? this.mounted(uid) : answer;
      },
    };
  }

  /** How many watches of pods are open. */
  get watches(): number {
    return this.#feed.watches;
  }

  #source(): ListWatch<FollowedPod> {
    return {
      list: () => Promise.resolve({ items: [...this.#pods.values()], resourceVersion: '1' }),
      watch: (_options, until) => this.#feed.events(until),
      resourceVersionOf: ({ resourceVersion }) => resourceVersion,
    };
  }
}

/** What an application answers that has loaded this content. */
export const tells = (content: string | undefined, more: { readonly error?: string } = {}): NotifyAnswer => ({
  type: 'Told',
  files: new Map([['/etc/app/app.yaml', { ...(content !== undefined && { sha256: sha256(content) }), ...more }]]),
});

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
