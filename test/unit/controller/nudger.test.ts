/** Nudging (design law 8): at once, once more, and pods that come. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createNudger, type Nudger } from '../../../src/controller/nudger.ts';
import { createPodWatches } from '../../../src/controller/pod-watches.ts';
import type { FollowedPod, Pods } from '../../../src/controller/ports.ts';
import type { ListWatch } from '../../../src/runtime/reflector.ts';
import { aFollowedPod, aWorkload } from '../../support/builders.ts';
import { createFakeClock, settled, type FakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';
import { PodFeed } from '../../support/pod-feed.ts';

const WEB = aWorkload();
const { signal } = new AbortController();

/** Pods that come and go, and the nudges that they were given. */
class Scene {
  readonly clock: FakeClock = createFakeClock();
  readonly nudger: Nudger;
  readonly nudges: { readonly pod: string; readonly value: string }[] = [];
  fail: ((pod: FollowedPod) => Error | undefined) | undefined;
  readonly #pods = new Map<string, FollowedPod>();
  readonly #feed = new PodFeed();
  #version = 1;

  constructor(...running: readonly string[]) {
    for (const name of running) this.#pods.set(name, this.#pod(name, true));
    const pods: Pods = {
      warnings: (_workload, reports) => Promise.resolve({ reports, warnings: [] }),
      look: () => Promise.resolve({ pods: [...this.#pods.values()], reports: [] }),
      watch: () => this.#source(),
      belongs: () => Promise.resolve(true),
      nudge: (pod, value) => {
        const error = this.fail?.(pod);
        if (error !== undefined) return Promise.reject(error);
        if (!this.#pods.has(pod.name)) return Promise.resolve(false);
        this.nudges.push({ pod: pod.name, value });
        return Promise.resolve(true);
      },
    };
    const { clock } = this;
    const log = createRecordingLog();
    const watches = createPodWatches({ pods, clock, random: () => 0.5, log });
    this.nudger = createNudger({ pods, watches, clock, log });
  }

  nudged(): readonly string[] {
    return this.nudges.map(({ pod }) => pod);
  }

  async come(name: string, running: boolean): Promise<void> {
    const pod = this.#pod(name, running);
    const type = this.#pods.has(name) ? 'MODIFIED' : 'ADDED';
    this.#pods.set(name, pod);
    this.#feed.tell({ type, object: pod });
    await this.settle();
  }

  async go(name: string): Promise<void> {
    const pod = this.#pods.get(name);
    this.#pods.delete(name);
    if (pod !== undefined) this.#feed.tell({ type: 'DELETED', object: pod });
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await settled();
  }

  #pod(name: string, running: boolean): FollowedPod {
    this.#version += 1;
    return aFollowedPod({ name, resourceVersion: String(this.#version), running });
  }

  /** How many watches of pods are open. */
  get watches(): number {
    return this.#feed.watches;
  }

  #source(): ListWatch<FollowedPod> {
    return {
      list: () => Promise.resolve({ items: [...this.#pods.values()], resourceVersion: String(this.#version) }),
      watch: (_options, until) => this.#feed.events(until),
      resourceVersionOf: ({ resourceVersion }) => resourceVersion,
    };
  }
}

describe('a nudge', () => {
  it('reaches every pod at once, and once more after two seconds with another value', async () => {
    const scene = new Scene('a', 'b');
    assert.equal(await scene.nudger.nudge(WEB, 'digest', signal), 2);
    assert.deepEqual(scene.nudged(), ['a', 'b']);
    await scene.clock.advance(1_999);
    assert.equal(scene.nudges.length, 2);
    await scene.clock.advance(1);
    assert.deepEqual(scene.nudged(), ['a', 'b', 'a', 'b']);
    const values = scene.nudges.filter(({ pod }) => pod === 'a').map(({ value }) => value);
    assert.equal(new Set(values).size, 2);
    assert.ok(values.every((value) => /^v1\.digest\.[0-9a-z]+$/.test(value)));
    await scene.nudger.close();
  });

  it('leaves no watch and no timer behind', async () => {
    const scene = new Scene('a');
    await scene.nudger.nudge(WEB, 'digest', signal);
    await scene.settle();
    assert.equal(scene.watches, 1);
    await scene.clock.advance(10_000);
    await scene.settle();
    assert.deepEqual([scene.watches, scene.clock.pending], [0, 0]);
    await scene.nudger.close();
  });

  it('of no pod reaches none', async () => {
    const scene = new Scene();
    assert.equal(await scene.nudger.nudge(WEB, 'digest', signal), 0);
    await scene.nudger.close();
  });

  it('reaches a pod that comes within ten seconds, once, when it runs', async () => {
    const scene = new Scene();
    await scene.nudger.nudge(WEB, 'digest', signal);
    await scene.settle();
    await scene.come('new', false);
    assert.deepEqual(scene.nudged(), []);
    await scene.come('new', true);
    await scene.come('new', true);
    assert.deepEqual(scene.nudged(), ['new']);
    await scene.clock.advance(10_000);
    await scene.come('late', true);
    assert.ok(!scene.nudged().includes('late'));
    await scene.nudger.close();
  });

  it('is repeated when a pod that was being set up runs', async () => {
    const scene = new Scene();
    await scene.come('slow', false);
    await scene.nudger.nudge(WEB, 'digest', signal);
    assert.deepEqual(scene.nudged(), ['slow']);
    await scene.settle();
    await scene.come('slow', true);
    assert.deepEqual(scene.nudged(), ['slow', 'slow']);
    await scene.nudger.close();
  });

  it('that fails for one pod is tried for the others, and fails', async () => {
    const scene = new Scene('a', 'b', 'c');
    scene.fail = ({ name }) => (name === 'b' ? new Error('no right') : undefined);
    await assert.rejects(scene.nudger.nudge(WEB, 'digest', signal), /no right/);
    assert.deepEqual(scene.nudged(), ['a', 'c']);
    await scene.settle();
    assert.equal(scene.watches, 0);
    await scene.nudger.close();
  });

  it('that failed for one pod goes on with that one, and gives all of them their second', async () => {
    const scene = new Scene('a', 'b', 'c');
    scene.fail = ({ name }) => (name === 'b' ? new Error('too many requests') : undefined);
    await assert.rejects(scene.nudger.nudge(WEB, 'digest', signal), /too many requests/);
    scene.fail = undefined;
    assert.equal(await scene.nudger.nudge(WEB, 'digest', signal), 3);
    assert.deepEqual(scene.nudged(), ['a', 'c', 'b']);
    await scene.clock.advance(2_000);
    assert.deepEqual(scene.nudged().slice(3).sort(), ['a', 'b', 'c']);
    // Other content is another matter.
    await scene.nudger.nudge(WEB, 'other', signal);
    assert.deepEqual(scene.nudged().slice(6), ['a', 'b', 'c']);
    await scene.nudger.close();
  });

  it('that failed for one pod starts again for other content', async () => {
    const scene = new Scene('a', 'b');
    scene.fail = ({ name }) => (name === 'b' ? new Error('too many requests') : undefined);
    await assert.rejects(scene.nudger.nudge(WEB, 'digest', signal));
    scene.fail = undefined;
    assert.equal(await scene.nudger.nudge(WEB, 'other', signal), 2);
    assert.deepEqual(scene.nudged(), ['a', 'a', 'b']);
    await scene.nudger.close();
  });

  it('does not count a pod that has gone', async () => {
    const scene = new Scene('a', 'b');
    const counting = scene.nudger.nudge(WEB, 'digest', signal);
    await scene.go('b');
    assert.equal(await counting, 1);
    await scene.nudger.close();
  });

  it('takes the place of an earlier one', async () => {
    const scene = new Scene('a');
    await scene.nudger.nudge(WEB, 'first', signal);
    await scene.nudger.nudge(WEB, 'second', signal);
    await scene.clock.advance(3_000);
    assert.deepEqual(
      scene.nudges.map(({ value }) => value.split('.')[1]),
      ['first', 'second', 'second'],
    );
    await scene.settle();
    assert.equal(scene.watches, 1);
    await scene.nudger.close();
  });

  it('ends when it is called off', async () => {
    const scene = new Scene('a');
    const off = new AbortController();
    const nudging = scene.nudger.nudge(WEB, 'digest', off.signal);
    off.abort(new Error('called off'));
    await assert.rejects(nudging, /called off/);
    await scene.nudger.close();
    assert.equal(scene.watches, 0);
  });
});

describe('a rollout that is followed', () => {
  it('nudges its new pods once when they run, and not those that ran before', async () => {
    const scene = new Scene('old');
    scene.nudger.follow(WEB, 'digest');
    scene.nudger.follow(WEB, 'digest');
    await scene.settle();
    await scene.come('new', false);
    await scene.come('new', true);
    await scene.come('old', true);
    assert.deepEqual(scene.nudged(), ['new']);
    await scene.clock.advance(60_000);
    await scene.come('newer', true);
    assert.deepEqual(scene.nudged(), ['new', 'newer']);
    scene.nudger.unfollow(WEB);
    await scene.settle();
    assert.equal(scene.watches, 0);
    await scene.come('later', true);
    assert.equal(scene.nudges.length, 2);
    await scene.nudger.close();
  });

  it("is left alone when the workload is nobody's concern any more", async () => {
    const scene = new Scene('old');
    scene.nudger.follow(WEB, 'digest');
    await scene.nudger.nudge(WEB, 'digest', signal);
    scene.nudger.forget(WEB);
    await scene.settle();
    assert.deepEqual([scene.watches, scene.clock.pending], [0, 0]);
    await scene.nudger.close();
  });
});
