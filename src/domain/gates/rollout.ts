import { rolloutBlocker } from '../rollout.ts';
import type { PlainGate } from './gate.ts';

/** Nothing would come of a restart: the Deployment is paused, or pods are only replaced by hand. */
export const rolloutPossible: PlainGate = ({ observed: { workload } }) => rolloutBlocker(workload.rollout);
