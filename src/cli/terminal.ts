/** What a command has of the process that it runs in. */

import type { Clock } from '../runtime/clock.ts';

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to standard output, as it is. */
  readonly out: (text: string) => void;
  /** Writes to standard error, as it is. */
  readonly err: (text: string) => void;
  /** Whether standard output is to be coloured. */
  readonly colour: boolean;
  /** All of standard input. */
  readonly stdin: () => Promise<string>;
  /** Aborted when somebody wants the command to end. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}
