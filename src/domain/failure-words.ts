/** What is said of a restart that failed and was undone. */

import { listed } from './listed.ts';
import type { Failed, Undo } from './observed.ts';

/** Why content is left alone though nothing has failed: somebody went back from it. */
export const ROLLBACK_REQUESTED = 'RollbackRequested';

/** Of a restart that was undone and whose content is gone. */
export const RECOVERED = 'Recovered';

export const reasonOf = ({ mode }: Undo): 'Undone' | 'RolledBack' => (mode === 'Undo' ? 'Undone' : 'RolledBack');

/** Whether a hold is that of content that has failed: the workload's state is Failed, not Held. */
export const isOfFailure = (reason: string): boolean => reason === 'Undone' || reason === 'RolledBack';

export const failureWords = (failed: Failed): string => {
  if (failed.reason === ROLLBACK_REQUESTED)
    return `${failed.message ?? ''}; ${listed([...failed.changes.keys()].sort())} still holds the later content, which is left alone until it changes or somebody asks for it (kubectl reload retry)`;
  const words = `restart ${failed.n} failed`;
  const after = undoWords(failed);
  const cause = (failed.message ?? failed.reason).slice(0, Math.max(0, LONGEST - after.length - words.length - 4));
  return `${words}: ${cause}; ${after}`;
};

/** Of a message with the keys before it. */
const LONGEST = 900;

export const undoWords = ({ undo, changes }: Failed): string => {
  const sources = listed([...changes.keys()].sort());
  switch (undo?.phase) {
    case undefined:
      return `${sources} still holds that content: it is not tried again until it changes`;
    case 'Intended':
    case 'InProgress':
      return `${undo.mode === 'Undo' ? 'being undone' : 'being rolled back'}; ${still(undo.mode, sources)}`;
    case 'Succeeded':
      return undo.mode === 'Undo'
        ? `undone: pods that still ran on the earlier content were kept; ${still('Undo', sources)}`
        : `rolled back to the earlier content; ${still('Rollback', sources)}`;
    case 'TimedOut':
      return `${undo.mode === 'Undo' ? 'undone' : 'rolled back'}, but not all earlier pods are there ${undo.message ?? ''}; ${still(undo.mode, sources)}`;
  }
};

/** The source is the user's: nothing is put back in it. */
const still = (mode: Undo['mode'], sources: string): string =>
  mode === 'Undo'
    ? `${sources} still holds the content that failed, and containers that restart read it all the same`
    : `${sources} still holds the content that failed`;

export const backWords = ({ n }: Failed): string =>
  `the content of restart ${n}, which failed, is gone: the earlier is back`;
