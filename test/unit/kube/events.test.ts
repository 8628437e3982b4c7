import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeClient, RequestOptions } from '../../../src/kube/connect.ts';
import { createEventPublisher } from '../../../src/kube/events.ts';
import { aWorkload } from '../../support/builders.ts';
import { createFakeClock, settled } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

describe('events', () => {
  const published = async (note: string): Promise<string> => {
    const bodies: unknown[] = [];
    const client: KubeClient = {
      server: 'https://nowhere',
      request: <T>({ body }: RequestOptions): Promise<T> => {
        bodies.push(body);
        return Promise.resolve(undefined as T);
      },
      stream: () => assert.fail('nobody watches here'),
      close: () => Promise.resolve(),
    };
    const publisher = createEventPublisher({
      client,
      clock: createFakeClock(),
      log: createRecordingLog(),
      instance: 'test',
      quiet: () => Promise.resolve(),
    });
    publisher.publish(aWorkload(), [], { severity: 'Normal', reason: 'R', action: 'Restart', note });
    await settled();
    const [body] = bodies as readonly { readonly note: string }[];
    return body?.note ?? '';
  };

  it('carry notes of at most 1024 bytes, the most that the API server takes, in whole characters', async () => {
    const cases: readonly [string, string][] = [
      ['short', 'short'],
      ['x'.repeat(1_025), 'x'.repeat(1_024)],
      [`x${'ü'.repeat(600)}`, `x${'ü'.repeat(511)}`],
      ['→'.repeat(400), '→'.repeat(341)],
      [`x${'😀'.repeat(300)}`, `x${'😀'.repeat(255)}`],
    ];
    for (const [note, kept] of cases) assert.equal(await published(note), kept);
  });
});
