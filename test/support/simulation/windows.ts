/**
 * When a window is open, told in another way than the decisions do: minute by minute, for the few forms of cron that
 * histories use (`minutes hours * * *`, lists and steps, UTC).
 */

import type { ResolvedWindow } from '../../../src/api/v1alpha1/defaults.ts';

const MINUTE = 60_000;

const matches = (field: string, value: number): boolean =>
  field.split(',').some((part) => {
    const [range = '*', step = '1'] = part.split('/');
    return range === '*' ? value % Number(step) === 0 : Number(range) === value;
  });

const begins = (cron: string, at: number): boolean => {
  const [minutes = '*', hours = '*'] = cron.split(' ');
  const date = new Date(at);
  return matches(minutes, date.getUTCMinutes()) && matches(hours, date.getUTCHours());
};

const isIn = ({ cron, durationMs }: ResolvedWindow, at: number): boolean => {
  for (let start = Math.floor(at / MINUTE) * MINUTE; start > at - durationMs; start -= MINUTE)
    if (begins(cron, start)) return true;
  return false;
};

/** Whether restarts may begin: within one that allows them, where there is any, and within none that denies them. */
export const isOpen = (windows: readonly ResolvedWindow[], at: number): boolean => {
  const allowing = windows.filter(({ type }) => type === 'Allow');
  const denying = windows.filter(({ type }) => type === 'Deny');
  return (allowing.length === 0 || allowing.some((each) => isIn(each, at))) && !denying.some((each) => isIn(each, at));
};

/** When restarts may begin next; undefined: not within two days. */
export const nextOpen = (windows: readonly ResolvedWindow[], at: number): number | undefined => {
  if (isOpen(windows, at)) return at;
  for (let minute = Math.floor(at / MINUTE) * MINUTE + MINUTE; minute < at + 2 * 1_440 * MINUTE; minute += MINUTE)
    if (isOpen(windows, minute)) return minute;
  return undefined;
};
