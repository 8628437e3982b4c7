/** The samples of config/samples on a node: applied as a user would, and asked over HTTP as their clients would. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { BuiltImage } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';
import type { Pod, Stage } from './stage.ts';
import { eventually } from './wait.ts';

type Log = (line: string) => void;

const log: Log = (line) => {
  console.error(line);
};

export interface SampleOptions {
  /** The folder below config/samples; its Deployment has the same name. */
  readonly name: string;
  /** What builds the image that stands in for one of the manifests, without the tag. On the user's cluster, none does. */
  readonly images: Readonly<Record<string, (log: Log) => Promise<BuiltImage>>>;
}

export interface Sample {
  /** Its pods that are not going. */
  pods(): Promise<readonly Pod[]>;
  /** Equal means that no pod was replaced, and no container restarted. */
  incarnations(): Promise<readonly string[]>;
  /** The answers of all pods at a port and path, as JSON. */
  ask(port: number, path: string, body?: unknown): Promise<readonly unknown[]>;
  /** The same where the answer is text. */
  askText(port: number, path: string): Promise<readonly string[]>;
  /** What a container has logged, in all pods. */
  logs(container: string): Promise<string>;
}

/** Applies a sample and waits until its pods are ready, and until the operator has adopted them. */
export const applySample = async (stage: Stage, { name, images }: SampleOptions): Promise<Sample> => {
  const { cluster, kubectl, namespace } = stage;
  const manifests = await kubectl.run(['kustomize', join(CHECKOUT, 'config/samples', name)]);
  const input = cluster.name === 'current' ? manifests : await withImages(stage, manifests, images);
  await kubectl.run(['apply', '-n', namespace, '-f', '-'], { input });
  const sample = sampleOn(stage, name);
  await kubectl.run(['-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=120s'], {
    timeoutMs: 130_000,
  });
  await stage.adopted(name);
  return sample;
};

/** Puts images on the node, each under a name that its content does not share with another. */
const withImages = async (stage: Stage, manifests: string, images: SampleOptions['images']): Promise<string> => {
  const named = [...new Set(manifests.match(/(?<=^[ -]*image: ).*$/gm))];
  let result = manifests;
  for (const image of named) {
    const build = images[image.replace(/:[^:/]*$/, '')];
    assert.ok(build, `nothing builds the image ${image}`);
    const { name, archive } = await build(log);
    await stage.cluster.importImage(archive);
    result = result.replaceAll(`image: ${image}`, `image: ${name}`);
  }
  return result;
};

const sampleOn = (stage: Stage, name: string): Sample => {
  const { kubectl, namespace } = stage;
  const labelSelector = `app.kubernetes.io/name=${name}`;
  const proxied = (pod: Pod, port: number, path: string): string =>
    `${stage.path('/api/v1', 'pods', `${pod.metadata.name}:${port}`)}/proxy${path}`;
  const pods = async (): Promise<readonly Pod[]> => {
    const all = await stage.list<Pod>(stage.path('/api/v1', 'pods'), { labelSelector });
    return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  return {
    pods,
    incarnations: async () =>
      (await pods())
        .map(({ metadata, status }) => {
          const restarts = (status?.containerStatuses ?? []).map(({ restartCount }) => restartCount);
          return `${metadata.uid} ${restarts.join(',')}`;
        })
        .sort(),
    ask: async (port, path, body) =>
      Promise.all(
        (await pods()).map((pod) =>
          stage.api.request({
            method: body === undefined ? 'GET' : 'POST',
            path: proxied(pod, port, path),
            ...(body !== undefined && { body }),
          }),
        ),
      ),
    askText: async (port, path) =>
      Promise.all((await pods()).map((pod) => kubectl.run(['get', '--raw', proxied(pod, port, path)]))),
    logs: (container) =>
      kubectl.run(['-n', namespace, 'logs', '-l', labelSelector, '-c', container, '--tail=-1', '--prefix']),
  };
};

/** Waits until all pods answer so. */
export const untilAnswers = async (
  ask: () => Promise<readonly unknown[]>,
  expected: unknown,
  what: string,
): Promise<void> => {
  await eventually(
    async () => {
      const answers = await ask();
      assert.ok(answers.length > 0);
      for (const answer of answers) assert.deepEqual(answer, expected);
      return true;
    },
    { what, timeoutMs: LONGEST_MS, intervalMs: 50 },
  );
};

/** Left to itself, the kubelet looks at a pod's files 60 to 90 s after its start: what is nudged never comes near that. */
const LONGEST_MS = 15_000;
