/** Why a rollout does not get on, as its own pods tell it: in one line, with the container's own last words. */

import type { RestartAnnotation } from './annotation.ts';

/** How a container ended. */
export interface ContainerEnd {
  readonly exitCode: number;
  /** Such as `OOMKilled`; `Error` and `Completed` say no more than the code. */
  readonly reason?: string;
  /** What it left as its termination message or, where its `terminationMessagePolicy` says so, its last log lines. */
  readonly message?: string;
}

export interface ContainerReport {
  readonly name: string;
  readonly state: 'Waiting' | 'Running' | 'Ended';
  readonly ready: boolean;
  /** How often it was started again. */
  readonly restarts: number;
  readonly waiting?: { readonly reason: string; readonly message?: string };
  /** The latest of its ends. */
  readonly end?: ContainerEnd;
}

/** A pod of the workload that isn't being deleted, whatever has become of it. */
export interface PodReport {
  readonly name: string;
  /** The restart that its template carried. */
  readonly restart?: Pick<RestartAnnotation, 'n' | 'digest'>;
  /** Why no node takes it. */
  readonly unschedulable?: string;
  /** Why it was ended as a whole, an eviction say. */
  readonly failed?: string;
  /** Init containers first. */
  readonly containers: readonly ContainerReport[];
}

export interface RolloutCause {
  /** A container has ended twice at least, and does not run: waiting longer is no cure. */
  readonly crashing: boolean;
  /** One line of at most {@link LONGEST_CAUSE} characters. */
  readonly message: string;
}

/** What a cause takes of a message that has other things to say, too. */
export const LONGEST_CAUSE = 600;
/** Of this, a container's own words. */
const LONGEST_WORDS = 400;

/**
 * The plainest cause among the pods of the workload's present template; of several alike, the first by name.
 *
 * @param present the annotation of the present template
 * @param quote whether what containers have said may be repeated: it is not ours, and may name a value
 */
export const rolloutCause = (
  pods: readonly PodReport[],
  present: Pick<RestartAnnotation, 'n' | 'digest'> | undefined,
  quote: boolean,
): RolloutCause | undefined => {
  const causes = pods
    .filter(({ restart }) => restart?.n === present?.n && restart?.digest === present?.digest)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((pod) => causesOf(pod, quote));
  const [plainest] = causes.sort((a, b) => b.weight - a.weight);
  return plainest && { crashing: plainest.crashing, message: plainest.message.slice(0, LONGEST_CAUSE) };
};

interface Weighed extends RolloutCause {
  /** What crashes tells more than what waits for it. */
  readonly weight: number;
}

const causesOf = (pod: PodReport, quote: boolean): readonly Weighed[] => [
  ...(pod.unschedulable === undefined
    ? []
    : [plain(1, `no node takes pod ${pod.name}: ${oneLine(pod.unschedulable)}`)]),
  ...(pod.failed === undefined ? [] : [plain(2, `pod ${pod.name} was ended: ${oneLine(pod.failed)}`)]),
  ...pod.containers.flatMap((container) => causeIn(pod, container, quote) ?? []),
];

const causeIn = (pod: PodReport, container: ContainerReport, quote: boolean): Weighed | undefined => {
  const who = `container ${container.name} of pod ${pod.name}`;
  const { state, ready, waiting, end } = container;
  // What an init container has done well is done; one that is ready is no cause of anything.
  if (ready || (state === 'Ended' && end?.exitCode === 0 && container.restarts === 0)) return undefined;
  const ends = endsOf(container);
  if (end !== undefined && ends > 0) {
    const crashing = ends > 1;
    return { weight: crashing ? 4 : 3, crashing, message: `${who} ended with ${howItEnded(end, quote)}` };
  }
  if (waiting !== undefined && !ON_ITS_WAY.has(waiting.reason)) {
    const words = waiting.message === undefined ? '' : `: ${oneLine(waiting.message)}`;
    return plain(2, `${who} can't start: ${waiting.reason}${words}`);
  }
  return state === 'Running' ? plain(0, `${who} runs, but is not ready`) : undefined;
};

const plain = (weight: number, message: string): Weighed => ({ weight, crashing: false, message });

const ON_ITS_WAY: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** Each start but the first follows an end; one that is down has ended once more. */
const endsOf = ({ state, restarts, waiting }: ContainerReport): number =>
  restarts + (state === 'Ended' || waiting?.reason === 'CrashLoopBackOff' ? 1 : 0);

const howItEnded = ({ exitCode, reason, message = '' }: ContainerEnd, quote: boolean): string => {
  const because = reason === undefined || SAYS_NOTHING.has(reason) ? '' : ` (${reason})`;
  const words = quote ? oneLine(message) : '';
  return `exit code ${exitCode}${because}${words === '' ? '' : `: ${words}`}`;
};

const SAYS_NOTHING: ReadonlySet<string> = new Set(['Error', 'Completed']);

/**
 * Without line ends and what a terminal would obey. Of what is too long, begin and end: some put the cause first and
 * then a trace, others log on until the last line says it.
 */
const oneLine = (text: string): string => {
  const bare = text
    .replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim();
  if (bare.length <= LONGEST_WORDS) return bare;
  const half = LONGEST_WORDS / 2 - 2;
  return `${bare.slice(0, half)} … ${bare.slice(-half)}`;
};
