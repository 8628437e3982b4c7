import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureBinaries } from './binaries.ts';
import { runCommand } from './commands.ts';
import { ask, watchForBreakage } from './control.ts';
import { ensureBaseImages } from './images.ts';
import { withLock } from './lock.ts';
import { importArchive } from './node.ts';
import { pathOf, preflight } from './preflight.ts';
import { isAlive, refTo, tailOf } from './processes.ts';
import { placesOf, readState } from './state.ts';
import type { ClusterState, Places } from './state.ts';
import type { SupervisorMessage, SupervisorSpec } from './supervisor.ts';
import { tearDown } from './teardown.ts';

/** A running Kubernetes. */
export interface Cluster {
  readonly name: string;
  /** Its one folder; logs lie in `logs/`. */
  readonly dir: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** `https://host:port` */
  readonly server: string;
  /** Path of the kubectl that fits it. */
  readonly kubectl: string;
  readonly hasNode: boolean;
  readonly nodeName?: string;
  /** The kubelet's root folder as this host sees it (root only): `pods/<uid>/volumes/…` lies below. */
  readonly kubeletRoot?: string;
  /** SIGKILL. Resolves when the process is gone. */
  killApiServer(): Promise<void>;
  /** Starts it again at the same address. Resolves when it is ready. */
  startApiServer(): Promise<void>;
  /**
   * Compacts etcd at its current revision and restarts the API server (its watch cache would go on serving old
   * resource versions): watches and continue tokens from before then get 410.
   */
  compact(): Promise<void>;
  /** Imports an OCI or Docker archive into the node, for `imagePullPolicy: Never` or `IfNotPresent`. */
  importImage(archive: string): Promise<void>;
  /** Ends it and removes everything of it. Resolves when nothing is left. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** A name (folder `.cluster/<name>` in the checkout) or a folder's path. */
  readonly name: string;
  /** With a node (root on Linux), or the control plane only. */
  readonly node: boolean;
  /** The cluster ends when this process does, however it does. Without it, it stays up until it is stopped. */
  readonly ownerPid?: number;
  /** Takes progress and, later, news that a part of the cluster died. Default: standard error. */
  readonly log?: (line: string) => void;
  /** Added to kube-apiserver's own, as `--flag=value`. */
  readonly apiServerFlags?: readonly string[];
  /**
   * The controller manager keeps to the 20 requests a second that it comes with, as in most clusters, instead of 200:
   * for measurements. It is ready four seconds later.
   */
  readonly throttledControllers?: boolean;
}

const toStderr = (line: string): void => {
  console.error(line);
};

/**
 * Starts a cluster and waits until it serves; with a node, until that is Ready.
 * Builds what it needs first (minutes, once), and removes what a crashed one of the same name left.
 *
 * @throws when the machine lacks something, when one of that name is up, or with the log's tail of what failed.
 */
export async function startCluster(o: StartOptions): Promise<Cluster> {
  const { log = toStderr } = o;
  const places = placesOf(o.name);
  await preflight(o.node ? 'node' : 'control-plane', log);
  const binaries = await ensureBinaries(log);
  const images = o.node ? await ensureBaseImages(binaries, log) : [];
  await withLock(places.lock, async () => {
    const state = readState(places);
    if (state && isAlive(state.supervisor)) {
      throw new Error(`cluster ${places.name} is already up: use it, or stop it with cluster-down`);
    }
    if (await tearDown(places)) log(`removed what an earlier cluster ${places.name} had left`);
    await startSupervisor(places, log, {
      dir: places.dir,
      node: o.node,
      binaries,
      images,
      apiServerFlags: o.apiServerFlags ?? [],
      throttledControllers: o.throttledControllers ?? false,
      ...(o.ownerPid !== undefined && { owner: refTo(o.ownerPid) }),
    });
  });
  return attach(places, log);
}

/**
 * Attaches to a running cluster, from any process.
 *
 * @throws when there is none of that name, when it is still starting, or when a part of it died.
 */
export async function openCluster(name: string, log: (line: string) => void = toStderr): Promise<Cluster> {
  const places = placesOf(name);
  const cluster = attach(places, log);
  await ask(places.controlSocket, 'ping', 10_000);
  return cluster;
}

/** The state of a cluster whose supervisor runs; undefined when it is down. */
export function findCluster(name: string): ClusterState | undefined {
  const state = readState(placesOf(name));
  return state && isAlive(state.supervisor) ? state : undefined;
}

let started = 0;

/**
 * The cluster that a test file uses: with `CLUSTER=current` the one of the user's KUBECONFIG, with `RELOAD_CLUSTER`
 * (a name) a running one that the test run shares, else one of its own that ends with this process.
 * `stop` leaves the first two alone.
 */
