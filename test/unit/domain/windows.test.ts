/** When restarts may begin: tables around changes of clocks, and properties against a clock that is read minute by minute. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ResolvedWindow } from '../../../src/api/v1alpha1/defaults.ts';
import { windowFaults, windowsAt } from '../../../src/domain/windows.ts';
import { HOUR, MINUTE } from '../../support/builders.ts';

const aWindow = (cron: string, durationMs: number, more: Partial<ResolvedWindow> = {}): ResolvedWindow => ({
  name: 'nightly',
  type: 'Allow',
  cron,
  durationMs,
  timeZone: 'UTC',
  ...more,
});

const at = (text: string): number => Date.parse(text);
const text = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().replace(':00.000Z', 'Z');

/** When the windows open and close within a time, in order. */
const edges = (windows: readonly ResolvedWindow[], from: string, to: string): readonly string[] => {
  const found: string[] = [];
  for (let time = at(from); time < at(to);) {
    const { open, until } = windowsAt(windows, time);
    if (until === undefined || until >= at(to)) break;
    assert.ok(until > time, `${text(time)} until ${text(until)}`);
    found.push(`${open ? 'shut' : 'open'} ${text(until)}`);
    time = until;
  }
  return found;
};

describe('windows', () => {
  const cases: readonly (readonly [
    what: string,
    windows: readonly ResolvedWindow[],
    from: string,
    to: string,
    edges: readonly string[],
  ])[] = [
    [
      'in winter by the clock of its zone',
      [aWindow('0 2 * * *', HOUR, { timeZone: 'Europe/Berlin' })],
      '2026-01-10T12:00Z',
      '2026-01-11T12:00Z',
      ['open 2026-01-11T01:00Z', 'shut 2026-01-11T02:00Z'],
    ],
    [
      'at the first moment after a time that spring skips, for as long as it says',
      [aWindow('30 2 * * *', HOUR, { timeZone: 'Europe/Berlin' })],
      '2026-03-28T12:00Z',
      '2026-03-30T12:00Z',
      ['open 2026-03-29T01:00Z', 'shut 2026-03-29T02:00Z', 'open 2026-03-30T00:30Z', 'shut 2026-03-30T01:30Z'],
    ],
    [
      'once at a time that comes twice in autumn',
      [aWindow('30 2 * * *', 20 * MINUTE, { timeZone: 'Europe/Berlin' })],
      '2026-10-24T12:00Z',
      '2026-10-26T12:00Z',
      ['open 2026-10-25T00:30Z', 'shut 2026-10-25T00:50Z', 'open 2026-10-26T01:30Z', 'shut 2026-10-26T01:50Z'],
    ],
    [
      'across the change of clocks for as long as it says, not until the clock says so',
      [aWindow('0 1 * * *', 4 * HOUR, { timeZone: 'Europe/Berlin' })],
      '2026-10-24T12:00Z',
      '2026-10-25T12:00Z',
      ['open 2026-10-24T23:00Z', 'shut 2026-10-25T03:00Z'],
    ],
    [
      'in New York in spring',
      [aWindow('15 2 * * 0', HOUR, { timeZone: 'America/New_York' })],
      '2026-03-07T12:00Z',
      '2026-03-15T12:00Z',
      ['open 2026-03-08T07:00Z', 'shut 2026-03-08T08:00Z', 'open 2026-03-15T06:15Z', 'shut 2026-03-15T07:15Z'],
    ],
    [
      'in New York in autumn',
      [aWindow('15 1 * * 0', HOUR, { timeZone: 'America/New_York' })],
      '2026-10-31T12:00Z',
      '2026-11-08T12:00Z',
      ['open 2026-11-01T05:15Z', 'shut 2026-11-01T06:15Z', 'open 2026-11-08T06:15Z', 'shut 2026-11-08T07:15Z'],
    ],
    [
      'where the clock is moved by half an hour in spring',
      [aWindow('15 2 * * *', 10 * MINUTE, { timeZone: 'Australia/Lord_Howe' })],
      '2026-10-03T00:00Z',
      '2026-10-05T00:00Z',
      ['open 2026-10-03T15:30Z', 'shut 2026-10-03T15:40Z', 'open 2026-10-04T15:15Z', 'shut 2026-10-04T15:25Z'],
    ],
    [
      'where the clock is moved by half an hour in autumn',
      [aWindow('45 1 * * *', 10 * MINUTE, { timeZone: 'Australia/Lord_Howe' })],
      '2026-04-04T00:00Z',
      '2026-04-06T00:00Z',
      ['open 2026-04-04T14:45Z', 'shut 2026-04-04T14:55Z', 'open 2026-04-05T15:15Z', 'shut 2026-04-05T15:25Z'],
    ],
    [
      'as often as the clock shows a time that has * or / in it',
      [aWindow('0 */2 * * *', HOUR, { timeZone: 'Europe/Berlin' })],
      '2026-10-24T21:30Z',
      '2026-10-25T04:00Z',
      [
        'open 2026-10-24T22:00Z',
        'shut 2026-10-24T23:00Z',
        // 02:00 in summer time, and 02:00 in winter time: one ends as the other begins.
        'open 2026-10-25T00:00Z',
        'shut 2026-10-25T02:00Z',
        'open 2026-10-25T03:00Z',
      ],
    ],
    [
      'as one where they overlap or adjoin',
      [aWindow('0 1-3 * * *', HOUR), aWindow('30 3 * * *', HOUR, { name: 'late' })],
      '2026-01-10T00:00Z',
      '2026-01-10T12:00Z',
      ['open 2026-01-10T01:00Z', 'shut 2026-01-10T04:30Z'],
    ],
    [
      'but not while one that denies is open',
      [aWindow('0 1 * * *', 6 * HOUR), aWindow('0 2 * * *', HOUR, { name: 'backup', type: 'Deny' })],
      '2026-01-10T00:00Z',
      '2026-01-10T12:00Z',
      ['open 2026-01-10T01:00Z', 'shut 2026-01-10T02:00Z', 'open 2026-01-10T03:00Z', 'shut 2026-01-10T07:00Z'],
    ],
    [
      'at all times but those that are denied where none allows',
      [aWindow('0 9 * * 1-5', 8 * HOUR, { type: 'Deny' })],
      '2026-01-09T00:00Z',
      '2026-01-12T12:00Z',
      ['shut 2026-01-09T09:00Z', 'open 2026-01-09T17:00Z', 'shut 2026-01-12T09:00Z'],
    ],
    [
      'over a month where it opens that often',
      [aWindow('0 4 1 * *', 2 * HOUR)],
      '2026-01-02T00:00Z',
      '2026-03-02T00:00Z',
      ['open 2026-02-01T04:00Z', 'shut 2026-02-01T06:00Z', 'open 2026-03-01T04:00Z', 'shut 2026-03-01T06:00Z'],
    ],
  ];
  for (const [what, windows, from, to, expected] of cases) {
    it(`open ${what}`, () => {
      assert.deepEqual(edges(windows, from, to), expected);
    });
  }

  it('are open from their first moment until before their last', () => {
    const windows = [aWindow('0 2 * * *', HOUR)];
    const open = (time: string): boolean => windowsAt(windows, at(time)).open;
    assert.deepEqual(
      ['2026-01-10T01:59:59.999Z', '2026-01-10T02:00:00.000Z', '2026-01-10T02:59:59.999Z', '2026-01-10T03:00Z'].map(
        open,
      ),
      [false, true, true, false],
    );
  });

  it('name what is shut, and what opens next', () => {
    const windows = [
      aWindow('0 2 * * *', HOUR),
      aWindow('0 1 * * *', 90 * MINUTE, { name: 'backup', type: 'Deny' }),
      aWindow('0 12 * * *', HOUR, { name: 'noon' }),
    ];
    assert.deepEqual(windowsAt(windows, at('2026-01-10T01:10Z')), {
      open: false,
      closedBy: ['backup'],
      until: at('2026-01-10T02:30Z'),
      opens: 'nightly',
    });
    assert.deepEqual(windowsAt(windows, at('2026-01-10T03:00Z')), {
      open: false,
      closedBy: [],
      until: at('2026-01-10T12:00Z'),
      opens: 'noon',
    });
  });

  it('may never open, or not within 400 days', () => {
    const never = { open: false, closedBy: [] };
    assert.deepEqual(windowsAt([aWindow('0 0 30 2 *', HOUR)], at('2026-01-10T00:00Z')), never);
    assert.deepEqual(windowsAt([aWindow('0 0 29 2 *', HOUR)], at('2026-01-10T00:00Z')), never);
    const denied = [aWindow('* * * * *', HOUR, { type: 'Deny', name: 'always' })];
    assert.deepEqual(windowsAt(denied, at('2026-01-10T00:00Z')), { open: false, closedBy: ['always'] });
  });

  it('cost little, whatever a tenant writes', () => {
    const windows = Array.from({ length: 16 }, (_, n) =>
      aWindow(n % 2 === 0 ? '* * * * 1-5' : '0 0 31 2,4,6,9,11 *', MINUTE, {
        name: `w${n}`,
        type: n % 4 < 2 ? 'Deny' : 'Allow',
      }),
    );
    const before = performance.now();
    for (let n = 0; n < 100; n++) windowsAt(windows, at('2026-01-12T00:00Z') + n);
    assert.ok(performance.now() - before < 3_000, `took ${performance.now() - before} ms`);
  });

  it('without any, every time is allowed', () => {
    assert.deepEqual(windowsAt([], 0), { open: true });
  });
});

