/** One watch of a workload's pods, for all who follow them. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPodWatches, type PodWatches } from '../../../src/controller/pod-watches.ts';
import type { FollowedPod } from '../../../src/controller/ports.ts';
import type { Sink } from '../../../src/runtime/reflector.ts';
import { aFollowedPod, aWorkload } from '../../support/builders.ts';
import { createFakeClock, settled } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const WEB = aWorkload();

interface Scene {
  readonly watches: PodWatches;
  /** What there is, when it is listed next. */
  pods: readonly FollowedPod[];
  lists: number;
  open: number;
  fail: Error | undefined;
}

const createScene = (...names: readonly string[]): Scene => {
  const scene: { -readonly [Key in keyof Scene]: Scene[Key] } = {
    pods: names.map((name) => aFollowedPod({ name })),
    lists: 0,
    open: 0,
    fail: undefined,
    watches: createPodWatches({
      pods: {
        watch: () => ({
          list: () => {
            scene.lists += 1;
            if (scene.fail !== undefined) return Promise.reject(scene.fail);
            return Promise.resolve({ items: scene.pods, resourceVersion: '1' });
          },
          async *watch(_options, until) {
            scene.open += 1;
            await new Promise((resolve) => {
              until.addEventListener('abort', resolve, { once: true });
            });
            scene.open -= 1;
          },
          resourceVersionOf: ({ resourceVersion }) => resourceVersion,
        }),
      },
      clock: createFakeClock(),
      random: () => 0.5,
      log: createRecordingLog(),
    }),
  };
  return scene;
};

/** Writes down what it is fed with. */
const noting = (fed: string[]): Sink<FollowedPod> => ({
  listing: () => fed.push('listing'),
  rewound: () => fed.push('rewound'),
  upsert: ({ name }) => fed.push(name),
  remove: ({ name }) => fed.push(`no ${name}`),
  listed: () => fed.push('listed'),
});

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await settled();
};

describe('pods that are followed', () => {
  it('are listed and watched once for all who only join', async () => {
    const scene = createScene('a', 'b');
    const fed: [string[], string[]] = [[], []];
    const ends = [scene.watches.follow(WEB, noting(fed[0]), { pods: 'Known' })];
    await settle();
    ends.push(scene.watches.follow(WEB, noting(fed[1]), { pods: 'Known' }));
    assert.deepEqual(fed, [
      ['listing', 'a', 'b', 'listed'],
      ['listing', 'a', 'b', 'listed'],
    ]);
    assert.deepEqual([scene.lists, scene.open], [1, 1]);
    ends[0]?.();
    await settle();
    assert.equal(scene.open, 1);
    ends[1]?.();
    await scene.watches.ended();
    assert.equal(scene.open, 0);
  });

  it('are listed anew for who needs to be sure, and everybody gets that', async () => {
    const scene = createScene('a');
    const fed: [string[], string[]] = [[], []];
    const first = scene.watches.follow(WEB, noting(fed[0]), { pods: 'Known' });
    await settle();
    scene.pods = [aFollowedPod({ name: 'b' })];
    const second = scene.watches.follow(WEB, noting(fed[1]), { pods: 'Listed' });
    await settle();
    assert.deepEqual(fed, [
      ['listing', 'a', 'listed', 'listing', 'b', 'listed'],
      ['listing', 'b', 'listed'],
    ]);
    assert.deepEqual([scene.lists, scene.open], [2, 1]);
    first();
    second();
    await scene.watches.ended();
  });

  it('are those of one workload: another of the same name has its own', async () => {
    const scene = createScene('a');
    const ends = [WEB, { ...WEB, uid: 'another' }].map((workload) =>
      scene.watches.follow(workload, noting([]), { pods: 'Known' }),
    );
    await settle();
    assert.equal(scene.open, 2);
    for (const end of ends) end();
    await scene.watches.ended();
  });

  it('that can not be listed are told of, and one who fails keeps nobody else from being fed', async () => {
    const scene = createScene('a');
    scene.fail = new Error('no right');
    const errors: string[] = [];
    const fed: string[] = [];
    const broken: Sink<FollowedPod> = {
      ...noting([]),
      upsert: () => {
        throw new Error('broken');
      },
    };
    const onError = ({ message }: Error): void => {
      errors.push(message);
    };
    const ends = [
      scene.watches.follow(WEB, broken, { pods: 'Known' }),
      scene.watches.follow(WEB, noting(fed), { pods: 'Known', onError }),
    ];
    await settle();
    assert.deepEqual(errors, ['no right']);
    scene.fail = undefined;
    ends.push(scene.watches.follow(WEB, noting([]), { pods: 'Listed' }));
    await settle();
    assert.deepEqual(fed.slice(-2), ['a', 'listed']);
    for (const end of ends) end();
    await scene.watches.ended();
  });
});
