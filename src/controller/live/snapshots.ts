/** The contents that live objects were given with restarts, kept as immutable objects beside them. */

import { API_VERSION, RELOAD_POLICY } from '../../api/v1alpha1/names.ts';
import { snapshotName, type LiveObject } from '../../domain/live.ts';
import type { SourceId } from '../../domain/observed.ts';
import type { SourceKind } from '../../domain/selection.ts';
import { statusOf } from '../../runtime/errors.ts';
import type { LiveStore, Owner, RawContent, RawObject, SnapshotEntry, StoredPolicy } from '../ports.ts';

export interface Snapshots {
  /**
   * Keeps some content under the next number, which is returned. The present one is taken where it is the same; so are
   * snapshots of restarts that never began, since the process died or the server's answer was lost, and else they are
   * removed.
   */
  take(
    live: RawObject,
    policy: StoredPolicy,
    of: {
      readonly namespace: string;
      readonly source: SourceId;
      readonly content: RawContent;
      /** Not to be removed. */
      readonly needed: ReadonlySet<number>;
    },
    signal: AbortSignal,
  ): Promise<number>;
  content(object: LiveObject, namespace: string, number: number, signal: AbortSignal): Promise<RawContent | undefined>;
  /** Those that there are, the newest first. */
  numbers(object: LiveObject, namespace: string, signal: AbortSignal): Promise<readonly number[]>;
  /** Makes sure that the present one is there, and removes those that nobody needs; asks only once for each. */
  keep(
    live: LiveReference,
    policy: StoredPolicy,
    needs: {
      /** Not to be removed. */
      readonly needed: ReadonlySet<number>;
      /** Neither are these: asked for where something would be. */
      readonly good: () => Promise<ReadonlySet<number>>;
      readonly source: SourceId;
      readonly content: () => Promise<RawObject | undefined>;
    },
    signal: AbortSignal,
  ): Promise<void>;
}

interface LiveReference {
  readonly kind: SourceKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of the snapshot that it is of. */
  readonly number: number;
}

/** So many names in a row may be taken by objects of others. */
const MOST_TAKEN = 20;

export const createSnapshots = (store: LiveStore): Snapshots => {
  /** The numbers for which it was last made sure, by the live object's uid. */
  const kept = new Map<string, string>();

  const make = async (
    { kind, namespace, name, uid }: Pick<LiveReference, 'kind' | 'namespace' | 'name' | 'uid'>,
    policy: StoredPolicy,
    { number, source, content }: { readonly number: number; readonly source: SourceId; readonly content: RawContent },
    signal: AbortSignal,
  ): Promise<void> => {
    await store.create(
      {
        kind,
        namespace,
        name: snapshotName(name, number),
        content,
        rendered: { role: 'snapshot', source, snapshot: number },
      },
      owners({ kind, name, uid }, policy),
      signal,
    );
  };

  /** Somebody has an object of the snapshot's name that is none: it is left alone. */
  const isOfOthers = async (
    { kind, namespace, name }: Pick<LiveReference, 'kind' | 'namespace' | 'name'>,
    number: number,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const found = await store.get(kind, namespace, snapshotName(name, number), signal);
    return found !== undefined && (found.rendered?.role !== 'snapshot' || found.rendered.snapshot !== number);
  };

  return {
    take: async (live, policy, { source, content, needed }, signal) => {
      const known = await store.snapshots(live.kind, live.namespace, live.name, signal);
      const present = live.rendered?.snapshot ?? 0;
      for (const each of known.filter(({ number }) => number >= present)) {
        const found = await store.get(live.kind, live.namespace, each.name, signal);
        if (found?.rendered?.source === source && sameContent(found.content, content)) return each.number;
        if (each.number !== present && !needed.has(each.number))
          await store.remove(live.kind, live.namespace, each, signal);
      }
      const next = Math.max(present, ...known.map((each) => each.number)) + 1;
      for (let number = next; ; number++) {
        try {
          await make(live, policy, { number, source, content }, signal);
          return number;
        } catch (error) {
          const mayBeTaken = statusOf(error) === 409 && number < next + MOST_TAKEN;
          if (!mayBeTaken || !(await isOfOthers(live, number, signal))) throw error;
        }
      }
    },
    content: async ({ source: { kind }, name }, namespace, number, signal) => {
      const found = await store.get(kind, namespace, snapshotName(name, number), signal);
      return found?.rendered?.role === 'snapshot' ? found.content : undefined;
    },
    numbers: async ({ source: { kind }, name }, namespace, signal) =>
      (await store.snapshots(kind, namespace, name, signal)).map(({ number }) => number),
    keep: async (live, policy, { needed, good, source, content }, signal) => {
      const { kind, namespace, name, number } = live;
      const most = mostKept(kind, policy);
      const mark = `${number} ${most} ${[...needed].join(',')}`;
      if (kept.get(live.uid) === mark) return;
      const known = await store.snapshots(kind, namespace, name, signal);
      if (!known.some((each) => each.number === number)) {
        const raw = await content();
        if (raw !== undefined)
          await make(live, policy, { number, source, content: raw.content }, signal).catch((error: unknown) => {
            // Somebody else was faster, or has something of that name: it is looked for by its label.
            if (statusOf(error) !== 409) throw error;
          });
      }
      const removable = surplus(known, number, most, needed);
      const staying = removable.length === 0 || !mayGoBack(kind, policy) ? undefined : await good();
      const going = removable.filter((each) => staying?.has(each.number) !== true);
      for (const each of going) await store.remove(kind, namespace, each, signal);
      // What stays for a restart that is on its way goes when that has ended.
      if (going.length === removable.length) kept.set(live.uid, mark);
    },
  };
};

const sameContent = (a: RawContent, b: RawContent): boolean =>
  a.size === b.size &&
  [...a].every(([key, { field, value }]) => b.get(key)?.field === field && b.get(key)?.value === value);

/** Of Secrets nothing is kept to go back to, unless the policy wants it. */
const mayGoBack = (kind: SourceKind, { delivery }: Pick<StoredPolicy, 'delivery'>): boolean =>
  kind !== 'Secret' || delivery.rollbackSecrets;

const mostKept = (kind: SourceKind, { delivery, gates }: StoredPolicy): number => {
  if (!mayGoBack(kind, { delivery })) return 1;
  // Beside the one that is being rolled out there has to be one to go back to.
  return Math.max(delivery.snapshots, gates.onFailure === 'Rollback' ? 2 : 1);
};

/** Those later than the present one belong to restarts that never began. */
const surplus = (
  known: readonly SnapshotEntry[],
  present: number,
  most: number,
  needed: ReadonlySet<number>,
): readonly SnapshotEntry[] => {
  const staying = new Set(
    known
      .map(({ number }) => number)
      .filter((number) => number <= present)
      .slice(0, most),
  );
  return known.filter(({ number }) => number !== present && !needed.has(number) && !staying.has(number));
};

/** Both: a live object that somebody deletes must not take its snapshots along before it is put back. */
const owners = (
  live: { readonly kind: SourceKind; readonly name: string; readonly uid: string },
  policy: StoredPolicy,
): Owner[] => [
  { apiVersion: 'v1', kind: live.kind, name: live.name, uid: live.uid },
  { apiVersion: API_VERSION, kind: RELOAD_POLICY.kind, name: policy.name, uid: policy.uid },
];
