import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { localTime } from '../../../src/domain/local-time.ts';

describe('a time as the clocks of a place show it', () => {
  const cases: readonly (readonly [at: string, timeZone: string, shown: string])[] = [
    ['2026-02-10T01:00:00.999Z', 'UTC', '2026-02-10T01:00:00Z'],
    ['2026-02-10T01:00:00Z', 'Europe/Berlin', '2026-02-10T02:00:00+01:00 (Europe/Berlin)'],
    ['2026-07-10T00:30:00Z', 'Europe/Berlin', '2026-07-10T02:30:00+02:00 (Europe/Berlin)'],
    ['2026-02-10T01:00:00Z', 'America/St_Johns', '2026-02-09T21:30:00-03:30 (America/St_Johns)'],
    ['2026-02-10T01:00:00Z', 'Asia/Kathmandu', '2026-02-10T06:45:00+05:45 (Asia/Kathmandu)'],
    ['2026-02-10T01:00:00Z', 'Etc/GMT', '2026-02-10T01:00:00+00:00 (Etc/GMT)'],
  ];
  for (const [at, timeZone, shown] of cases) {
    it(`is ${shown}`, () => {
      assert.equal(localTime(Date.parse(at), timeZone), shown);
    });
  }

  it('is the same moment, whatever the place', () => {
    const seconds = fc.integer({ min: Date.UTC(2000, 0, 1) / 1_000, max: Date.UTC(2100, 0, 1) / 1_000 });
    const zones = fc.constantFrom('UTC', 'Europe/London', 'Australia/Lord_Howe', 'Pacific/Apia', 'America/New_York');
    fc.assert(
      fc.property(seconds, zones, (second, zone) => {
        const [shown = ''] = localTime(second * 1_000, zone).split(' ');
        assert.equal(Date.parse(shown), second * 1_000);
      }),
    );
  });
});
