/**
 * A small cluster for random histories: sources, workloads that read them, their pods, and what rolls out. What is
 * done to it really happens here, so that a law can be held against what pods run on and not against what was planned.
 */

import { parseRestartAnnotation } from '../../../src/domain/annotation.ts';
import type { PodReport } from '../../../src/domain/rollout-cause.ts';
import type { Pod, Workload } from '../../../src/domain/observed.ts';
import { aUse, aWorkload, deployment, T0, type Content } from '../builders.ts';

/** What the containers of a pod were made of, or what its files hold: content by source. */
type Contents = ReadonlyMap<string, Content>;

export interface RunningPod {
  readonly name: string;
  /** The template that it was made of, its restart annotation in it. */
  readonly revision: string;
  startedAt: number;
  /** What its environment and command line were made of. */
  started: Contents;
  files: Contents;
  filesAt: number;
  restarts: number;
}

export interface Deployed {
  readonly name: string;
  readonly sources: readonly string[];
  replicas: number;
  template: string;
  annotation: string | undefined;
  generation: number;
  paused: boolean;
  deadlineExceeded: boolean;
  pods: RunningPod[];
}

export interface Stored {
  readonly uid: string;
  readonly content: Content;
  readonly changedAt: number;
}

/** A kubelet looks at a pod's volumes by itself, at the latest after so long. */
const KUBELET_PERIOD_MS = 90_000;
/** A container that ends is started again after a while. */
const RESTART_PAUSE_MS = 10_000;

/** Applications refuse such a value of `flag`, and exit. */
export const isBad = (flag: string | undefined): boolean => flag?.startsWith('bad') === true;

export class Cluster {
  /** What every clock shows. */
  now = T0;
  readonly sources = new Map<string, Stored>();
  readonly workloads: readonly Deployed[];
  #made = 0;

  constructor(workloads: Readonly<Record<string, readonly string[]>>) {
    const names = new Set(Object.values(workloads).flat());
    for (const name of names) {
      this.sources.set(name, { uid: `uid-${name}`, content: { flag: 'a', hot: 'a' }, changedAt: T0 - 3_600_000 });
    }
    this.now -= 1_800_000;
    this.workloads = Object.entries(workloads).map(([name, sources]) => ({
      name,
      sources,
      replicas: 2,
      template: '1',
      annotation: undefined,
      generation: 1,
      paused: false,
      deadlineExceeded: false,
      pods: [],
    }));
    for (const workload of this.workloads) this.#fill(workload);
    this.now = T0;
  }

  workload(name: string): Deployed {
    const found = this.workloads.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no workload ${name}`);
    return found;
  }

  /** @returns whether anything has changed */
  edit(name: string, change: Content): boolean {
    const before = this.sources.get(name);
    if (before === undefined) throw new Error(`there is no source ${name}`);
    const content = { ...before.content, ...change };
    if (Object.entries(content).every(([key, text]) => before.content[key] === text)) return false;
    this.sources.set(name, { ...before, content, changedAt: this.now });
    return true;
  }

  /** Another template, or another annotation in it, is another revision: its pods are kept where some are there. */
  template(workload: Deployed, template: string, annotation: string | undefined): void {
    if (workload.template === template && workload.annotation === annotation) return;
    workload.template = template;
    workload.annotation = annotation;
    workload.generation += 1;
    workload.deadlineExceeded = false;
    if (workload.paused || workload.replicas === 0) return;
    // One pod more than there are to be, as a Deployment does it.
    if (!workload.pods.some(isPresent(workload))) this.#add(workload);
  }

  pause(workload: Deployed, paused: boolean): void {
    workload.paused = paused;
  }

  /** The rollout under way comes to its end, unless its containers do not run. */
  finish(workload: Deployed): void {
    if (workload.paused) return;
    this.#restartCrashed(workload);
    if (!workload.pods.some(isPresent(workload)) && workload.replicas > 0) this.#add(workload);
    if (workload.pods.filter(isPresent(workload)).some(isDown)) return;
    workload.pods = workload.pods.filter(isPresent(workload));
    this.#fill(workload);
    workload.deadlineExceeded = false;
  }

  /** It takes too long by the workload's own measure, whatever the reason. */
  exceedDeadline(workload: Deployed): void {
    if (!isRolledOut(workload)) workload.deadlineExceeded = true;
  }

  /** A container of a pod ends, and is started again: on what is there now. */
  crashContainer(workload: Deployed): void {
    const [pod] = workload.pods;
    if (pod !== undefined) this.#startContainer(pod);
  }

  scale(workload: Deployed, replicas: number): void {
    workload.replicas = replicas;
    workload.generation += 1;
    if (isRolledOut(workload) || replicas === 0) this.finish(workload);
  }

  /** What time brings about by itself. */
  pass(ms: number): void {
    this.now += ms;
    for (const workload of this.workloads) {
      if (ms >= RESTART_PAUSE_MS) this.#restartCrashed(workload);
      for (const pod of workload.pods) if (this.now - pod.filesAt >= KUBELET_PERIOD_MS) this.refresh(pod);
    }
  }

  /** The kubelet writes a pod's files. */
  refresh(pod: RunningPod): void {
    pod.files = this.#contents([...pod.started.keys()]);
    pod.filesAt = this.now;
  }

  /** When anything last got a time stamp: a clock that is put back behind it would tell a lie. */
  latestStamp(): number {
    return Math.max(
      ...[...this.sources.values()].map(({ changedAt }) => changedAt),
      ...this.workloads.flatMap(({ pods }) => pods.map(({ startedAt }) => startedAt)),
    );
  }

  #fill(workload: Deployed): void {
    workload.pods = workload.pods.slice(0, workload.replicas);
    while (workload.pods.length < workload.replicas) this.#add(workload);
  }

  #add(workload: Deployed): void {
    const contents = this.#contents(workload.sources);
    workload.pods.push({
      name: `${workload.name}-${(this.#made += 1)}`,
      revision: revisionOf(workload),
      startedAt: this.now,
      started: contents,
      files: contents,
      filesAt: this.now,
      restarts: 0,
    });
  }

