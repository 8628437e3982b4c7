/** The API server as far as live objects and their snapshots go, in the small cluster. */

import type { LiveStore, NewObject, RawContent, RawObject, Rendered } from '../../../src/controller/ports.ts';
import { snapshotName } from '../../../src/domain/live.ts';
import type { Content } from '../builders.ts';
import type { Cluster, Kept } from './cluster.ts';

/** What is written by itself, so that a process may end right before it and right after it. */
export type Write = 'Snapshot' | 'Live' | 'Record';

export interface Writing {
  /** Does it, unless something goes wrong before or after. */
  readonly guard: (what: Write, write: () => void) => void;
  /** Is told right before a live object gets other content, or is made. */
  readonly witness: (name: string, content: Content, rendered: Rendered) => void;
}

const rawOf = (content: Content): RawContent =>
  new Map(Object.entries(content).map(([key, value]) => [key, { field: 'data', value }]));

const textOf = (raw: RawContent): Content => Object.fromEntries([...raw].map(([key, { value }]) => [key, value]));

/** As the server answers what can't be. */
class Conflict extends Error {
  readonly status = 409;
}

export const createLiveStore = (cluster: Cluster, { guard, witness }: Writing): LiveStore => {
  const { objects, sources } = cluster;

  const read = (namespace: string, name: string): RawObject | undefined => {
    const found = sources.get(name) ?? objects.get(name);
    if (found === undefined) return undefined;
    const { uid, version, content } = found;
    const object = { kind: 'ConfigMap', namespace, name, uid, resourceVersion: String(version) } as const;
    return { ...object, content: rawOf(content), ...('rendered' in found && { rendered: found.rendered }) };
  };

  const write = (object: NewObject, uid?: string): RawObject => {
    const { namespace, name, rendered } = object;
    const content = textOf(object.content);
    guard(rendered.role === 'live' ? 'Live' : 'Snapshot', () => {
      if (rendered.role === 'live') witness(name, content, rendered);
      const version = cluster.nextVersion();
      objects.set(name, { uid: uid ?? `uid-${name}-${version}`, version, content, rendered });
    });
    const written = read(namespace, name);
    if (written === undefined) throw new Error(`${name} is gone`);
    return written;
  };

  const refuse = (why: string): never => {
    throw new Conflict(why);
  };

  return {
    get: (_kind, namespace, name) => Promise.resolve(read(namespace, name)),
    snapshots: (_kind, _namespace, live) =>
      Promise.resolve(
        [...objects]
          .flatMap(([name, { uid, version, rendered }]) => {
            const { role, snapshot: number = 0, source } = rendered;
            if (role !== 'snapshot' || name !== snapshotName(live, number)) return [];
            return [{ name, uid, resourceVersion: String(version), number, ...(source !== undefined && { source }) }];
          })
          .sort((a, b) => b.number - a.number),
      ),
    create: async (object) => {
      await Promise.resolve();
      return objects.has(object.name) ? refuse(`${object.name} is there already`) : write(object);
    },
    replace: async ({ kind, namespace, name, uid, resourceVersion }, content, rendered) => {
      await Promise.resolve();
      return read(namespace, name)?.resourceVersion === resourceVersion
        ? write({ kind, namespace, name, content, rendered }, uid)
        : refuse(`${name} is another by now`);
    },
    remove: async (_kind, _namespace, { name, uid }) => {
      await Promise.resolve();
      if (objects.get(name)?.uid === uid) objects.delete(name);
    },
  };
};

/** What a snapshot of a live object holds; undefined: there is none of that number. */
export const snapshotOf = ({ objects }: Cluster, live: string, number: number): Kept | undefined =>
  objects.get(snapshotName(live, number));
