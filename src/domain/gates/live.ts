import { listed } from '../listed.ts';
import { liveOf, liveTrouble } from '../live.ts';
import type { PlainGate } from './gate.ts';

/** What pods mount can't be rendered. */
export const liveRendered: PlainGate = ({ observed }) => liveTrouble(observed);

/** The same, but for what a restart cures: what is too large beside what is held may fit in its place. */
export const liveMovable: PlainGate = ({ observed }) => liveTrouble(observed, ({ reason }) => reason !== 'TooLarge');

/** Policies that only observe deliver nothing: what pods mount stays as it is, and its restart with it. */
export const liveDelivered: PlainGate = ({ observed, changed }) => {
  const { policies } = observed;
  const kept = [...changed].flatMap((id) => liveOf(observed, id)?.name ?? []);
  if (kept.length === 0 || policies.some(({ observes }) => observes !== true)) return undefined;
  const names = policies.map(({ name }) => name).join(', ');
  return {
    reason: 'Observing',
    message: `policy ${names} only observes: ${listed(kept)} stays as it is until mode is Enforce`,
  };
};

/** What pods mount is not there yet, or is not known: nothing can go forward in it. */
export const livePresent: PlainGate = ({ observed: { live } }) => {
  for (const each of live?.values() ?? []) {
    if (each.state === 'Missing') return { reason: 'LiveMissing', message: `${each.name} is about to be made` };
    if (each.state === 'Unknown')
      return { reason: 'SourceUnreadable', message: `${each.name} can't be read: ${each.message ?? 'not read yet'}` };
  }
  return undefined;
};
