/** The decision code, broken on purpose in one place each: every one of these must be found out by a law. */

import type { Mutant } from './mutant.ts';

const LIVES = ['simulation'] as const;

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a crash is not recognised',
    file: 'domain/issued.ts',
    find: 'if (annotation.digest !== bareDigest(difference.restartDigest))',
    replace: 'if (annotation.n > 0)',
    by: LIVES,
  },
];
