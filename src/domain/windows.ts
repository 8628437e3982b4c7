/**
 * Times in which restarts may begin. Pure: the time is an argument.
 *
 * A window is open at a time if it opened at most its duration ago: openings that come sooner than that add up. How long
 * it stays open is elapsed time, whatever clocks are put to meanwhile. When it opens is local time: where minute and hour
 * are numbers, a time that a clock skips in spring opens at the first moment after it, and one that comes twice in autumn
 * opens once. Where one of them has `*` or `/`, it opens as often as the clock shows such a time.
 */

import { Cron } from 'croner';
import type { ResolvedWindow } from '../api/v1alpha1/defaults.ts';

/** How far ahead an opening is looked for. */
const HORIZON_MS = 400 * 86_400_000;
/** How many openings are looked at for one answer: a tenant's patterns may have one every minute. */
const MOST_STEPS = 200;
/** How many patterns, and how many answers, are remembered. */
const REMEMBERED = 512;

export type WindowsAt =
  /** Restarts may begin. @param until when that ends; undefined: not for a long time, or nobody can tell */
  | { readonly open: true; readonly until?: number }
  /**
   * None may. @param closedBy names of the Deny windows that are open; none: no Allow window is
   * @param until when the next may begin; undefined: not within some 400 days, or nobody can tell
   */
  | { readonly open: false; readonly closedBy: readonly string[]; readonly until?: number; readonly opens?: string };

/** How windows stand at a time. Without an Allow window every time is allowed, but for those that a Deny window takes. */
export const windowsAt = (windows: readonly ResolvedWindow[], time: number): WindowsAt => {
  if (windows.length === 0) return { open: true };
  const key = JSON.stringify(windows);
  const known = answers.get(key);
  if (known !== undefined && known.from <= time && time < known.to) return known.answer;
  const answer = answerAt(windows, time);
  remember(answers, key, { answer, from: time, to: answer.until ?? time + UNKNOWN_FOR_MS });
  return answer;
};

/** An answer without an end is looked for again after so long, in case it comes into sight. */
const UNKNOWN_FOR_MS = 3_600_000;

const answerAt = (windows: readonly ResolvedWindow[], time: number): WindowsAt => {
  const [allow, deny] = [windows.filter(({ type }) => type === 'Allow'), windows.filter(({ type }) => type === 'Deny')];
  const denying = deny.filter((window) => isOpen(window, time));
  if (denying.length === 0 && (allow.length === 0 || allow.some((window) => isOpen(window, time)))) {
    const until = closesAfter(allow, deny, time);
    return { open: true, ...(until !== undefined && { until }) };
  }
  const until = opensAfter(allow, deny, time);
  const opens = until === undefined ? undefined : allow.find((window) => isOpen(window, until));
  return {
    open: false,
    closedBy: denying.map(({ name }) => name),
    ...(until !== undefined && { until }),
    ...(opens !== undefined && { opens: opens.name }),
  };
};

const opensAfter = (
  allow: readonly ResolvedWindow[],
  deny: readonly ResolvedWindow[],
  from: number,
): number | undefined => {
  let time = from;
  for (let steps = 0; steps < MOST_STEPS && time - from <= HORIZON_MS; steps++) {
    const at = time;
    const denying = deny.find((window) => isOpen(window, at));
    if (denying !== undefined) {
      time = endOf(denying, at);
      continue;
    }
    if (allow.length === 0 || allow.some((window) => isOpen(window, at))) return at;
    const next = earliest(allow.map((window) => nextStart(window, at)));
    if (next === undefined) return undefined;
    time = next;
  }
  return undefined;
};

const closesAfter = (
  allow: readonly ResolvedWindow[],
  deny: readonly ResolvedWindow[],
  from: number,
): number | undefined => {
  const denied = earliest(deny.map((window) => nextStart(window, from)));
  let time = from;
  for (let steps = 0; steps < MOST_STEPS && time - from <= HORIZON_MS; steps++) {
    const at = time;
    const open = allow.filter((window) => isOpen(window, at));
    if (allow.length > 0 && open.length === 0) return at;
    const end = allow.length === 0 ? Infinity : Math.max(...open.map((window) => endOf(window, at)));
    if (denied !== undefined && denied <= end) return denied;
    if (end === Infinity) return undefined;
    time = end;
  }
  return undefined;
};

const earliest = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

const isOpen = (window: ResolvedWindow, time: number): boolean => {
  const start = nextStart(window, time - window.durationMs);
  return start !== undefined && start <= time;
};

/** When what opened last, and is open at `time`, ends by itself. */
const endOf = (window: ResolvedWindow, time: number): number => {
  const latest =
    cronOf(window)
      .previousRuns(1, new Date(time + 1))[0]
      ?.getTime() ?? time;
  return latest + window.durationMs;
};

/** The first opening after a time. */
const nextStart = (window: ResolvedWindow, after: number): number | undefined => {
  const next = cronOf(window).nextRun(new Date(after))?.getTime();
  return next === undefined || next - after > HORIZON_MS ? undefined : next;
};

const crons = new Map<string, Cron>();
const answers = new Map<string, { readonly answer: WindowsAt; readonly from: number; readonly to: number }>();

const cronOf = ({ cron, timeZone }: Pick<ResolvedWindow, 'cron' | 'timeZone'>): Cron => {
  const key = `${cron} ${timeZone}`;
  const known = crons.get(key);
  if (known !== undefined) return known;
  const made = new Cron(cron, { mode: '5-part', timezone: timeZone, paused: true, fixedTimeRule: 'no-wildcard' });
  remember(crons, key, made);
  return made;
};

const remember = <V>(map: Map<string, V>, key: string, value: V): void => {
  if (map.size >= REMEMBERED) map.clear();
  map.set(key, value);
};

/** What is wrong with windows, a sentence each: they can't be decided by. */
export const windowFaults = (
  windows: readonly { readonly name: string; readonly cron: string; readonly timeZone?: string }[],
): readonly string[] =>
  windows.flatMap(({ name, cron, timeZone = 'UTC' }) => {
    if (!isTimeZone(timeZone))
      return [`window ${name}: there is no time zone ${timeZone}: give an IANA name, such as Europe/Berlin`];
    if (crons.has(`${cron} ${timeZone}`)) return [];
    try {
      cronOf({ cron, timeZone }).nextRun(new Date(0));
      return [];
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error);
      return [`window ${name}: cron ${JSON.stringify(cron)} can't be read: ${why}`];
    }
  });

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};