  #restartCrashed(workload: Deployed): void {
    for (const pod of workload.pods.filter(isDown)) this.#startContainer(pod);
  }

  #startContainer(pod: RunningPod): void {
    pod.startedAt = this.now;
    pod.started = this.#contents([...pod.started.keys()]);
    pod.restarts += 1;
  }

  #contents(names: readonly string[]): Contents {
    return new Map([...this.sources].flatMap(([name, { content }]) => (names.includes(name) ? [[name, content]] : [])));
  }
}

const revisionOf = ({ template, annotation = '' }: Deployed): string => `${template}/${annotation}`;

export const isPresent =
  (workload: Deployed) =>
  ({ revision }: RunningPod): boolean =>
    revision === revisionOf(workload);

export const isDown = ({ started }: RunningPod): boolean => [...started.values()].some(({ flag }) => isBad(flag));

/** As the workload's controller counts it. */
export const isRolledOut = (workload: Deployed): boolean => {
  const { pods, replicas } = workload;
  const present = pods.filter(isPresent(workload));
  return present.length >= replicas && pods.length === present.length && !present.some(isDown);
};

/** What the API shows of a workload. */
export const shownWorkload = (workload: Deployed): Workload => {
  const { name, sources, template, annotation, generation, paused, replicas, pods } = workload;
  const parsed = parseRestartAnnotation(annotation, true);
  return aWorkload({
    name,
    uid: `uid-${name}`,
    uses: sources.flatMap((source) => [
      aUse({ source: { kind: 'ConfigMap', name: source } }),
      aUse({ source: { kind: 'ConfigMap', name: source }, key: 'flag', way: 'Args', optional: true }),
    ]),
    templateHash: template,
    ...(parsed !== undefined && { annotation: parsed }),
    ...(annotation !== undefined && { annotationValue: annotation }),
    rollout: deployment({
      generation,
      observedGeneration: generation,
      paused,
      replicas,
      status: {
        replicas: pods.length,
        updated: pods.filter(isPresent(workload)).length,
        available: pods.filter((pod) => !isDown(pod)).length,
      },
      ...(workload.deadlineExceeded && { deadlineExceeded: `${name} has timed out progressing` }),
    }),
  });
};

/** Its pods, as a look at them shows them: starts in whole seconds. */
export const shownPods = ({ pods }: Deployed): readonly Pod[] =>
  pods.map(({ name, startedAt }) => ({
    name,
    uid: name,
    containers: [{ name: 'main', startedAt: Math.floor(startedAt / 1_000) * 1_000 }],
  }));

export const reportsOf = ({ pods }: Deployed): readonly PodReport[] =>
  pods.map((pod) => {
    const restart = parseRestartAnnotation(pod.revision.slice(pod.revision.indexOf('/') + 1), true);
    const down = isDown(pod);
    return {
      name: pod.name,
      ...(restart !== undefined && { restart }),
      containers: [
        {
          name: 'main',
          state: down ? 'Waiting' : 'Running',
          ready: !down,
          restarts: pod.restarts,
          ...(down && { waiting: { reason: 'CrashLoopBackOff' }, end: { exitCode: 1, message: 'bad flag' } }),
        },
      ],
    };
  });
