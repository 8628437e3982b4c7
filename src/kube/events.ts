import { randomUUID } from 'node:crypto';
import { API_VERSION, GROUP, RELOAD_POLICY } from '../api/v1alpha1/names.ts';
import type { EventPublisher } from '../controller/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import type { KubeClient } from './connect.ts';
import { events } from './paths.ts';

/** In bytes, as the API server counts. */
const LONGEST_NOTE = 1_024;
const LONGEST_INSTANCE = 128;
/** So many may wait to be written; in a storm the rest is only logged. */
const MOST_WAITING = 1_000;

export interface EventPublisherOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** The name of this process, such as its pod's. */
  readonly instance: string;
  /** Resolves when nothing urgent is under way, or after a while. */
  readonly quiet: () => Promise<void>;
}

/** Events are written one after the other, behind everything else: they tell, nothing waits for them. */
export const createEventPublisher = ({
  client,
  clock,
  log,
  instance,
  quiet,
}: EventPublisherOptions): EventPublisher => {
  let waiting = 0;
  let tail = Promise.resolve();
  const write = async (namespace: string, body: object): Promise<void> => {
    await quiet();
    await client.request({ method: 'POST', path: events(namespace), body });
  };
  return {
    publish: (workload, policies, { severity, reason, action, note }) => {
      const fields = { workload: `${workload.kind}/${workload.namespace}/${workload.name}`, reason, note };
      log.info(fields, 'event');
      if (waiting >= MOST_WAITING) {
        log.warn(fields, 'too many events wait to be written: this one is not');
        return;
      }
      const { namespace, kind, name, uid, resourceVersion } = workload;
      const [policy] = policies;
      const body = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: `${name.slice(0, 200)}.${randomUUID()}`, namespace },
        eventTime: new Date(clock.now()).toISOString().replace('Z', '000Z'),
        type: severity,
        reason,
        action,
        note: cut(note, LONGEST_NOTE),
        regarding: { apiVersion: 'apps/v1', kind, namespace, name, uid, resourceVersion },
        ...(policy !== undefined && {
          related: { apiVersion: API_VERSION, kind: RELOAD_POLICY.kind, namespace, name: policy.name, uid: policy.uid },
        }),
        reportingController: `${GROUP}/operator`,
        reportingInstance: cut(instance, LONGEST_INSTANCE),
      };
      waiting++;
      tail = tail
        .then(() => write(namespace, body))
        .catch((error: unknown) => {
          log.warn({ ...fields, err: error }, 'could not write an event');
        })
        .finally(() => waiting--);
    },
  };
};

/** The beginning of a text, in whole characters, that has at most so many bytes of UTF-8. */
const cut = (text: string, most: number): string =>
  text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(most)).read);
