/** A kind that an installation may not have. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError } from '../../../src/kube/errors.ts';
import { requestsServed } from '../../../src/kube/requests.ts';
import type { ListWatch } from '../../../src/runtime/list-watch.ts';
import { createReflector } from '../../../src/runtime/reflector.ts';
import { createFakeClock, settled } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

describe('requests where the definition is missing', () => {
  it('are looked for once a minute, with a sentence that says what is missing, and found when it is there', async () => {
    let status: number | undefined = 404;
    let lists = 0;
    const source: ListWatch<{ readonly metadata: { readonly resourceVersion: string } }> = {
      list: () => {
        lists += 1;
        if (status !== undefined)
          throw new KubeError('get /x: nothing is served there', { status, reason: 'NotFound' });
        return Promise.resolve({ items: [], resourceVersion: '1' });
      },
      watch: async function* (_options, signal) {
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve);
        });
        yield* [];
      },
      resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    };
    const clock = createFakeClock();
    const ending = new AbortController();
    const ignore = (): void => undefined;
    const sink = { listing: ignore, rewound: ignore, upsert: ignore, remove: ignore, listed: ignore };
    const parts = { name: 'requests', sink, clock, random: () => 0.5, log: createRecordingLog() };
    const reflector = createReflector({ ...parts, source: requestsServed(source) });
    const running = reflector.run(ending.signal);
    await settled();
    assert.match(reflector.status().error?.message ?? '', /ReloadRequest is not installed: .*kubectl apply -k crds/);
    await clock.advance(59_000);
    assert.equal(lists, 1);
    await clock.advance(1_000);
    assert.equal(lists, 2);
    status = undefined;
    await clock.advance(60_000);
    assert.deepEqual([lists, reflector.status().synced, reflector.status().error], [3, true, undefined]);
    ending.abort();
    await running;
  });
});
