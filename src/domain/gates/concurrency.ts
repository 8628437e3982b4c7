import { isCure } from '../cure.ts';
import { listed } from '../listed.ts';
import type { Policy } from '../observed.ts';
import { policiesOf, type Gate, type Hold, type Question } from './gate.ts';

/** Only so many workloads roll out at a time: of a policy, and of the cluster. */
export const concurrency: Gate = (question) => {
  for (const policy of policiesOf(question)) {
    const hold = policyHold(policy, question);
    if (hold !== undefined) return hold;
  }
  const cluster = question.observed.others?.cluster;
  return cluster === undefined || cluster.inProgress < cluster.limit
    ? undefined
    : {
        reason: 'ConcurrencyLimit',
        message: `in the cluster ${cluster.limit} of at most ${cluster.limit} workloads are rolling out, as the operator is set to allow`,
      };
};

const policyHold = ({ name, gates }: Policy, { observed, ledger }: Question): Hold | undefined => {
  const bound = observed.others?.bound.get(name);
  if (bound === undefined || gates.maxConcurrent === undefined) return undefined;
  const { workload } = observed;
  // A rollout that has failed is not over: else one after the other would fail. A way out of a failure is not kept waiting by others'.
  const failedCount = !isCure(ledger);
  const busy = bound.filter(
    (peer) =>
      (peer.kind !== workload.kind || peer.name !== workload.name) &&
      (peer.standing === 'InProgress' || peer.standing === 'Unknown' || (failedCount && peer.standing === 'Failed')),
  );
  return busy.length < gates.maxConcurrent
    ? undefined
    : {
        reason: 'ConcurrencyLimit',
        message: `policy ${name} lets ${gates.maxConcurrent} roll out at a time: it waits for ${listed(
          busy.map((peer) => `${peer.kind}/${peer.name}`),
          { most: 3 },
        )}`,
      };
};
