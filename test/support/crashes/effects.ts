/** Each effect of the operator: which request it is, what brings it about, and how the world is once it is through. */

import assert from 'node:assert/strict';
import { NUDGE_ANNOTATION } from '../../../src/api/v1alpha1/names.ts';
import { digestContent } from '../../../src/domain/digest.ts';
import type { SeenRequest } from '../interfering-proxy.ts';
import type { Pod, Stage } from '../stage.ts';
import { untilPasses } from '../wait.ts';

export interface Effect {
  readonly name: string;
  /** Sets the scene, before anything is interfered with. All that belongs to it has the scene's name. */
  prepare(stage: Stage, scene: string): Promise<void>;
  /** Whether a request is the effect. */
  matches(request: SeenRequest, scene: string): boolean;
  provoke(stage: Stage, scene: string): Promise<void>;
  /** Passes once everything is as it is to be in the end. */
  done(stage: Stage, scene: string): Promise<void>;
}

const RELOAD_API = '/apis/reload-operator.dev/v1alpha1';

const at =
  (method: string, path: string) =>
  (request: SeenRequest): boolean =>
    request.method === method && request.path.endsWith(path);

/** A Deployment that takes a key as a flag and mounts all of them, and a policy. */
const workloadOf = async (stage: Stage, scene: string, replicas: number): Promise<void> => {
  await stage.configMap({ flag: 'a', hot: 'a' }, scene);
  await stage.create({ name: scene, configMap: scene, replicas, flags: ['flag'] });
};

const policyOf = (stage: Stage, scene: string, onFailure: 'Report' | 'Undo' = 'Report'): Promise<void> =>
  stage.policy(
    {
      sources: [{ kind: 'ConfigMap', name: scene }],
      rules: [{ keys: ['hot'], class: 'Hot' }],
      restart: { debounce: '100ms', onFailure, ...(onFailure === 'Undo' && { progressTimeout: '1s' }) },
    },
    scene,
  );

const withoutPods = async (stage: Stage, scene: string): Promise<void> => {
  await workloadOf(stage, scene, 0);
  await policyOf(stage, scene);
  await stage.adopted(scene);
};

/** Of a rollout that can't get on, since there is no node. */
const withoutNode = async (stage: Stage, scene: string): Promise<void> => {
  await workloadOf(stage, scene, 1);
  await policyOf(stage, scene, 'Undo');
  await stage.adopted(scene);
};

const editFlag = (stage: Stage, scene: string): Promise<void> => stage.edit({ flag: 'b' }, scene);

/** Template changes since it was made. */
const generation = async (stage: Stage, scene: string): Promise<number> =>
  (await stage.workload(scene)).metadata.generation - 1;

const assertApplied = async (stage: Stage, scene: string, key: string, content: string): Promise<void> => {
  const { sources, failed, held } = await stage.record(scene);
  assert.equal(sources[0]?.keys[key], digestContent(content));
  assert.deepEqual([failed, held], [undefined, undefined]);
};

/** One restart, and no more; recorded, and said. */
const restartedOnce = async (stage: Stage, scene: string): Promise<void> => {
  await assertApplied(stage, scene, 'flag', 'b');
  assert.match((await stage.restartAnnotation(scene)) ?? '', /^v1\.1\./);
  assert.equal(await generation(stage, scene), 1);
  const { restart, restartTimes = [], history = [] } = await stage.record(scene);
  assert.deepEqual([restart?.n, restart?.phase, restartTimes.length], [1, 'Succeeded', 1]);
  assert.equal(history.filter(({ action }) => action === 'Restart').length, 1);
  const [rolledOut, ready] = [await stage.condition('RolledOut', scene), await stage.condition('Ready', scene)];
  assert.deepEqual([rolledOut?.reason, ready?.reason], ['NoReplicas', 'UpToDate']);
};

/** One restart, and one step back; the content that failed is left alone. */
const undoneOnce = async (stage: Stage, scene: string): Promise<void> => {
  assert.equal(await stage.restartAnnotation(scene), undefined);
  assert.equal(await generation(stage, scene), 2);
  const { restart, failed, sources } = await stage.record(scene);
  assert.equal(sources[0]?.keys['flag'], digestContent('a'));
  assert.deepEqual([restart?.n, failed?.n, failed?.undo?.phase], [1, 1, 'TimedOut']);
  const rolledOut = await stage.condition('RolledOut', scene);
  assert.deepEqual([rolledOut?.status, rolledOut?.reason], ['False', 'Undone']);
};

/**
 * Pods that are bound to a node which is nowhere, so that there is something to write to. Each to another one: the garbage
 * collector of pods takes away what is on a node that is not there, 40 s after it has first heard of that node.
 */
