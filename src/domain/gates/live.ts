import { liveTrouble } from '../live.ts';
import type { PlainGate } from './gate.ts';

/** What pods mount can't be rendered. */
export const liveRendered: PlainGate = ({ observed }) => liveTrouble(observed);

/** What pods mount is not there yet, or is not known: nothing can go forward in it. */
export const livePresent: PlainGate = ({ observed: { live } }) => {
  for (const each of live?.values() ?? []) {
    if (each.state === 'Missing') return { reason: 'LiveMissing', message: `${each.name} is about to be made` };
    if (each.state === 'Unknown')
      return { reason: 'SourceUnreadable', message: `${each.name} can't be read: ${each.message ?? 'not read yet'}` };
  }
  return undefined;
};
