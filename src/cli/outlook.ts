/** What gates are asked about a workload of a snapshot: what is recorded of it and of those beside it. */

import type { StoredRecord } from '../controller/ports.ts';
import type { SourceFacts } from '../domain/explain.ts';
import { enforcing, type Outlook } from '../domain/explain-waits.ts';
import { bindsThroughLive, liveId, liveObjectsFor, throughLive, type Live } from '../domain/live.ts';
import { sourceId, type Ledger, type Observed, type Source, type SourceId, type Workload } from '../domain/observed.ts';
import { ledgerOf } from '../domain/record.ts';
import type { Nouns } from './snapshot.ts';

export interface OutlookParts {
  readonly nouns: Nouns;
  /** By `namespace/Kind/name`. */
  readonly sources: ReadonlyMap<string, Source>;
  readonly facts: ReadonlyMap<SourceId, SourceFacts>;
  /** Of the namespace; absent: nobody was asked. */
  readonly records?: readonly StoredRecord[];
  readonly now: number;
}

/** @param found as it is in the API */
export const outlookOn = (found: Workload, { nouns, sources, facts, records, now }: OutlookParts): Outlook => {
  const { namespace } = found;
  const workloads = nouns.workloads.filter((each) => each.namespace === namespace);
  const policies = nouns.policies.filter((policy) => policy.namespace === namespace);
  // A record of a workload that had the name before says nothing of this one.
  const recorded = ({ uid }: Workload): Ledger | undefined => {
    const status = records?.find(({ workloadUid }) => workloadUid === uid)?.status;
    return status === undefined ? undefined : ledgerOf(status);
  };
  const alone = (each: Workload): Observed => {
    const binding = policies.filter((policy) => bindsThroughLive(policy, each));
    const workload = throughLive(each, binding);
    const deciding = enforcing(binding, workload);
    const ids = new Set(deciding.flatMap((policy) => policy.sources.map(sourceId)));
    const ledger = recorded(each);
    return {
      workload,
      templateSeenAt: 0,
      policies: deciding,
      complete: true,
      sources: new Map([...ids].map((id) => [id, sources.get(`${namespace}/${id}`) ?? { state: 'Missing' }])),
      ...(workload.live !== undefined && { live: asRendered(workload.live) }),
      ...(ledger !== undefined && { ledger }),
    };
  };
  const observed = alone(found);
  const sharers = workloads.filter((each) => each !== found && !each.ignored && shares(observed, each)).map(alone);
  return {
    observed: sharers.length === 0 ? observed : { ...observed, sharers },
    workloads,
    ...(records !== undefined && { recorded }),
    facts,
    now,
  };
};

/** Nobody has looked at live objects: what keeps one from being rendered is in the record. */
const asRendered = (live: ReadonlyMap<SourceId, SourceId>): ReadonlyMap<SourceId, Live> =>
  new Map(
    [...live].map(([object, source]) => [
      source,
      { state: 'Present', name: object, uid: '', resourceVersion: '', keys: new Map(), ours: true },
    ]),
  );

/** Whether a workload reads a live object that the one observed does. */
const shares = ({ workload, policies }: Observed, { kind, name }: Workload): boolean =>
  liveObjectsFor(policies, workload).some(
    (object) =>
      workload.live?.has(liveId(object)) === true &&
      object.workloads.some((each) => each.kind === kind && each.name === name),
  );
