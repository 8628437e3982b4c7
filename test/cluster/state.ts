import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isRoot } from './processes.ts';
import type { ProcessRef } from './processes.ts';

/** The checkout that this file is part of. */
export const CHECKOUT = resolve(import.meta.dirname, '../..');

const NAME = /^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/;

/** Where everything of one cluster lies. All paths are absolute. */
export interface Places {
  readonly name: string;
  /** Unique on this machine, even for clusters of the same name in two checkouts; names cgroups and sockets. */
  readonly id: string;
  /** The cluster's one folder. */
  readonly dir: string;
  readonly logs: string;
  readonly pki: string;
  readonly kubeconfigs: string;
  readonly etcdData: string;
  readonly stateFile: string;
  /** Held while a cluster is being started or removed; beside the folder, since it outlives it. */
  readonly lock: string;
  /** Short, because a unix socket's path ends at 107 bytes. */
  readonly runtimeDir: string;
  readonly controlSocket: string;
}

/** @param cluster a name (its folder is `.cluster/<name>` in the checkout) or the path of a folder. */
export function placesOf(cluster: string): Places {
  const dir = cluster.includes('/') ? resolve(cluster) : join(CHECKOUT, '.cluster', cluster);
  const name = basename(dir);
  if (!NAME.test(name)) {
    throw new Error(`cluster name "${name}" must be 1-30 lower-case letters, digits or dashes: choose another name`);
  }
  const id = `${name}-${createHash('sha256').update(dir).digest('hex').slice(0, 6)}`;
  const runtimeDir = join(isRoot() ? '/run' : tmpdir(), `reload-${id}`);
  return {
    name,
    id,
    dir,
    logs: join(dir, 'logs'),
    pki: join(dir, 'pki'),
    kubeconfigs: join(dir, 'kubeconfigs'),
    etcdData: join(dir, 'etcd'),
    stateFile: join(dir, 'cluster.json'),
    lock: `${dir}.lock`,
    runtimeDir,
    controlSocket: join(runtimeDir, 'control.sock'),
  };
}

export interface NodeState {
  readonly name: string;
  /** First process of the node's namespaces; whoever enters them goes by its id. */
  readonly holder: ProcessRef;
  /** Host end of the veth pair. */
  readonly link: string;
  /** The kubelet's root folder as the host sees it, mounts of the node's own mount namespace included. */
  readonly kubeletRoot: string;
}

/** What `cluster.json` holds: written by the supervisor, read by everyone else. */
export interface ClusterState {
  readonly name: string;
  readonly phase: 'starting' | 'ready' | 'broken';
  readonly supervisor: ProcessRef;
  /** Why it is broken: the component that ended and the tail of its log. */
  readonly reason?: string;
  readonly server?: string;
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly node?: NodeState;
}

/** The state as last written, or undefined when there is no such cluster. */
export function readState(places: Places): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(places.stateFile, 'utf8')) as ClusterState;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`can't read ${places.stateFile}: remove it and run cluster-down again`, { cause: error });
  }
}

/** Replaces the state in one step: a reader sees the old one or the new one. */
export function writeState(places: Places, state: ClusterState): void {
  mkdirSync(dirname(places.stateFile), { recursive: true });
  const next = `${places.stateFile}.next`;
  writeFileSync(next, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(next, places.stateFile);
}
