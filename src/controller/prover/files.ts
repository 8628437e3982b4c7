/** The files of one pod, as the agent on its node sees them: asked until they are what is expected. */

import type { Workload } from '../../domain/observed.ts';
import type { Clock } from '../../runtime/clock.ts';
import { toError } from '../../runtime/errors.ts';
import type { Agents, FollowedPod, MountAnswer } from '../ports.ts';
import type { Effort } from './ask.ts';
import type { ExpectedVolume } from './expectation.ts';
import { oneLine } from './heard.ts';
import { AGENT_SILENT_MS, AGENT_WAIT_MS, agentPauseMs } from './schedule.ts';
import type { Questions } from './secrets.ts';

export type FilesState =
  /** Not found out yet. */
  | { readonly type: 'Unknown' }
  | { readonly type: 'Mounted'; readonly at: number }
  | { readonly type: 'Differs'; readonly why: string }
  | { readonly type: 'Unavailable'; readonly why: string };

export interface FileProof {
  take(terms: FileTerms): void;
  state(): FilesState;
  end(): void;
}

export interface FileTerms {
  readonly pod: FollowedPod;
  readonly volumes: readonly ExpectedVolume[];
  readonly effort: Effort;
}

export interface FileProofOptions {
  readonly workload: Workload;
  /** Absent: there are none, and the answer is always that. */
  readonly agents: Agents | undefined;
  readonly questions: Questions;
  readonly clock: Clock;
  readonly onChange: () => void;
}

/** So many paths are named. */
const NAMED = 3;

export const createFileProof = (options: FileProofOptions, first: FileTerms): FileProof => {
  const { agents, clock, onChange } = options;
  const controller = new AbortController();
  let terms = first;
  let state: FilesState = agents === undefined ? NO_AGENTS : { type: 'Unknown' };
  let asking = false;
  let cancel = (): void => undefined;

  const look = (): void => {
    cancel();
    if (asking || controller.signal.aborted || state.type === 'Mounted' || agents === undefined) return;
    if (!terms.pod.running || terms.effort === 'AskAgain' || terms.effort === 'Finish') return;
    asking = true;
    const { volumes } = terms;
    const askedAt = clock.now();
    void answerOf(options, agents, terms, controller.signal)
      .then((answer) => {
        asking = false;
        if (controller.signal.aborted) return;
        const current = terms.volumes === volumes;
        if (current) state = answer;
        const pauseMs = current ? agentPauseMs(terms.effort, answer.type !== 'Unavailable', clock.now() - askedAt) : 0;
        if (pauseMs > 0) cancel = clock.schedule(pauseMs, look);
        else look();
        onChange();
      })
      .catch(() => undefined);
  };

  look();
  return {
    take: (next) => {
      const moved = next.volumes !== terms.volumes;
      const began = next.pod.running && !terms.pod.running;
      const effort = next.effort !== terms.effort;
      terms = next;
      if (moved && agents !== undefined) state = { type: 'Unknown' };
      if (moved || began || effort) look();
    },
    state: () => state,
    end: () => {
      cancel();
      controller.abort(new Error('the pod, or the change, is no longer of concern'));
    },
  };
};

const NO_AGENTS: FilesState = { type: 'Unavailable', why: 'there is no agent on the nodes that could tell' };

const answerOf = async (
  options: FileProofOptions,
  agents: Agents,
  { pod, volumes, effort }: FileTerms,
  signal: AbortSignal,
): Promise<FilesState> => {
  const { questions, clock } = options;
  if (pod.node === undefined) return { type: 'Unavailable', why: 'it has no node yet' };
  const { uid, node } = pod;
  const waitMs = effort === 'Pursue' ? AGENT_WAIT_MS : 0;
  const asks = volumes.map(async (volume): Promise<readonly MountAnswer[]> => {
    const found = await questions.of(volume);
    if (typeof found === 'string') return [{ type: 'Unavailable', why: found }];
    return Promise.all(
      found.map((question) => within(clock, signal, (until) => agents.mounted({ uid, node }, question, waitMs, until))),
    );
  });
  const answers = (await Promise.all(asks)).flat();
  const differing = answers.flatMap((answer) => (answer.type === 'Differs' ? answer.files : []));
  if (differing.length > 0) return { type: 'Differs', why: `its files are old: ${listed(differing)}` };
  const unavailable = answers.find((answer) => answer.type === 'Unavailable');
  return unavailable ?? { type: 'Mounted', at: clock.now() };
};

/** One that says nothing at all is no reason to wait any longer. */
const within = async (
  clock: Clock,
  signal: AbortSignal,
  ask: (until: AbortSignal) => Promise<MountAnswer>,
): Promise<MountAnswer> => {
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort(signal.reason);
  };
  signal.addEventListener('abort', stop, { once: true });
  const silent: MountAnswer = { type: 'Unavailable', why: 'the agent on its node does not answer' };
  const late = Promise.withResolvers<MountAnswer>();
  const cancel = clock.schedule(AGENT_SILENT_MS, () => {
    late.resolve(silent);
    controller.abort(new Error('no answer in time'));
  });
  try {
    return await Promise.race([ask(controller.signal), late.promise]);
  } catch (error) {
    signal.throwIfAborted();
    return { type: 'Unavailable', why: oneLine(toError(error).message) };
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
  }
};

const listed = (paths: readonly string[]): string =>
  `${paths.slice(0, NAMED).join(', ')}${paths.length > NAMED ? ` and ${paths.length - NAMED} more` : ''}`;
