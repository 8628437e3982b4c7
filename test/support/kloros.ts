/** The sample kloros as tests see it: what its processes say of themselves, and edits of its env file. */

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Performance } from '../../config/samples/kloros/app/observation.ts';
import type { Search } from '../../config/samples/kloros/app/experiment.ts';
import type { Round } from '../../config/samples/kloros/app/round.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { eventually } from './wait.ts';
import type { Pod, Stage } from './stage.ts';

export const SAMPLE = 'config/samples/kloros';
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

const asking = (path: string): string =>
  `fetch('http://127.0.0.1:8080${path}').then((answer) => answer.text()).then(console.log)`;

/** What every process of a name answers, asked from within. */
export const askAll = async <T>(stage: Stage, path: string, name?: string): Promise<readonly T[]> =>
  Promise.all(
    (await podsOf(stage, name)).map(async (pod) => JSON.parse(await stage.exec(pod, 'node', '-e', asking(path))) as T),
  );

export const settingsOf = (stage: Stage): Promise<readonly Readonly<Record<string, string>>[]> =>
  askAll(stage, '/settings');

export const performanceOf = (stage: Stage): Promise<readonly Performance[]> =>
  askAll(stage, '/performance', 'kloros-observer');

export const loopOf = async ({ kubectl, namespace }: Pick<Stage, 'kubectl' | 'namespace'>): Promise<LoopState> =>
  JSON.parse(
    await kubectl.run(['-n', namespace, 'exec', 'deploy/kloros-loop', '--', 'node', '-e', asking('/')]),
  ) as LoopState;

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

interface Verified {
  readonly code: number | null;
  readonly stdout: string;
}

/** verify.sh as a user has it: with kubectl and its plugin in the PATH. */
export const runVerify = async (cluster: Cluster, namespace: string): Promise<Verified> => {
  const bin = mkdtempSync(join(tmpdir(), 'kloros-bin-'));
  try {
    symlinkSync(cluster.kubectl, join(bin, 'kubectl'));
    const plugin = join(bin, 'kubectl-reload');
    writeFileSync(plugin, `#!/bin/sh\nexec ${process.execPath} ${join(CHECKOUT, 'src/kubectl-reload.ts')} "$@"\n`);
    chmodSync(plugin, 0o755);
    const child = spawn(join(CHECKOUT, SAMPLE, 'verify.sh'), [namespace], {
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, KUBECONFIG: cluster.kubeconfig, HOME: '/nonexistent' },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 60_000,
    });
    const closed = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const [stdout, code] = await Promise.all([text(child.stdout), closed]);
    return { code, stdout };
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
};
