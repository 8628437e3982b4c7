/**
 * Deploys a controller with other parameters than it is shipped with, into a namespace of its own, and says what became
 * of it: it is ready, or it has failed as it should. How to use it: test/e2e/README.md.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { podReport, type ReportedPod } from '../../src/kube/pod-report.ts';
import { rolloutCause } from '../../src/domain/rollout-cause.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { deploymentOf, parameterized, type Manifest, type Parameters } from './parameters.ts';
import { Stage, type Pod } from './stage.ts';
import { eventually } from './wait.ts';

export type { Parameters } from './parameters.ts';

/** A controller as it is shipped. */
export interface Shipped {
  /** A folder with a kustomization: one Deployment of one container, and what it needs. */
  readonly folder: string;
  /** An image that the nodes have, or can pull. */
  readonly image: string;
  /** Kinds of its objects that are left out, such as `ReloadPolicy`. */
  readonly without?: readonly string[];
}

export interface Controller {
  /** Its namespace, and words to look around there with. */
  readonly stage: Stage;
  /** Of its Deployment. */
  readonly name: string;
  /** Applies it with these parameters. Called again, it changes what is there. */
  deploy(parameters?: Parameters): Promise<void>;
  /** Waits until the rollout is complete. @throws early, with their own words, where its containers keep ending */
  ready(): Promise<void>;
  /**
   * Waits until a container of it has ended by itself with an error. @throws where it becomes ready instead, or where what it
   * said is something else
   * @returns all that it said
   */
  failed(sentence: RegExp): Promise<string>;
  /** The pods of the present template. */
  pods(): Promise<readonly Pod[]>;
  /** Asks one of its pods, by way of the API server. @throws KubeError with the `status` where it is no 2xx */
  ask<T>(path: string, options?: AskOptions): Promise<T>;
}

export interface AskOptions {
  /** Posted; absent: GET. */
  readonly body?: unknown;
  /** Default 8080. */
  readonly port?: number;
  /** Default: any that is ready. */
  readonly pod?: Pod;
}

const READY_MS = 90_000;

type SeenPod = Pod &
  ReportedPod & {
    readonly metadata: { readonly ownerReferences?: readonly { readonly uid: string }[] };
  };

interface DeploymentView {
  readonly metadata: { readonly generation: number; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly replicas: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

/**
 * Tests that each have a controller in a namespace of their own, which goes with them, also when they fail. They may run
 * side by side: `describe('…', { concurrency: 3 }, …)`.
 */
export const controllerTests =
  (label: string, cluster: () => Cluster, shipped: Shipped) =>
  (name: string, test: (controller: Controller) => Promise<void>): void => {
    it(name, async () => {
      const stage = await Stage.open(cluster(), label);
      try {
        await test(await controllerOn(stage, shipped));
      } finally {
        await stage.end();
      }
    });
  };

const controllerOn = async (stage: Stage, { folder, image, without = [] }: Shipped): Promise<Controller> => {
  const rendered = await render(stage, folder);
  const manifests = rendered.filter(({ kind }) => !without.includes(kind));
  const { name } = deploymentOf(manifests).metadata;

  const deployment = (): Promise<DeploymentView> => stage.get(stage.workloadPath(name));
  /** A ReplicaSet's revision is its Deployment's where its pods are of the present template. */
  const presentPods = async (): Promise<readonly SeenPod[]> => {
    const { metadata, spec } = await deployment();
    const labelSelector = Object.entries(spec.selector.matchLabels)
      .map((pair) => pair.join('='))
      .join();
    const sets = await stage.list<{
      readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
    }>(stage.path('/apis/apps/v1', 'replicasets'), { labelSelector });
    const present = sets.find((set) => set.metadata.annotations?.[REVISION] === metadata.annotations?.[REVISION]);
    const pods = await stage.list<SeenPod>(stage.path('/api/v1', 'pods'), { labelSelector });
    return pods.filter(
      (pod) =>
        pod.metadata.deletionTimestamp === undefined &&
        (pod.metadata.ownerReferences ?? []).some(({ uid }) => uid === present?.metadata.uid),
    );
  };
  const isComplete = async (): Promise<boolean> => {
    const { metadata, spec, status = {} } = await deployment();
    const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
    if (observedGeneration < metadata.generation) return false;
    return [replicas, updatedReplicas, availableReplicas].every((count) => count === spec.replicas);
  };

  return {
    stage,
    name,
    deploy: async (parameters = {}) => {
      await stage.kubectl.apply(...parameterized(manifests, image, parameters));
    },
    ready: async () => {
      const crash = await eventually(
        async () => {
          if (await isComplete()) return { message: undefined };
          const seen = (await presentPods()).map(podReport);
          const cause = rolloutCause(seen, seen[0]?.restart, true);
          if (cause?.crashing === true) return cause;
          throw new Error(cause?.message ?? 'its pods are being made');
        },
        { what: `${name} to be ready`, timeoutMs: READY_MS, intervalMs: 200 },
      );
      assert.equal(crash.message, undefined, `${name} does not become ready`);
    },
    failed: async (sentence) => {
      const end = await eventually(
        async () => {
          const seen = await presentPods();
          const ended = seen.find((pod) => podReport(pod).containers.some(({ end }) => (end?.exitCode ?? 0) !== 0));
          if (ended !== undefined) return { said: await wordsOf(stage, ended) };
          return (await isComplete()) && { said: undefined };
        },
        { what: `${name} to fail`, timeoutMs: READY_MS, intervalMs: 200 },
      );
      if (end.said === undefined) assert.fail(`${name} is ready, but should have failed with ${String(sentence)}`);
      assert.match(end.said, sentence);
      return end.said;
    },
    pods: presentPods,
    ask: async (path, { body, port = 8080, pod } = {}) => {
      const target =
        pod ?? (await presentPods()).find(({ status }) => status?.containerStatuses?.every(({ ready }) => ready));
      if (target === undefined) throw new Error(`no pod of ${name} is ready`);
      return stage.api.request({
        method: body === undefined ? 'GET' : 'POST',
        path: `${stage.path('/api/v1', 'pods', target.metadata.name)}:${port}/proxy${path}`,
        ...(body !== undefined && { body }),
      });
    },
  };
};

const REVISION = 'deployment.kubernetes.io/revision';

/** What the containers of a pod left as their last words: the termination message, else the log of what has ended. */
const wordsOf = async (stage: Stage, pod: SeenPod): Promise<string> => {
  const messages = podReport(pod).containers.flatMap(({ end }) => end?.message ?? []);
  if (messages.length > 0) return messages.join('\n');
  const logs = ['-n', stage.namespace, 'logs', pod.metadata.name];
  return stage.kubectl.run([...logs, '--previous']).catch(() => stage.kubectl.run(logs));
};

/** The objects of a folder, in the stage's namespace, and what they say of each other with them. */
const render = async (stage: Stage, folder: string): Promise<readonly Manifest[]> => {
  const overlay = mkdtempSync(join(tmpdir(), 'controller-'));
  try {
    const resources = [relative(overlay, resolve(folder))];
    writeFileSync(join(overlay, 'kustomization.yaml'), JSON.stringify({ namespace: stage.namespace, resources }));
    const text = await stage.kubectl.run(['kustomize', overlay]);
    return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  } finally {
    rmSync(overlay, { recursive: true, force: true });
  }
};
