import { liveTrouble } from '../live.ts';
import type { PlainGate } from './gate.ts';

/** What pods mount can't be rendered. */
export const liveRendered: PlainGate = ({ observed }) => liveTrouble(observed);

/** The same, but for what a restart cures: what is too large beside what is held may fit in its place. */
export const liveMovable: PlainGate = ({ observed }) => liveTrouble(observed, ({ reason }) => reason !== 'TooLarge');

/** What pods mount is not there yet, or is not known: nothing can go forward in it. */
export const livePresent: PlainGate = ({ observed: { live } }) => {
  for (const each of live?.values() ?? []) {
    if (each.state === 'Missing') return { reason: 'LiveMissing', message: `${each.name} is about to be made` };
    if (each.state === 'Unknown')
      return { reason: 'SourceUnreadable', message: `${each.name} can't be read: ${each.message ?? 'not read yet'}` };
  }
  return undefined;
};
