/** What a policy's status says of the objects that it renders. */

import { STATUS_LIMITS } from '../api/v1alpha1/limits.ts';
import type { LiveObjectStatus } from '../api/v1alpha1/types.ts';
import { claimWords, liveId, type Claim, type Live, type LiveObject, type LiveTrouble } from './live.ts';
import type { SourceId } from './observed.ts';
import type { PutBacks } from './put-back.ts';

/** A live object as it stands. */
export interface LiveStanding {
  readonly live: Live;
  readonly trouble?: LiveTrouble;
  /** As far as this process has seen it. */
  readonly putBacks?: PutBacks;
}

/** @param before what a new process has not seen stays as it was said */
const liveObjectStatus = (
  object: LiveObject,
  { live, trouble, putBacks }: LiveStanding,
  claim: Claim | undefined,
  before: LiveObjectStatus | undefined,
): LiveObjectStatus => {
  const message = claim === undefined ? whyNot(live, trouble) : claimWords(claim);
  const putBack = putBacks === undefined ? before?.putBack : told(putBacks);
  return {
    kind: object.source.kind,
    name: object.name,
    state: stateOf(live, claim === undefined ? trouble?.reason : 'NotOurs'),
    ...(message !== undefined && { message: message.slice(0, STATUS_LIMITS.message) }),
    ...(live.state === 'Present' && live.ours && live.snapshot !== undefined && { snapshot: live.snapshot }),
    ...(putBack !== undefined && { putBack }),
  };
};

const whyNot = (live: Live, trouble: LiveTrouble | undefined): string | undefined =>
  trouble?.message ?? (live.state === 'Unknown' ? live.message : undefined);

const stateOf = (live: Live, trouble: LiveTrouble['reason'] | undefined): LiveObjectStatus['state'] => {
  if (trouble === 'Contested') return 'Contested';
  if (trouble !== undefined || live.state === 'Unknown') return 'Blocked';
  return live.state === 'Missing' ? 'Missing' : 'Rendered';
};

const told = ({ change, by, at, times }: PutBacks): NonNullable<LiveObjectStatus['putBack']> => ({
  change,
  ...(by !== undefined && { by: by.slice(0, 128) }),
  time: new Date(at).toISOString(),
  times,
});

/** Of all that a policy renders. */
export const liveObjectsStatus = (
  objects: readonly LiveObject[],
  standings: ReadonlyMap<SourceId, LiveStanding>,
  claims: readonly Claim[],
  before: readonly LiveObjectStatus[] = [],
): readonly LiveObjectStatus[] =>
  objects.flatMap((object) => {
    const standing = standings.get(liveId(object));
    const { kind } = object.source;
    return standing === undefined
      ? []
      : liveObjectStatus(
          object,
          standing,
          claims.find((claim) => liveId(claim.object) === liveId(object)),
          before.find((each) => each.kind === kind && each.name === object.name),
        );
  });
