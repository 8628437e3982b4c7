/**
 * Managed delivery (design law 6): workloads mount live objects, which the operator renders from sources. Decisions speak
 * of sources alone: what a workload reads of a live object counts as read of its source.
 */

import { comparable, type Digest } from './digest.ts';
import { sourceId, type Observed, type Policy, type SourceId, type Workload } from './observed.ts';
import { binds, type WorkloadKind } from './selection.ts';
import { keyOfUnit } from './units.ts';

/** What keeps a live object from being rendered. */
export interface LiveTrouble {
  readonly reason: 'NotOurs' | 'Contested' | 'Forbidden' | 'LiveMissing' | 'TooLarge' | 'Error';
  readonly message: string;
}

interface Named {
  readonly name: string;
  readonly trouble?: LiveTrouble;
}

/** A live object, as it is. */
export type Live = Named &
  (
    | {
        readonly state: 'Present';
        readonly uid: string;
        readonly resourceVersion: string;
        /** As they would be if its content were the source's: MACs of Secrets go over the source's name. */
        readonly keys: ReadonlyMap<string, Digest>;
        /** The number of the snapshot that it is rendered from. */
        readonly snapshot?: number;
        /** It carries our label. */
        readonly ours: boolean;
      }
    /** A watch or a 404 said so. */
    | { readonly state: 'Missing' }
    /** Nothing is known: not read yet, or reading failed. */
    | { readonly state: 'Unknown'; readonly message?: string }
  );

export type LiveObject = Policy['delivery']['objects'][number];

export const liveId = ({ source, name }: LiveObject): SourceId => sourceId({ kind: source.kind, name });

/** The objects that policies render for a workload. */
export const liveObjectsFor = (
  policies: readonly Pick<Policy, 'delivery'>[],
  workload: { readonly kind: WorkloadKind; readonly name: string },
): readonly LiveObject[] =>
  policies.flatMap(({ delivery }) =>
    delivery.objects.filter(({ workloads }) =>
      workloads.some(({ kind, name }) => kind === workload.kind && name === workload.name),
    ),
  );

/** Those of some sources of which no earlier content may be delivered again: Secrets, unless their policy says so. */
export const keptSecrets = (
  policies: readonly Pick<Policy, 'delivery'>[],
  of: { has(id: SourceId): boolean },
): readonly SourceId[] =>
  policies
    .filter(({ delivery }) => !delivery.rollbackSecrets)
    .flatMap(({ delivery }) =>
      delivery.objects.flatMap(({ source }) =>
        source.kind === 'Secret' && of.has(sourceId(source)) ? [sourceId(source)] : [],
      ),
    );

/**
 * The workload with its uses of live objects told as uses of their sources; the same one where there are none. An object
 * that several policies render is the first one's, by name.
 */
export const throughLive = <T extends Pick<Workload, 'kind' | 'name' | 'uses' | 'live'>>(
  workload: T,
  policies: readonly Pick<Policy, 'name' | 'delivery'>[],
): T => {
  if (policies.every(({ delivery }) => delivery.objects.length === 0)) return workload;
  const lastFirst = [...policies].sort((a, b) => (a.name < b.name ? 1 : -1));
  const sources = new Map(liveObjectsFor(lastFirst, workload).map((object) => [liveId(object), object.source]));
  if (sources.size === 0) return workload;
  const live = new Map<SourceId, SourceId>();
  const uses = workload.uses.map((use) => {
    const source = sources.get(sourceId(use.source));
    if (source === undefined) return use;
    live.set(sourceId(use.source), sourceId(source));
    return { ...use, source };
  });
  return live.size === 0 ? workload : { ...workload, uses, live };
};

/** Whether a policy binds a workload, as it is in the API: one that reads a live object of the policy's reads its source. */
export const bindsThroughLive = (
  policy: Pick<Policy, 'name' | 'workloads' | 'sources' | 'delivery'>,
  workload: Pick<Workload, 'kind' | 'name' | 'labels' | 'uses'>,
): boolean => binds(policy, throughLive(workload, [policy]));

/** The live object that a workload reads in place of a source; undefined: it reads the source itself. */
export const liveOf = ({ live }: Pick<Observed, 'live'>, id: SourceId): Live | undefined => live?.get(id);

/** What was applied of a source that nothing is recorded of: what its live object holds is (design law 6). */
export const liveBaseline = (observed: Observed, id: SourceId): ReadonlyMap<string, Digest> | undefined => {
  const live = liveOf(observed, id);
  return live?.state === 'Present' && live.ours ? live.keys : undefined;
};

/** Whether a source is read by way of a live object of which nothing can be said yet that could be held against its digests. */
export const isLiveUnread = (observed: Observed, id: SourceId, keys: ReadonlyMap<string, Digest>): boolean => {
  const live = liveOf(observed, id);
  return live?.state === 'Unknown' || (live?.state === 'Present' && live.ours && !comparable(live.keys, keys));
};

/** Whether pods that read a key find in it what its source holds. */
export const hasArrived = (observed: Observed, id: SourceId, key: string): boolean => {
  const live = liveOf(observed, id);
  if (live === undefined) return true;
  const source = observed.sources.get(id);
  return (
    live.state === 'Present' && live.ours && source?.state === 'Present' && live.keys.get(key) === source.keys.get(key)
  );
};

