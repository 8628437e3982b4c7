import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupOf } from '../cluster/cgroups.ts';
import { findCluster } from '../cluster/cluster.ts';
import { childrenOf, isAlive, refTo } from '../cluster/processes.ts';
import type { ProcessRef } from '../cluster/processes.ts';
import { placesOf } from '../cluster/state.ts';
import type { ClusterState, Places } from '../cluster/state.ts';
import { eventually } from './wait.ts';

export interface OwnedCluster {
  /** A process whose cluster it is; ending it ends the cluster. */
  readonly owner: ChildProcess;
  readonly places: Places;
  readonly state: ClusterState;
  readonly processes: readonly ProcessRef[];
}

let started = 0;

/** Starts a cluster from another process, so that a test can kill its caller. */
export async function startOwnedCluster({ node }: { node: boolean }): Promise<OwnedCluster> {
  started += 1;
  const name = `owned-${process.pid}-${started}`;
  const script = `
    import { startCluster } from ${JSON.stringify(join(import.meta.dirname, '../cluster/cluster.ts'))};
    await startCluster({ name: ${JSON.stringify(name)}, node: ${node}, ownerPid: process.pid });
    setInterval(() => {}, 60_000);
  `;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
  // A test that fails half-way neither waits for it nor leaves it behind.
  owner.unref();
  process.once('exit', () => owner.kill('SIGKILL'));
  const state = await eventually(
    () => {
      if (owner.exitCode !== null) throw new Error(`the owner of cluster ${name} ended with ${owner.exitCode}`);
      const found = findCluster(name);
      return found?.phase === 'ready' ? found : undefined;
    },
    { what: `cluster ${name} to be up`, timeoutMs: 120_000 },
  );
  const processes = [state.supervisor, ...childrenOf(state.supervisor.pid).map(refTo)];
  return { owner, places: placesOf(name), state, processes };
}

/** Processes, folders, sockets and cgroups are gone. */
export async function untilNothingIsLeft(places: Places, state: ClusterState): Promise<void> {
  await eventually(
    () => {
      const refs = [state.supervisor, ...(state.node ? [state.node.holder] : [])];
      const folders = [places.dir, places.runtimeDir, ...cgroupFolders(places.id)];
      const left = [
        ...refs.filter(isAlive).map(({ pid }) => `process ${pid}`),
        ...folders.filter((f) => existsSync(f)),
      ];
      if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
      return true;
    },
    { what: `cluster ${places.name} to leave nothing behind`, timeoutMs: 120_000 },
  );
}

function cgroupFolders(id: string): string[] {
  return ['', 'cpu', 'memory', 'pids', 'devices'].map((hierarchy) => join('/sys/fs/cgroup', hierarchy, cgroupOf(id)));
}