describe('windows that can not be decided by', () => {
  const named = { name: 'nightly' };
  const cases: readonly (readonly [string, { readonly cron: string; readonly timeZone?: string }, RegExp])[] = [
    [
      'an hour that there is not',
      { cron: '0 25 * * *' },
      /^window nightly: cron "0 25 \* \* \*" can't be read: Invalid value for hour: 25$/,
    ],
    ['six fields', { cron: '0 0 2 * * *' }, /^window nightly: cron .* can't be read: /],
    [
      'a zone that there is not',
      { cron: '0 2 * * *', timeZone: 'Mars/Base' },
      /^window nightly: there is no time zone Mars\/Base/,
    ],
  ];
  for (const [what, window, sentence] of cases) {
    it(`are named with what is wrong: ${what}`, () => {
      const [fault = '', ...more] = windowFaults([{ ...named, ...window }]);
      assert.match(fault, sentence);
      assert.deepEqual(more, []);
    });
  }

  it('are none of those that a CronJob takes', () => {
    const crons = [
      '0 2 * * *',
      '*/15 9-17 * * MON-FRI',
      '0 0 1,15 * *',
      '30 4 ? * 0',
      '0 2 * jan,DEC sun',
      '0 2 * * 7',
    ];
    assert.deepEqual(windowFaults(crons.map((cron) => ({ ...named, cron, timeZone: 'America/New_York' }))), []);
  });
});

// -- the oracle: what a clock on the wall shows, minute by minute

interface Shown {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
  /** Minutes since some day long ago, by this clock. */
  readonly local: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const shown = (time: number, timeZone: string): Shown => {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  formats.set(timeZone, format);
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? NaN;
  return fields(Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute')) / MINUTE);
};

const fields = (local: number): Shown => {
  const date = new Date(local * MINUTE);
  return {
    local,
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
  };
};

/** A cron of numbers, with the places where it is written as `*` or with steps. */
interface Pattern {
  readonly minutes: readonly number[] | { readonly every: number };
  readonly hours: readonly number[] | { readonly every: number };
  readonly weekdays: readonly number[] | undefined;
}

const isList = (field: Pattern['minutes']): field is readonly number[] => Array.isArray(field);
const cronOf = ({ minutes, hours, weekdays }: Pattern): string =>
  [
    isList(minutes) ? minutes.join(',') : `*/${minutes.every}`,
    isList(hours) ? hours.join(',') : `*/${hours.every}`,
    '*',
    '*',
    weekdays?.join(',') ?? '*',
  ].join(' ');
const isFixed = ({ minutes, hours }: Pattern): boolean => isList(minutes) && isList(hours);
const matches = ({ minutes, hours, weekdays }: Pattern, { minute, hour, weekday }: Shown): boolean =>
  (isList(minutes) ? minutes.includes(minute) : minute % minutes.every === 0) &&
  (isList(hours) ? hours.includes(hour) : hour % hours.every === 0) &&
  (weekdays?.includes(weekday) ?? true);

/** Every opening from `from` to `to`, whole minutes. */
const startsOf = (pattern: Pattern, timeZone: string, from: number, to: number): readonly number[] => {
  const starts: number[] = [];
  // What the clock has shown already: the latest, since none goes back by more than a few hours.
  let latest = shown(from - MINUTE, timeZone).local;
  for (let time = from; time <= to; time += MINUTE) {
    const now = shown(time, timeZone);
    if (!isFixed(pattern)) {
      if (matches(pattern, now)) starts.push(time);
      continue;
    }
    // All that has come since, what was skipped with it; nothing that had been there before.
    for (let local = latest + 1; local <= now.local; local++) {
      if (!matches(pattern, fields(local))) continue;
      starts.push(time);
      break;
    }
    latest = Math.max(latest, now.local);
  }
  return starts;
};

const ZONES: readonly (readonly [string, readonly string[]])[] = [
  ['Europe/Berlin', ['2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-06-01T00:00Z']],
  ['America/New_York', ['2026-03-08T07:00Z', '2026-11-01T06:00Z', '2026-12-31T23:00Z']],
  ['Australia/Lord_Howe', ['2026-04-04T15:00Z', '2026-10-03T15:30Z']],
  ['UTC', ['2026-02-28T12:00Z']],
];

const numbers = (max: number): fc.Arbitrary<readonly number[]> =>
  fc.uniqueArray(fc.nat(max), { minLength: 1, maxLength: 3 }).map((list) => list.sort((a, b) => a - b));
const pattern: fc.Arbitrary<Pattern> = fc.record({
  minutes: fc.oneof(
    { weight: 3, arbitrary: numbers(59) },
    { weight: 1, arbitrary: fc.constantFrom(1, 7, 15, 30).map((every) => ({ every })) },
  ),
  // Clocks are changed at night.
  hours: fc.oneof(
    { weight: 3, arbitrary: numbers(4) },
    { weight: 1, arbitrary: numbers(23) },
    { weight: 1, arbitrary: fc.constantFrom(1, 2, 3).map((every) => ({ every })) },
  ),
  weekdays: fc.option(numbers(6), { nil: undefined }),
});

const scene = fc.constantFrom(...ZONES).chain(([timeZone, changes]) =>
  fc.record({
    timeZone: fc.constant(timeZone),
    change: fc.constantFrom(...changes),
    windows: fc.array(
      fc.record({
        pattern,
        minutes: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 600 })),
        type: fc.constantFrom('Allow', 'Allow', 'Deny'),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    /** Milliseconds from the change. */
    offset: fc.integer({ min: -20 * HOUR, max: 20 * HOUR }),
  }),
);

describe('windows, against a clock that is read minute by minute', () => {
  it('are open when it says so, and end when they say they do', () => {
    fc.assert(
      fc.property(scene, ({ timeZone, change, windows, offset }) => {
        const time = at(change) + offset;
        const minute = Math.floor(time / MINUTE) * MINUTE;
        const [first, last] = [minute - 601 * MINUTE, minute + 30 * HOUR];
        const spans = windows.map(({ pattern: each, minutes, type }) => ({
          type,
          minutes,
          starts: new Set(startsOf(each, timeZone, first, last)),
        }));
        const covers = (type: string, when: number): boolean =>
          spans.some((span) => {
            if (span.type !== type) return false;
            for (let back = 0; back < span.minutes; back++) if (span.starts.has(when - back * MINUTE)) return true;
            return false;
          });
        const limited = spans.some(({ type }) => type === 'Allow');
        const isOpen = (when: number): boolean => !covers('Deny', when) && (!limited || covers('Allow', when));
        let until = minute + MINUTE;
        while (until <= last && isOpen(until) === isOpen(minute)) until += MINUTE;

        const answer = windowsAt(
          windows.map(({ pattern: each, minutes, type }, n) =>
            aWindow(cronOf(each), minutes * MINUTE, { timeZone, type: type as 'Allow', name: `w${n}` }),
          ),
          time,
        );
        const context = `${windows.map((each) => cronOf(each.pattern)).join('; ')} at ${text(time)}`;
        assert.equal(answer.open, isOpen(minute), context);
        // Of patterns that open every few minutes the end may be out of sight.
        const dense = windows.some((each) => !isList(each.pattern.minutes) && each.pattern.minutes.every < 15);
        assert.ok(answer.until !== undefined || until > last || dense, context);
        if (until <= last && answer.until !== undefined) assert.equal(text(answer.until), text(until), context);
        else if (answer.until !== undefined) assert.ok(answer.until > last, `${context}: ${text(answer.until)}`);
      }),
      { numRuns: 100 },
    );
  });
});
