/** Why a rollout does not get on, as its own pods and the cluster's warnings tell it: in one line, in their own words. */

import type { RestartAnnotation } from './annotation.ts';
import { listed } from './listed.ts';

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

/** A warning of the cluster's about one object, such as FailedMount of a pod, or FailedCreate of a StatefulSet. */
export interface ClusterWarning {
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** Absent: it is about the whole object. */
  readonly container?: string;
  /** The latest time that it was given, in ms since the epoch. */
  readonly at: number;
}

/** A pod of the workload that isn't being deleted, whatever has become of it. */
export interface PodReport {
  readonly name: string;
  /** By which its warnings are found. */
  readonly uid?: string;
  /** What the cluster has warned of, where that was asked for. */
  readonly warnings?: readonly ClusterWarning[];
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
 * The plainest cause among the pods of the workload's present template; of several alike, the first by name, which others
 * it is true of being named, too. Where there is none, what keeps pods from being made at all.
 *
 * @param present the annotation of the present template
 * @param quote whether what containers have said may be repeated: it is not ours, and may name a value
 * @param refusals the cluster's warnings about the workload itself, of this rollout's time
 */
export const rolloutCause = (
  pods: readonly PodReport[],
  present: Pick<RestartAnnotation, 'n' | 'digest'> | undefined,
  quote: boolean,
  refusals: readonly ClusterWarning[] = [],
): RolloutCause | undefined => {
  const causes = [
    ...ofTemplate(pods, present)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((pod) => causesOf(pod, quote).map((cause) => ({ ...cause, pod: pod.name }))),
    ...refused(refusals),
  ];
  const [plainest] = causes.sort((a, b) => b.weight - a.weight);
  if (plainest === undefined) return undefined;
  const alike = causes.filter(({ kind, weight }) => kind === plainest.kind && weight === plainest.weight);
  const names = [...new Set(alike.map(({ pod }) => pod))];
  const who = `${names.length === 1 ? 'pod' : 'pods'} ${listed(names, { most: 2 })}`;
  return { crashing: plainest.crashing, message: plainest.tell(who).slice(0, LONGEST_CAUSE) };
};

/** The pods of one template. */
export const ofTemplate = (
  pods: readonly PodReport[],
  present: Pick<RestartAnnotation, 'n' | 'digest'> | undefined,
): PodReport[] => pods.filter(({ restart }) => restart?.n === present?.n && restart?.digest === present?.digest);

interface Weighed {
  readonly crashing: boolean;
  /** What crashes tells more than what waits for it. */
  readonly weight: number;
  /** What is the same of several pods, apart from their own words. */
  readonly kind: string;
  /** @param who the pods, named */
  readonly tell: (who: string) => string;
}

const causesOf = (pod: PodReport, quote: boolean): readonly Weighed[] => {
  const { unschedulable, failed, warnings = [] } = pod;
  const inContainers = pod.containers.flatMap((container) => causeIn(container, warnings, quote) ?? []);
  const started = pod.containers.some(({ state, ready }) => ready || state === 'Running');
  // A pod that has no container yet waits for what the latest warning is about.
  const latest = started ? undefined : latestOf(warnings.filter(({ container }) => container === undefined));
  return [
    ...(unschedulable === undefined
      ? []
      : [plain(1, 'node', (who) => `no node takes ${who}: ${oneLine(unschedulable)}`)]),
    ...(failed === undefined
      ? []
      : [plain(2, 'ended', (who) => `${who} ${who.startsWith('pods') ? 'were' : 'was'} ended: ${oneLine(failed)}`)]),
    ...(latest === undefined || failed !== undefined || unschedulable !== undefined
      ? []
      : [plain(2, latest.reason, (who) => `${who} can't start: ${latest.reason}: ${oneLine(latest.message)}`)]),
    ...inContainers,
  ];
};

const latestOf = (warnings: readonly ClusterWarning[]): ClusterWarning | undefined =>
  [...warnings].sort((a, b) => b.at - a.at)[0];

const causeIn = (
  container: ContainerReport,
  warnings: readonly ClusterWarning[],
  quote: boolean,
): Weighed | undefined => {
  const { name, state, ready, waiting, end } = container;
  // What an init container has done well is done; one that is ready is no cause of anything.
  if (ready || (state === 'Ended' && end?.exitCode === 0 && container.restarts === 0)) return undefined;
  const own = latestOf(warnings.filter((each) => each.container === name && each.reason === 'Unhealthy'));
  const probe = own === undefined ? '' : `: ${probeWords(own.message, quote)}`;
  const ends = endsOf(container);
  if (end !== undefined && ends > 0) {
    const crashing = ends > 1;
    // A container that its own probe has ended says nothing of that.
    const killed = end.exitCode > 128 && probe !== '' ? `; ${probe.slice(2)}` : '';
    const how = `${howItEnded(end, quote)}${killed}`;
    const kind = `${name} ended with ${end.exitCode}`;
    return { weight: crashing ? 4 : 3, crashing, kind, tell: (who) => `container ${name} of ${who} ended with ${how}` };
  }
  if (waiting !== undefined && !ON_ITS_WAY.has(waiting.reason)) {
    const words = waiting.message === undefined ? '' : `: ${oneLine(waiting.message)}`;
    const why = `${waiting.reason}${words}`;
    return plain(2, `${name} ${waiting.reason}`, (who) => `container ${name} of ${who} can't start: ${why}`);
  }
  return state === 'Running'
    ? plain(0, `${name} not ready`, (who) => `container ${name} of ${who} runs, but is not ready${probe}`)
    : undefined;
};

/** What a probe got is the container's own word: an answer, or the output of a command. */
const probeWords = (message: string, quote: boolean): string => {
  const [what = ''] = /^[^:]*probe [a-z]+/.exec(message) ?? [];
  return quote || what === '' ? oneLine(quote ? message : 'its probe fails') : what;
};

/** Who can't make pods says so of itself: quota, admission. A pod that is there tells more. */
const refused = (refusals: readonly ClusterWarning[]): readonly (Weighed & { readonly pod: string })[] => {
  const latest = latestOf(refusals.filter(({ reason }) => reason === 'FailedCreate'));
  return latest === undefined
    ? []
    : [{ ...plain(1.5, latest.reason, () => `no pod can be made: ${oneLine(latest.message)}`), pod: '' }];
};

const plain = (weight: number, kind: string, tell: Weighed['tell']): Weighed => ({
  weight,
  crashing: false,
  kind,
  tell,
});

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
