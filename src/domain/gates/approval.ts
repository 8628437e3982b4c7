import { infoOf } from '../../api/v1alpha1/kinds.ts';
import { policiesOf, type Gate } from './gate.ts';

/** A restart waits until somebody has approved exactly its content. */
export const approvalGiven: Gate = (question) => {
  const { observed, ledger, digest } = question;
  const asking = policiesOf(question).filter(({ gates, observes }) => gates.approval === 'Manual' && observes !== true);
  if (asking.length === 0 || (digest !== undefined && ledger.approved?.digest === digest)) return undefined;
  const { kind, name } = observed.workload;
  const names = asking.map((policy) => policy.name).join(', ');
  return {
    reason: 'ApprovalPending',
    message: `policy ${names} wants approval: kubectl reload approve ${infoOf(kind).short}/${name}${digest === undefined ? '' : ` (content ${digest})`}`,
  };
};
