/**
 * A small cluster for random histories: sources, workloads that read them, their pods, and what rolls out. What is
 * done to it really happens here, so that a law can be held against what pods run on and not against what was planned.
 */

import type { Rendered } from '../../../src/controller/ports.ts';
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
  /** By source, the object that it reads in place of it: the source itself, or its live object. */
  readonly reads: ReadonlyMap<string, string>;
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
  /** By source, the live object that its template mounts in place of it. */
  readonly live: ReadonlyMap<string, string>;
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
  readonly version: number;
  readonly content: Content;
  readonly changedAt: number;
}

/** A live object or a snapshot. */
export interface Kept {
  readonly uid: string;
  readonly version: number;
  readonly content: Content;
  readonly rendered: Rendered;
}

/** A kubelet looks at a pod's volumes by itself, at the latest after so long. */
const KUBELET_PERIOD_MS = 90_000;
/** A container that ends is started again after a while. */
const RESTART_PAUSE_MS = 10_000;

/** Applications refuse such a value of `flag`, and exit. */
export const isBad = (flag: string | undefined): boolean => flag?.startsWith('bad') === true;

/** What a validation refuses. */
export const isInvalid = (text: string): boolean => text.startsWith('invalid');

export class Cluster {
  /** What every clock shows. */
  now = T0;
  readonly sources = new Map<string, Stored>();
  readonly objects = new Map<string, Kept>();
  readonly workloads: readonly Deployed[];
  #made = 0;

  /**
   * @param workloads sources by workload
   * @param live live objects by source; they are not there yet, and no pod runs before they are
   */
  constructor(workloads: Readonly<Record<string, readonly string[]>>, live: Readonly<Record<string, string>> = {}) {
    const names = new Set(Object.values(workloads).flat());
    for (const name of names) {
      const content = { flag: 'a', hot: 'a', ...(live[name] !== undefined && { twin: 'a' }) };
      this.sources.set(name, { uid: `uid-${name}`, version: 1, content, changedAt: T0 - 3_600_000 });
    }
    this.now -= 1_800_000;
    this.workloads = Object.entries(workloads).map(([name, sources]) => ({
      name,
      sources,
      live: new Map(Object.entries(live).filter(([source]) => sources.includes(source))),
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
    this.sources.set(name, { ...before, version: this.nextVersion(), content, changedAt: this.now });
    return true;
  }

  /** Of an object that is written, or a part of a name that nothing has had before. */
  nextVersion(): number {
    return (this.#made += 1);
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
    const contents = this.#contents(pod.reads);
    // Of an object that is gone a kubelet leaves what it has.
    if (contents === undefined) return;
    pod.files = contents;
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
    while (workload.pods.length < workload.replicas && this.#add(workload));
  }

  /** @returns false where what it mounts is not there: no container of it runs */
  #add(workload: Deployed): boolean {
    const reads = new Map(workload.sources.map((source) => [source, workload.live.get(source) ?? source]));
    const contents = this.#contents(reads);
    if (contents === undefined) return false;
    workload.pods.push({
      name: `${workload.name}-${this.nextVersion()}`,
      revision: revisionOf(workload),
      reads,
      startedAt: this.now,
      started: contents,
      files: contents,
      filesAt: this.now,
      restarts: 0,
    });
    return true;
  }

  #restartCrashed(workload: Deployed): void {
    for (const pod of workload.pods.filter(isDown)) this.#startContainer(pod);
  }

  #startContainer(pod: RunningPod): void {
    const contents = this.#contents(pod.reads);
    if (contents === undefined) return;
    pod.startedAt = this.now;
    pod.started = contents;
    pod.restarts += 1;
  }

  #contents(reads: ReadonlyMap<string, string>): Contents | undefined {
    const contents = new Map<string, Content>();
    for (const [source, name] of reads) {
      const object = this.sources.get(name) ?? this.objects.get(name);
      if (object === undefined) return undefined;
      contents.set(source, object.content);
    }
    return contents;
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
  const { name, sources, live, template, annotation, generation, paused, replicas, pods } = workload;
  const parsed = parseRestartAnnotation(annotation, true);
  return aWorkload({
    name,
    uid: `uid-${name}`,
    uses: sources.flatMap((source) => {
      const mounted = { kind: 'ConfigMap', name: live.get(source) ?? source } as const;
      return [aUse({ source: mounted }), aUse({ source: mounted, key: 'flag', way: 'Args', optional: true })];
    }),
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
