import { listed } from '../listed.ts';
import { earlierThan, isOrdered } from '../order.ts';
import type { Peer } from '../others.ts';
import type { Policy } from '../observed.ts';
import { policiesOf, type Gate, type Hold } from './gate.ts';

/** A workload waits until those that come earlier have succeeded; one that has failed stops all later ones. */
export const order: Gate = (question) => {
  const holds = policiesOf(question).flatMap((policy) => orderHold(policy, question) ?? []);
  return holds.find(({ reason }) => reason === 'EarlierFailed') ?? holds[0];
};

const orderHold = (policy: Policy, { observed: { others, workload } }: Parameters<Gate>[0]): Hold | undefined => {
  const bound = others?.bound.get(policy.name);
  if (bound === undefined || !isOrdered(policy)) return undefined;
  const earlier = earlierThan(policy, bound, workload);
  if (earlier === undefined) return undefined;
  const { failed, unfinished } = earlier;
  if (failed.length > 0) {
    const direct =
      policy.delivery.objects.length === 0
        ? '; containers that restart meanwhile read the new content all the same'
        : '';
    return {
      reason: 'EarlierFailed',
      message: `policy ${policy.name}: ${names(failed)} failed, and comes earlier: it goes on when that is put right${direct}`,
    };
  }
  return { reason: 'WaitingForEarlier', message: `policy ${policy.name}: it goes after ${names(unfinished)}` };
};

const names = (peers: readonly Peer[]): string =>
  listed(
    peers.map(({ kind, name }) => `${kind}/${name}`),
    { most: 3 },
  );
