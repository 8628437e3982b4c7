import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError } from '../../../src/kube/errors.ts';
import { whenServed } from '../../../src/kube/when-served.ts';
import { createReflector, type ListWatch } from '../../../src/runtime/reflector.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const NOT_FOUND = new KubeError('the server could not find the requested resource', {
  status: 404,
  reason: 'NotFound',
});

/** A kind of a cluster that comes and goes. */
const aCluster = () => {
  let served = false;
  let requests = 0;
  let end: (() => void) | undefined;
  const asked = (): void => {
    requests++;
    if (!served) throw NOT_FOUND;
  };
  const source: ListWatch<string> = {
    list: async () => {
      await Promise.resolve();
      asked();
      return { items: ['web'], resourceVersion: '7' };
    },
    watch: async function* (_, signal) {
      asked();
      await new Promise<void>((resolve) => {
        end = resolve;
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
      yield* [];
    },
    resourceVersionOf: () => '7',
  };
  return {
    source,
    requests: () => requests,
    serve: (now: boolean) => {
      served = now;
      end?.();
    },
  };
};

const follow = (source: ListWatch<string>, idleMs?: number) => {
  const clock = createFakeClock();
  const log = createRecordingLog();
  const held = new Set<string>();
  let unmet = new Set<string>();
  const ended = new AbortController();
  const reflector = createReflector({
    name: 'rollouts',
    source: whenServed(source, clock),
    sink: {
      listing: () => {
        unmet = new Set(held);
      },
      rewound: () => undefined,
      upsert: (object) => {
        held.add(object);
        unmet.delete(object);
      },
      remove: (object) => {
        held.delete(object);
      },
      listed: () => {
        for (const each of unmet) held.delete(each);
      },
    },
    clock,
    random: () => 0,
    log,
    ...(idleMs !== undefined && { idleMs }),
  });
  const run = reflector.run(ended.signal);
  return {
    clock,
    log,
    held,
    reflector,
    end: async () => {
      ended.abort();
      await run;
    },
  };
};

describe('a kind that is not served', () => {
  for (const idleMs of [undefined, 5_000]) {
    it(`has been listed, is looked for now and then, and is found in half a minute (${idleMs ?? 'usual'} idle)`, async () => {
      const cluster = aCluster();
      const { clock, log, held, reflector, end } = follow(cluster.source, idleMs);
      await clock.advance(120_000);
      assert.equal(reflector.status().synced, true);
      assert.equal(reflector.status().error, undefined);
      assert.ok((reflector.status().aliveAt ?? 0) > clock.now() - 60_000);
      assert.ok(cluster.requests() < 60, String(cluster.requests()));
      assert.deepEqual(
        log.lines.filter(({ level }) => level === 'warn' || level === 'error'),
        [],
      );

      cluster.serve(true);
      await clock.advance(30_000);
      assert.deepEqual([...held], ['web']);

      cluster.serve(false);
      await clock.advance(30_000);
      assert.deepEqual([...held], []);
      assert.equal(reflector.status().error, undefined);
      assert.deepEqual(
        log.lines.filter(({ level }) => level === 'warn' || level === 'error'),
        [],
      );
      await end();
    });
  }

  it('that may not be listed is an error like any other', async () => {
    const forbidden = new KubeError('forbidden', { status: 403, reason: 'Forbidden' });
    const { source } = aCluster();
    const { clock, reflector, end } = follow({ ...source, list: () => Promise.reject(forbidden) });
    await clock.advance(1_000);
    assert.equal(reflector.status().synced, false);
    assert.equal(reflector.status().error, forbidden);
    await end();
  });
});
