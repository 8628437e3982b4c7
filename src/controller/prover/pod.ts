/** One pod on its way to proof: its files are looked at, it is nudged again where need be, its applications are asked. */

import type { Workload } from '../../domain/observed.ts';
import type { NotifyTarget, PodProof, ProofOrder } from '../../domain/proof.ts';
import type { Clock } from '../../runtime/clock.ts';
import { statusOf, toError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { nudgeValue } from '../nudger.ts';
import { workloadKey, type Agents, type FollowedPod, type Notifier, type PodContainer, type Pods } from '../ports.ts';
import { createAsk, type Ask, type AskTerms, type Effort } from './ask.ts';
import { asSources, expectationOf, fingerprintOf, type Expectation } from './expectation.ts';
import { createFileProof, type FileProof, type FilesState } from './files.ts';
import { oneLine } from './heard.ts';
import { nextNudgeAt } from './schedule.ts';
import type { Questions, SigningKeys } from './secrets.ts';
import { standingOf } from './standing.ts';

export interface PodPursuit {
  /** Another state of the pod, other orders, or both. */
  take(pod: FollowedPod, order: ProofOrder, effort: Effort): void;
  /** Undefined: it is none of the workload's, or has nothing to do with the change. */
  proof(): PodProof | undefined;
  /** It accepted without telling, and nobody saw its files. */
  blind(): boolean;
  /** Nothing is left to be done for the present effort. */
  settled(): boolean;
  end(): void;
}

export interface PodPursuitOptions {
  readonly workload: Workload;
  readonly pods: Pick<Pods, 'belongs' | 'nudge'>;
  readonly agents: Agents | undefined;
  /** Absent: no application is ever asked. */
  readonly notifier: Notifier | undefined;
  readonly questions: Questions;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly log: Logger;
  /** It was there when the pods were first listed: it has been nudged. */
  readonly known: boolean;
  readonly onChange: () => void;
}

/** Others nudge what comes so soon after a change. */
const NUDGED_BY_OTHERS_MS = 10_000;
const BELONGS_AGAIN_MS = 2_000;

export const createPodPursuit = (
  options: PodPursuitOptions,
  firstPod: FollowedPod,
  firstOrder: ProofOrder,
  firstEffort: Effort,
): PodPursuit => {
  const { workload, clock, onChange, notifier } = options;
  const controller = new AbortController();
  const asks = new Map<string, Ask>();
  let pod = firstPod;
  let order = firstOrder;
  let effort = firstEffort;
  let expectation = expectationOf(asSources(pod.mounts, workload), order.expected);
  let fingerprint = fingerprintOf(expectation);
  let belongs: 'Unknown' | 'Yes' | 'No' = 'Unknown';
  let unsure: string | undefined = 'whether it belongs to the workload is not known yet';
  let files: FileProof | undefined;
  let nudgedAt = options.known && pod.running ? order.startedAt : undefined;
  /** Of nudges for want of proof. */
  let given = 0;
  let lastNudgeAt: number | undefined;
  let cancelNudge = (): void => undefined;
  let cancelOwner = (): void => undefined;

  const changed = (): void => {
    if (controller.signal.aborted) return;
    look(false);
    onChange();
  };

  const findOwner = async (): Promise<void> => {
    try {
      belongs = (await options.pods.belongs(pod, workload, controller.signal)) ? 'Yes' : 'No';
      unsure = undefined;
    } catch (error) {
      if (controller.signal.aborted) return;
      const why = statusOf(error) === 403 ? 'the operator lacks the right to get ReplicaSets' : toError(error).message;
      unsure = `whether it belongs to the workload can't be told: ${oneLine(why)}`;
      cancelOwner = clock.schedule(BELONGS_AGAIN_MS, () => void findOwner());
    }
    changed();
  };

  /** @param moved other content than before is expected */
  const look = (moved: boolean): void => {
    if (belongs !== 'Yes' || controller.signal.aborted || expectation.volumes.length === 0) return;
    if (pod.running && nudgedAt === undefined) firstRun();
    const terms = { pod, volumes: expectation.volumes, effort };
    if (order.proof === 'Mounted' || order.targets.length > 0) {
      files ??= createFileProof({ ...options, onChange: changed }, terms);
      files.take(terms);
    }
    if (!pod.hostNetwork && notifier !== undefined) lookAtAsks(notifier, moved);
    nudgeInTime();
  };

  const lookAtAsks = (asking: Notifier, moved: boolean): void => {
    const wanted = askable(pod, order.targets, expectation);
    for (const [name, ask] of asks) {
      if (wanted.has(name)) continue;
      ask.end();
      asks.delete(name);
    }
    const state: FilesState = files?.state() ?? { type: 'Unknown' };
    for (const [name, { target, container, port, expected }] of wanted) {
      const terms: AskTerms = {
        pod,
        container,
        port,
        expected,
        effort,
        // As long as the files are known to be old, or that is about to be found out, there is no use in asking.
        open: nudgedAt !== undefined && (effort === 'AskAgain' || isKnown(state)),
        ...(state.type === 'Mounted' && { mountedAt: state.at }),
        nudgedAt: nudgedAt ?? 0,
        known: options.known,
      };
      const ask = asks.get(name);
      if (ask !== undefined) ask.take(terms, moved);
      else asks.set(name, createAsk({ ...options, notifier: asking, target, onChange: changed }, terms));
    }
  };

  /** One that comes late has been told of nothing yet. */
  const firstRun = (): void => {
    nudgedAt = clock.now();
    if (effort !== 'AskAgain' && clock.now() - order.startedAt >= NUDGED_BY_OTHERS_MS) void nudge();
  };

  const nudge = async (): Promise<void> => {
    try {
      await options.pods.nudge(pod, nudgeValue(order.digest, clock.now()), controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      const fields = { workload: workloadKey(workload), pod: pod.name, err: toError(error) };
      options.log.warn(fields, 'could not nudge a pod again');
    }
  };

  const nudgeInTime = (): void => {
    cancelNudge();
    const state = files?.state().type;
    const behind = [...asks.values()].some((ask) => ask.state().behind);
    const seen = state === 'Differs' || (state === 'Unavailable' && behind);
    if (nudgedAt === undefined || effort !== 'Pursue' || state === 'Mounted' || standing().done) return;
    if (!seen && order.proof === 'Nudged') return;
    const at = nextNudgeAt(lastNudgeAt ?? nudgedAt, given, seen);
    if (at > clock.now()) {
      cancelNudge = clock.schedule(at - clock.now(), nudgeInTime);
      return;
    }
    given += 1;
    lastNudgeAt = clock.now();
    void nudge();
    nudgeInTime();
  };

  const standing = (): PodProof => {
    const wanted = [...askable(pod, order.targets, expectation)];
    const never = neverAsked(pod, notifier);
    return standingOf({
      pod,
      order,
      nudged: nudgedAt !== undefined,
      files: files?.state() ?? { type: 'Unknown' },
      asks: wanted.map(([name, { container, target }]) => ({
        container,
        port: target.port,
        state: asks.get(name)?.state() ?? { behind: false, certain: false, settled: false },
      })),
      unheard: order.targets.flatMap(({ port }) =>
        wanted.some(([, each]) => each.target.port === port) ? [] : [port],
      ),
      ...(never !== undefined && { never }),
      ...(unsure !== undefined && { unsure }),
    });
  };

  void findOwner();
  return {
    take: (nextPod, nextOrder, nextEffort) => {
      pod = nextPod;
      order = nextOrder;
      effort = nextEffort;
      const next = expectationOf(asSources(pod.mounts, workload), order.expected);
      const nextFingerprint = fingerprintOf(next);
      const moved = nextFingerprint !== fingerprint;
      if (moved) {
        expectation = next;
        fingerprint = nextFingerprint;
      }
      look(moved);
    },
    proof: () => (belongs === 'No' || expectation.volumes.length === 0 ? undefined : standing()),
    blind: () =>
      [...asks.values()].some((ask) => {
        const { heard, certain } = ask.state();
        return heard?.type === 'Accepted' && !certain;
      }),
    settled: () => belongs !== 'Unknown' && [...asks.values()].every((ask) => ask.state().settled),
    end: () => {
      cancelNudge();
      cancelOwner();
      files?.end();
      for (const ask of asks.values()) ask.end();
      controller.abort(new Error('the pod, or the change, is no longer of concern'));
    },
  };
};

const isKnown = ({ type }: FilesState): boolean => type === 'Mounted' || type === 'Unavailable';

interface Askable {
  readonly target: NotifyTarget;
  readonly container: PodContainer;
  readonly port: number;
  readonly expected: AskTerms['expected'];
}

/** By target and container: those that show something of what has changed, and have the port by its name. */
const askable = (
  pod: FollowedPod,
  targets: readonly NotifyTarget[],
  { containers }: Expectation,
): ReadonlyMap<string, Askable> =>
  new Map(
    targets.flatMap((target) =>
      pod.sideBySide.flatMap((container) => {
        const expected = containers.get(container.name);
        const port = container.ports.get(target.port);
        if (expected === undefined || port === undefined) return [];
        const name = JSON.stringify([target.port, target.path, target.signature ?? null, container.name]);
        return [[name, { target, container, port, expected }] as const];
      }),
    ),
  );

const neverAsked = ({ hostNetwork }: FollowedPod, notifier: Notifier | undefined): string | undefined => {
  if (notifier === undefined) return 'its application is not asked: the operator runs with --notify=Disabled';
  return hostNetwork ? "it is on the host's network: never asked" : undefined;
};
