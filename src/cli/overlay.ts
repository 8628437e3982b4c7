/** A world with some objects put in, or in the place of earlier ones. */

import { isContained } from './contained.ts';
import { manifestId, type Manifest } from './manifests.ts';
import type { World } from './snapshot.ts';

/** What a cluster has given an object stays its own: it is the same workload, with another spec. */
export const overlaid = (world: World, changes: readonly Manifest[]): World => {
  const next = new Map(world);
  for (const change of changes) {
    const id = manifestId(change);
    const before = world.get(id);
    next.set(id, before === undefined ? change : inPlaceOf(before, change));
  }
  return next;
};

type Loose = Readonly<Record<string, unknown>>;
const GIVEN = ['uid', 'resourceVersion', 'generation', 'creationTimestamp'] as const;

const inPlaceOf = ({ raw: before, live = false }: Manifest, change: Manifest): Manifest => {
  const was = before['metadata'] as Loose;
  const given = Object.fromEntries(GIVEN.flatMap((field) => (field in was ? [[field, was[field]] as const] : [])));
  const raw = {
    ...change.raw,
    metadata: { ...(change.raw['metadata'] as Loose), ...given },
    ...(before['status'] !== undefined && { status: before['status'] }),
    ...(change.raw['spec'] !== undefined &&
      live && { spec: filledIn(change.raw['spec'] as Loose, before['spec'] as Loose) }),
  };
  return { ...change, raw };
};

/** The live template, where the manifest's is that without what the API server and others fill in. */
const filledIn = (spec: Loose, before: Loose): Loose =>
  spec['template'] !== undefined && isContained(spec['template'], before['template'])
    ? { ...spec, template: before['template'] }
    : spec;
