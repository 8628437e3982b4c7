/** One container on its way to running on a change: asked to reload until it does, or says that it does not. */

import type { NotifyTarget } from '../../domain/proof.ts';
import type { Clock } from '../../runtime/clock.ts';
import { toError } from '../../runtime/errors.ts';
import type { FollowedPod, NotifyAnswer, Notifier, PodContainer } from '../ports.ts';
import type { Workload } from '../../domain/observed.ts';
import type { ExpectedFile } from './expectation.ts';
import { hear, oneLine, type Heard } from './heard.ts';
import { nextAskAt, type AskFacts } from './schedule.ts';
import type { SigningKeys } from './secrets.ts';

export type Effort = AskFacts['effort'];

/** What a container is asked by. */
export interface AskTerms {
  readonly pod: FollowedPod;
  readonly container: PodContainer;
  readonly port: number;
  /** By the path in the container. */
  readonly expected: ReadonlyMap<string, ExpectedFile>;
  readonly effort: Effort;
  /** Asking is not known to be too early. */
  readonly open: boolean;
  readonly mountedAt?: number;
  readonly nudgedAt: number;
  /** The pod was there before this process began to look: its application need not be told again, only asked. */
  readonly known: boolean;
}

export interface AskState {
  readonly heard?: Heard;
  /** It has told, in the words of the protocol, that it runs on something else. */
  readonly behind: boolean;
  /** It accepted after its files were known to be right. */
  readonly certain: boolean;
  /** Nothing more is to be asked for the present effort. */
  readonly settled: boolean;
}

export interface Ask {
  /** @param moved other content than before is expected: what was heard says nothing any more */
  take(terms: AskTerms, moved: boolean): void;
  state(): AskState;
  end(): void;
}

export interface AskOptions {
  readonly workload: Workload;
  readonly target: NotifyTarget;
  readonly notifier: Notifier;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly onChange: () => void;
}

export const createAsk = (options: AskOptions, first: AskTerms): Ask => {
  const { clock, target } = options;
  const controller = new AbortController();
  let terms = first;
  let asked = 0;
  let lastAskedAt: number | undefined;
  let heard: Heard | undefined;
  let tells = false;
  let behind = false;
  let asking = false;
  let cancel = (): void => undefined;

  const forget = (): void => {
    asked = 0;
    lastAskedAt = undefined;
    heard = undefined;
    behind = false;
  };

  const nextAt = (): number | undefined =>
    nextAskAt({
      effort: terms.effort,
      open: terms.open && terms.container.state === 'Running' && terms.container.ready,
      ...(terms.mountedAt !== undefined && { mountedAt: terms.mountedAt }),
      nudgedAt: terms.nudgedAt,
      asked,
      ...(lastAskedAt !== undefined && { lastAskedAt }),
      ...(heard !== undefined && { heard }),
      tells,
    });

  const look = (): void => {
    cancel();
    if (asking || controller.signal.aborted) return;
    const at = nextAt();
    if (at === undefined) return;
    const waitMs = at - clock.now();
    if (waitMs > 0) {
      cancel = clock.schedule(waitMs, look);
      return;
    }
    asking = true;
    void askOnce().finally(() => {
      asking = false;
      if (controller.signal.aborted) return;
      look();
      options.onChange();
    });
  };

  const askOnce = async (): Promise<void> => {
    const { expected, container, effort, known } = terms;
    const method = effort === 'Watch' && (tells || known) ? 'GET' : 'POST';
    asked += 1;
    lastAskedAt = clock.now();
    const mine = lastAskedAt;
    const answer = await ask(method);
    // What was asked under other terms answers another question.
    if (controller.signal.aborted || lastAskedAt !== mine) return;
    if (terms.expected !== expected || terms.container.startedAt !== container.startedAt) return;
    tells ||= answer.type === 'Told';
    behind = false;
    if (answer.type === 'Told') {
      heard = hear(answer, expected);
      behind = heard.type === 'Not';
    } else if (answer.type === 'Failed') heard = { type: 'Not', why: answer.why };
    else heard = method === 'POST' ? { type: 'Accepted' } : { type: 'Not', why: 'it does not tell what it has loaded' };
  };

  const ask = async (method: 'POST' | 'GET'): Promise<NotifyAnswer> => {
    const { workload, notifier, keys } = options;
    const { pod, port } = terms;
    if (pod.address === undefined) return { type: 'Failed', why: 'its pod has no address yet' };
    try {
      const key = target.signature === undefined ? undefined : await keys.get(target.signature);
      if (typeof key === 'string') return { type: 'Failed', why: key };
      return await notifier.ask(
        {
          method,
          namespace: workload.namespace,
          address: pod.address,
          port,
          path: target.path,
          ...(key !== undefined && { signingKey: key }),
        },
        controller.signal,
      );
    } catch (error) {
      return { type: 'Failed', why: oneLine(toError(error).message) };
    }
  };

  look();
  return {
    take: (next, moved) => {
      const again = next.effort !== terms.effort && next.effort === 'AskAgain';
      const revived = !ready(terms) && ready(next) && heard?.type === 'Not';
      const restarted = next.container.startedAt !== terms.container.startedAt;
      terms = next;
      if (moved || restarted || revived) forget();
      else if (again) asked = 0;
      look();
    },
    state: () => ({
      ...(heard !== undefined && { heard }),
      behind,
      certain: terms.mountedAt !== undefined && lastAskedAt !== undefined && lastAskedAt >= terms.mountedAt,
      settled: !asking && nextAt() === undefined,
    }),
    end: () => {
      cancel();
      controller.abort(new Error('the pod, or the change, is no longer of concern any more'));
    },
  };
};

const ready = ({ container }: AskTerms): boolean => container.state === 'Running' && container.ready;
