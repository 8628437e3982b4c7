import type { Clock } from '../runtime/clock.ts';

export interface AllowanceOptions {
  readonly clock: Clock;
  /** How much of a processor's time may be used, in milliseconds. */
  readonly ms: number;
  /** How much has been used; undefined where it can't be told. */
  readonly used: () => Promise<number | undefined>;
  /** Called once, when it is used up. */
  readonly usedUp: () => void;
}

/** By the clock: then it is over, whatever was used. */
const MOST_WAITS = 6;
const SHORTEST_WAIT_MS = 100;

/** Time to work in: while the machine is busy with other things, it stands nearly still. @returns ends it */
export const allow = ({ clock, ms, used, usedUp }: AllowanceOptions): (() => void) => {
  let over = false;
  let cancelLook = (): void => undefined;
  const stop = (): void => {
    over = true;
    cancelLook();
    cancelLimit();
  };
  const finish = (): void => {
    stop();
    usedUp();
  };
  const look = async (): Promise<void> => {
    const left = ms - ((await used()) ?? 0);
    if (over) return;
    if (left <= 0) finish();
    else lookIn(Math.max(left, SHORTEST_WAIT_MS));
  };
  const lookIn = (wait: number): void => {
    cancelLook = clock.schedule(wait, () => void look());
  };
  const cancelLimit = clock.schedule(ms * MOST_WAITS, finish);
  lookIn(ms);
  return stop;
};