export async function clusterForTests(o: { node: boolean }): Promise<Cluster> {
  const env = process.env;
  if (env['CLUSTER'] === 'current') return currentCluster();
  const shared = env['RELOAD_CLUSTER'];
  if (shared !== undefined && shared !== '') {
    const cluster = await openCluster(shared);
    if (o.node && !cluster.hasNode)
      throw new Error(`cluster ${shared} has no node, which this test needs: start one with a node`);
    return { ...cluster, stop: () => Promise.resolve() };
  }
  return throwawayCluster(o);
}

/**
 * A cluster of its own that ends with this process: for tests that kill parts of it, or must not share it.
 * Tests that need one can't run with `CLUSTER=current`: skip them there.
 */
export async function throwawayCluster(o: {
  node: boolean;
  log?: (line: string) => void;
  apiServerFlags?: readonly string[];
}): Promise<Cluster> {
  started += 1;
  return startCluster({ ...o, name: `test-${process.pid}-${started}`, ownerPid: process.pid });
}

async function startSupervisor(places: Places, log: (line: string) => void, spec: SupervisorSpec): Promise<void> {
  mkdirSync(places.logs, { recursive: true });
  const logFile = join(places.logs, 'supervisor.log');
  const output = openSync(logFile, 'a');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts'), JSON.stringify(spec)], {
    cwd: places.dir,
    detached: true,
    env: supervisorEnv(),
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  await untilUp(child, logFile, log);
  child.disconnect();
  child.unref();
}

/** PATH with root's folders, for containerd finds runc by it; nothing of a test runner that started us. */
function supervisorEnv(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, PATH: path = '', ...rest } = process.env;
  return { ...rest, PATH: [path, '/usr/sbin', '/sbin'].join(delimiter) };
}

function untilUp(child: ChildProcess, logFile: string, log: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`the cluster's supervisor ended while starting; the end of ${logFile}:\n${tailOf(logFile)}`));
    });
    child.on('message', (message: SupervisorMessage) => {
      if ('progress' in message) log(message.progress);
      else if ('ready' in message) resolve();
      else reject(new Error(message.failed));
    });
  });
}

function attach(places: Places, log: (line: string) => void): Cluster {
  const state = readState(places);
  if (!state || !isAlive(state.supervisor)) {
    throw new Error(`there is no running cluster ${places.name}: start it with "node test/cluster/main.ts up"`);
  }
  if (state.phase === 'broken') throw new Error(`cluster ${places.name} is broken: ${state.reason ?? 'no reason'}`);
  const { server, node } = state;
  if (server === undefined) throw new Error(`cluster ${places.name} is still starting: wait until it is up`);
  const operate = (operation: 'killApiServer' | 'startApiServer' | 'compact') => () =>
    ask(places.controlSocket, operation);
  watchForBreakage(places.controlSocket, (reason) => {
    log(`cluster ${places.name} is broken: ${reason}`);
  });
  return {
    name: places.name,
    dir: places.dir,
    kubeconfig: state.kubeconfig,
    server,
    kubectl: state.kubectl,
    hasNode: node !== undefined,
    ...(node && { nodeName: node.name, kubeletRoot: node.kubeletRoot }),
    killApiServer: operate('killApiServer'),
    startApiServer: operate('startApiServer'),
    compact: operate('compact'),
    importImage: async (archive) => {
      if (!node) throw new Error(`cluster ${places.name} has no node to import ${archive} into: start it with a node`);
      await importArchive(node.holder.pid, archive);
    },
    stop: () => stopCluster(places.dir).then(() => undefined),
  };
}

/** Stops a cluster in whatever state it is, and removes everything of it. @returns whether there was one. */
export async function stopCluster(name: string): Promise<boolean> {
  const places = placesOf(name);
  return withLock(places.lock, () => tearDown(places));
}

/** The cluster that the user's kubectl talks to. It is theirs: nothing in it can be killed, compacted or stopped. */
async function currentCluster(): Promise<Cluster> {
  const kubectl = pathOf('kubectl');
  if (kubectl === undefined) throw new Error('CLUSTER=current needs kubectl, which is not in your PATH: install it');
  const kubeconfig = process.env['KUBECONFIG'] ?? join(homedir(), '.kube/config');
  if (!existsSync(kubeconfig)) {
    throw new Error(`CLUSTER=current: there is no kubeconfig at ${kubeconfig}: set KUBECONFIG to one file`);
  }
  const view = ['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}'];
  const server = await runCommand(kubectl, ['--kubeconfig', kubeconfig, ...view]);
  const refuse = (what: string) => (): Promise<never> =>
    Promise.reject(new Error(`can't ${what} of your own cluster: unset CLUSTER to test on a throwaway one`));
  return {
    name: 'current',
    dir: '',
    kubeconfig,
    server,
    kubectl,
    hasNode: true,
    killApiServer: refuse('kill the API server'),
    startApiServer: refuse('start the API server'),
    compact: refuse('compact the store'),
    importImage: refuse('import images into the nodes'),
    stop: () => Promise.resolve(),
  };
}
