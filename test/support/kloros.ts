/** The sample kloros as tests see it: what its processes say of themselves, and edits of its env file. */

import type { Performance } from '../../config/samples/kloros/app/observation.ts';
import type { Search } from '../../config/samples/kloros/app/experiment.ts';
import type { Round } from '../../config/samples/kloros/app/round.ts';
import { eventually } from './wait.ts';
import type { Pod, Stage } from './stage.ts';

const CONFIG_MAP = 'kloros';
const KEY = '.kloros_env';
const CONFLICT = /object has been modified/;

export interface LoopState {
  readonly enabled: boolean;
  readonly search: Search;
  readonly rounds: readonly Round[];
}

/** Its processes that are not going: observers and the loop, or those of one name. */
export const podsOf = async (stage: Stage, name?: string): Promise<readonly Pod[]> => {
  const labelSelector = name === undefined ? 'app.kubernetes.io/part-of=kloros' : `app.kubernetes.io/name=${name}`;
  const pods = await stage.list<Pod>(stage.path('/api/v1', 'pods'), { labelSelector });
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
};

/** Names the running containers: equal means that nothing was replaced or restarted. */
export const incarnationsOf = async (stage: Stage): Promise<readonly string[]> =>
  (await podsOf(stage))
    .map(
      ({ metadata, status }) =>
        `${metadata.uid} ${(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount).join(',')}`,
    )
    .sort();

/** What one process answers, asked from within. */
export const ask = async <T>(stage: Stage, pod: Pod, path: string): Promise<T> => {
  const script = `fetch('http://127.0.0.1:8080${path}').then((answer) => answer.text()).then(console.log)`;
  return JSON.parse(await stage.exec(pod, 'node', '-e', script)) as T;
};

/** What every process of a name answers. */
export const askAll = async <T>(stage: Stage, path: string, name?: string): Promise<readonly T[]> =>
  Promise.all((await podsOf(stage, name)).map((pod) => ask<T>(stage, pod, path)));

export const settingsOf = (stage: Stage): Promise<readonly Readonly<Record<string, string>>[]> =>
  askAll(stage, '/settings');

export const performanceOf = (stage: Stage): Promise<readonly Performance[]> =>
  askAll(stage, '/performance', 'kloros-observer');

export const loopOf = async (stage: Stage): Promise<LoopState> => {
  const [state] = await askAll<LoopState>(stage, '/', 'kloros-loop');
  if (state === undefined) throw new Error('the loop has no pod');
  return state;
};

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data: Readonly<Record<string, string>>;
}

export const envFileOf = async (stage: Stage): Promise<string> =>
  (await stage.get<ConfigMap>(stage.path('/api/v1', 'configmaps', CONFIG_MAP))).data[KEY] ?? '';

/** Changes the env file as somebody with an editor would, while the loop may write it, too. */
export const editEnvFile = async (stage: Stage, change: (text: string) => string): Promise<void> => {
  const path = stage.path('/api/v1', 'configmaps', CONFIG_MAP);
  await eventually(
    async () => {
      const { metadata, data } = await stage.get<ConfigMap>(path);
      const { resourceVersion } = metadata;
      try {
        return await stage.patch(path, { metadata: { resourceVersion }, data: { [KEY]: change(data[KEY] ?? '') } });
      } catch (error) {
        if (error instanceof Error && CONFLICT.test(error.message)) return undefined;
        throw error;
      }
    },
    { what: 'an edit of the env file' },
  );
};