const bindPods = async (stage: Stage, scene: string): Promise<void> => {
  await untilPasses(
    async () => {
      const pods = await stage.pods(scene);
      assert.equal(pods.length, 1);
      for (const pod of pods) {
        await stage.api.request({
          method: 'POST',
          path: `${stage.path('/api/v1', 'pods', pod.metadata.name)}/binding`,
          body: {
            apiVersion: 'v1',
            kind: 'Binding',
            metadata: { name: pod.metadata.name },
            target: { apiVersion: 'v1', kind: 'Node', name: `nowhere-${stage.namespace}-${scene}` },
          },
        });
      }
    },
    { what: `the pod of ${scene}` },
  );
};

const nudges = async (stage: Stage, scene: string): Promise<readonly (string | undefined)[]> =>
  (
    await stage.list<Pod & { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }>(
      stage.path('/api/v1', 'pods'),
      { labelSelector: `app=${scene}` },
    )
  ).map(({ metadata }) => metadata.annotations?.[NUDGE_ANNOTATION]);

export const EFFECTS: readonly Effect[] = [
  {
    name: 'patch',
    prepare: withoutPods,
    matches: (request, scene) => at('PATCH', `/deployments/${scene}`)(request),
    provoke: editFlag,
    done: restartedOnce,
  },
  {
    name: 'intent',
    prepare: withoutNode,
    matches: (request, scene) =>
      at('PUT', `/reloadrecords/deployment-${scene}`)(request) && request.body.includes('"Intended"'),
    provoke: editFlag,
    done: undoneOnce,
  },
  {
    name: 'undo',
    prepare: withoutNode,
    matches: (request, scene) =>
      at('PATCH', `/deployments/${scene}`)(request) && !request.body.includes('restart-digest'),
    provoke: editFlag,
    done: undoneOnce,
  },
  {
    name: 'record-made',
    prepare: (stage, scene) => workloadOf(stage, scene, 0),
    matches: (request, scene) =>
      at('POST', '/reloadrecords')(request) && request.body.includes(`"deployment-${scene}"`),
    provoke: (stage, scene) => policyOf(stage, scene),
    done: async (stage, scene) => {
      await assertApplied(stage, scene, 'flag', 'a');
      assert.equal(await generation(stage, scene), 0);
      assert.equal((await stage.condition('Ready', scene))?.reason, 'UpToDate');
    },
  },
  {
    name: 'record-written',
    prepare: withoutPods,
    matches: (request, scene) => at('PUT', `/reloadrecords/deployment-${scene}`)(request),
    provoke: editFlag,
    done: restartedOnce,
  },
  {
    name: 'status',
    prepare: withoutPods,
    matches: (request, scene) => at('PATCH', `/reloadpolicies/${scene}/status`)(request),
    provoke: editFlag,
    done: restartedOnce,
  },
  {
    name: 'event',
    prepare: withoutPods,
    matches: (request, scene) => at('POST', '/events')(request) && request.body.includes(`"${scene}"`),
    provoke: editFlag,
    done: restartedOnce,
  },
  {
    name: 'request',
    prepare: async (stage, scene) => {
      await workloadOf(stage, scene, 0);
      await stage.policy(
        {
          sources: [{ kind: 'ConfigMap', name: scene }],
          rules: [{ keys: ['hot'], class: 'Hot' }],
          restart: { debounce: '100ms', approval: 'Manual' },
        },
        scene,
      );
      await stage.adopted(scene);
      await editFlag(stage, scene);
      await untilPasses(async () => assert.equal((await stage.record(scene)).held?.reason, 'ApprovalPending'), {
        what: `the change of ${scene} to wait`,
      });
    },
    matches: (request, scene) => at('PATCH', `/reloadrequests/${scene}/status`)(request),
    provoke: async (stage, scene) => {
      const { held } = await stage.record(scene);
      await stage.api.request({
        method: 'POST',
        path: stage.path(RELOAD_API, 'reloadrequests'),
        body: {
          apiVersion: 'reload-operator.dev/v1alpha1',
          kind: 'ReloadRequest',
          metadata: { name: scene },
          spec: { type: 'Approve', digest: held?.digest, workload: { kind: 'Deployment', name: scene } },
        },
      });
    },
    done: async (stage, scene) => {
      await restartedOnce(stage, scene);
      const request = await stage.get<{ readonly status?: { readonly phase?: string } }>(
        stage.path(RELOAD_API, 'reloadrequests', scene),
      );
      assert.equal(request.status?.phase, 'Done');
    },
  },
  {
    name: 'nudge',
    prepare: async (stage, scene) => {
      await workloadOf(stage, scene, 1);
      await bindPods(stage, scene);
      await policyOf(stage, scene);
      await stage.adopted(scene);
    },
    matches: (request, scene) =>
      request.method === 'PATCH' && new RegExp(`/pods/${scene}-[^/]+/status$`).test(request.path),
    provoke: (stage, scene) => stage.edit({ hot: 'b' }, scene),
    done: async (stage, scene) => {
      await assertApplied(stage, scene, 'hot', 'b');
      assert.equal(await generation(stage, scene), 0);
      assert.ok((await nudges(stage, scene)).every((value) => value !== undefined));
      assert.equal((await stage.condition('HotReloaded', scene))?.status, 'True');
    },
  },
];