/** A live object of a policy that another one renders, which comes first by name. */
export interface Claim {
  readonly object: LiveObject;
  /** The object as that one describes it. */
  readonly theirs: LiveObject;
  /** Name of the policy that renders it. */
  readonly by: string;
}

export const claimWords = ({ object: { name, source }, by }: Claim): string =>
  `${source.kind} ${name} is rendered by ReloadPolicy ${by}, which comes first by name: give one of the two another name in delivery.objects, or take it out of one of the policies`;

/**
 * What an object that another policy renders means for a workload that reads it by this one: nothing, where it is
 * rendered from the same source, and with a view to that workload.
 */
export const claimTrouble = (
  claim: Claim,
  workload: { readonly kind: WorkloadKind; readonly name: string },
): LiveTrouble | undefined => {
  const { object, theirs } = claim;
  const isSame = sourceId(object.source) === sourceId(theirs.source);
  const isSeen = theirs.workloads.some(({ kind, name }) => kind === workload.kind && name === workload.name);
  return isSame && isSeen ? undefined : { reason: 'NotOurs', message: claimWords(claim) };
};

/** The first thing that keeps the live objects of a workload from being rendered. @param counts which things are asked about */
export const liveTrouble = (
  { live }: Pick<Observed, 'live'>,
  counts: (trouble: LiveTrouble) => boolean = () => true,
): LiveTrouble | undefined => {
  for (const { trouble } of live?.values() ?? []) if (trouble !== undefined && counts(trouble)) return trouble;
  return undefined;
};

/** Where the content of a key of a live object is to come from. */
export type Origin = 'Source' | 'Live' | 'Snapshot';

export interface Rendering {
  readonly source: ReadonlyMap<string, Digest>;
  /** Undefined: there is no live object. */
  readonly live: ReadonlyMap<string, Digest> | undefined;
  /** The snapshot that the object is to be of. Undefined: it is not known, or there is none. */
  readonly snapshot: ReadonlyMap<string, Digest> | undefined;
  /** Another snapshot than the live object is of. */
  readonly moves: boolean;
  /** Keys that may not have the source's content yet, and which content of theirs pods may have; '': no such key. */
  readonly held: ReadonlyMap<string, ReadonlySet<Digest | ''>>;
}

/**
 * What a live object is to hold, key by key; a key that is not in it is not to be there. A key that is not held is the
 * source's at once. A held one is of the snapshot; it is left as it is where pods may have just that.
 */
export const desiredLive = ({ source, live, snapshot, moves, held }: Rendering): ReadonlyMap<string, Origin> => {
  const desired = new Map<string, Origin>();
  for (const key of new Set([...source.keys(), ...(live?.keys() ?? []), ...(snapshot?.keys() ?? []), ...held.keys()])) {
    const accepted = held.get(key);
    const origin = accepted === undefined ? fromSource(source, key) : ofHeld({ live, snapshot, moves }, key, accepted);
    if (origin !== undefined) desired.set(key, origin);
  }
  // With neither a live object nor a snapshot there is nothing that could be kept.
  if (live === undefined && snapshot === undefined) for (const key of source.keys()) desired.set(key, 'Source');
  return desired;
};

const fromSource = (source: Rendering['source'], key: string): Origin | undefined =>
  source.has(key) ? 'Source' : undefined;

const ofHeld = (
  { live, snapshot, moves }: Pick<Rendering, 'live' | 'snapshot' | 'moves'>,
  key: string,
  accepted: ReadonlySet<Digest | ''>,
): Origin | undefined => {
  const is = live?.get(key) ?? '';
  const was = snapshot?.get(key) ?? '';
  const stays = live !== undefined && (snapshot === undefined || is === was || (!moves && accepted.has(is)));
  if (stays) return is === '' ? undefined : 'Live';
  return was === '' ? undefined : 'Snapshot';
};

/** What a live object holds once it is rendered. */
export const renderedKeys = (
  desired: ReadonlyMap<string, Origin>,
  { source, live, snapshot }: Pick<Rendering, 'source' | 'live' | 'snapshot'>,
): ReadonlyMap<string, Digest> => {
  const contents = { Source: source, Live: live, Snapshot: snapshot };
  return new Map(
    [...desired].flatMap(([key, origin]) => {
      const digest = contents[origin]?.get(key);
      return digest === undefined ? [] : [[key, digest] as const];
    }),
  );
};

/** Keys that some unit of is among changes of a source. */
export const keysIn = (units: ReadonlyMap<string, unknown> | undefined): ReadonlySet<string> =>
  new Set([...(units?.keys() ?? [])].map(keyOfUnit));

const LONGEST_NAME = 253;

/** `web-live-7`; a name too long for that is cut. The annotations say what it is of. */
export const snapshotName = (live: string, number: number): string => {
  const end = `-${number}`;
  return `${live.slice(0, LONGEST_NAME - end.length).replace(/[-.]+$/, '')}${end}`;
};
