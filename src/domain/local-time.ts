/** Times as the clocks of a place show them. */

/** `2026-02-10T02:00:00+01:00 (Europe/Berlin)`; of UTC `2026-02-10T01:00:00Z`. Whole seconds. */
export const localTime = (ms: number, timeZone: string): string => {
  if (timeZone === 'UTC') return new Date(ms).toISOString().replace(/\.[0-9]+Z$/, 'Z');
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(ms);
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value.replace('GMT', '') || '+00:00';
  const [, sign = '+', hours = '00', minutes = '00'] = /^([+-])([0-9]{2}):([0-9]{2})/.exec(offset) ?? [];
  const elapsed = (Number(hours) * 60 + Number(minutes)) * 60_000;
  const shown = new Date(ms + (sign === '-' ? -elapsed : elapsed)).toISOString().slice(0, 19);
  return `${shown}${sign}${hours}:${minutes} (${timeZone})`;
};
