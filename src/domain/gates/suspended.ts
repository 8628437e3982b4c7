import { policiesOf, type PlainGate } from './gate.ts';

/** Nothing is done for a policy that is suspended. */
export const suspended: PlainGate = (question) => {
  const holding = policiesOf(question).filter((policy) => policy.suspended);
  return holding.length === 0
    ? undefined
    : { reason: 'Suspended', message: `policy ${holding.map(({ name }) => name).join(', ')} is suspended` };
};
