/** What may happen next, at random. */

import fc from 'fast-check';
import type { ResolvedWindow } from '../../../src/api/v1alpha1/defaults.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import { HOUR, MINUTE, SECOND } from '../builders.ts';
import type { Fault, Moment } from './operator.ts';
import type { Step } from './history.ts';

const index = fc.nat({ max: 11 });

const edit: fc.Arbitrary<Step> = fc.record(
  {
    do: fc.constant('edit' as const),
    source: index,
    flag: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c') },
      { weight: 1, arbitrary: fc.constant('bad') },
    ),
    hot: fc.constantFrom('a', 'b', 'c'),
  },
  { requiredKeys: ['do', 'source'], noNullPrototype: true },
);

const wait: fc.Arbitrary<Step> = fc
  .constantFrom(
    1,
    100,
    499,
    500,
    999,
    SECOND,
    1_500,
    6 * SECOND,
    10 * SECOND,
    20 * SECOND,
    MINUTE,
    61 * SECOND,
    10 * MINUTE,
  )
  .map((ms) => ({ do: 'wait', ms }));

const toWorkload: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    'finish',
    'finish',
    'finish',
    'exceed',
    'deploy',
    'end container',
    'pause',
    'unpause',
    'unpause' as const,
  ),
  workload: index,
});
const scale: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('scale' as const),
  workload: index,
  replicas: fc.constantFrom(0, 1, 2, 3),
});

const toPolicy: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('suspend', 'resume', 'resume' as const),
  policy: index,
});

const moment = fc.constantFrom<Moment>('Effects', 'Stored', 'Nudged', 'Undone', 'Restarted', 'Put');
const toProcess: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Step>({ do: 'crash' }, { do: 'start' }, { do: 'start' }),
  moment.map((at): Step => ({ do: 'die', at })),
  fc.constantFrom<Fault>('Refused', 'Unheard').map((fault): Step => ({ do: 'fault', fault })),
);

const clock: fc.Arbitrary<Step> = fc
  .constantFrom(-HOUR, -10 * MINUTE, -SECOND, SECOND, MINUTE, 10 * MINUTE, HOUR)
  .map((ms) => ({ do: 'set clock', ms }));

const ask: fc.Arbitrary<Step> = fc.record(
  {
    do: fc.constant('ask' as const),
    workload: index,
    type: fc.constantFrom('Approve', 'Approve', 'RunNow', 'Retry', 'ResetBudget' as const),
    stale: fc.constant(true),
  },
  { requiredKeys: ['do', 'workload', 'type'], noNullPrototype: true },
);

const aWindow = (more: Partial<ResolvedWindow>): ResolvedWindow => ({
  name: 'open',
  type: 'Allow',
  cron: '0 * * * *',
  durationMs: MINUTE,
  timeZone: 'UTC',
  ...more,
});

/** Windows that are open now and then, for minutes. */
export const WINDOWS: readonly Policy['gates']['windows'][] = [
  [],
  [aWindow({ cron: '*/30 * * * *', durationMs: 10 * MINUTE })],
  [
    aWindow({ cron: '5,20 * * * *', durationMs: 5 * MINUTE }),
    aWindow({ name: 'late', cron: '45 * * * *', durationMs: 90 * SECOND }),
  ],
  [aWindow({ type: 'Deny', cron: '0,15 * * * *', durationMs: 12 * MINUTE })],
  [
    aWindow({ cron: '*/10 * * * *', durationMs: 10 * MINUTE }),
    aWindow({ name: 'not', type: 'Deny', cron: '10 * * * *', durationMs: 20 * MINUTE }),
  ],
];

/** Writes of which nobody hears, and whatever may follow at once. */
export const UNHEARD: fc.WeightedArbitrary<Step> = {
  weight: 12,
  arbitrary: fc.oneof(
    fc.constantFrom<Step>({ do: 'fault', fault: 'Unheard' }, { do: 'end container', workload: 0 }),
    edit,
    fc.constantFrom(100, 500, 600).map((ms): Step => ({ do: 'wait', ms })),
  ),
};

/** What waits is approved, soon after it has come. */
export const APPROVING: fc.WeightedArbitrary<Step> = {
  weight: 4,
  arbitrary: index.map((workload): Step => ({ do: 'ask', workload, type: 'Approve' })),
};

/** A policy's windows become others. */
export const REWINDOWED: fc.WeightedArbitrary<Step> = {
  weight: 1,
  arbitrary: fc.record({
    do: fc.constant('policy' as const),
    policy: index,
    gates: fc.constantFrom(...WINDOWS).map((windows) => ({ windows })),
  }),
};

/** Whatever can happen to any workload. */
export const ANYTHING: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 5, arbitrary: edit },
  { weight: 6, arbitrary: wait },
  { weight: 5, arbitrary: toWorkload },
  { weight: 1, arbitrary: scale },
  { weight: 1, arbitrary: toPolicy },
  { weight: 2, arbitrary: toProcess },
  { weight: 1, arbitrary: clock },
];

/** What happens where delivery is managed. */
export const MANAGED: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 1,
    arbitrary: fc.record(
      {
        do: fc.constant('edit live' as const),
        object: index,
        flag: fc.constantFrom('a', 'b', 'c', 'theirs'),
        hot: fc.constantFrom('a', 'b', 'theirs'),
      },
      { requiredKeys: ['do', 'object'], noNullPrototype: true },
    ),
  },
  { weight: 1, arbitrary: index.map((object): Step => ({ do: 'delete live', object })) },
  { weight: 1, arbitrary: index.map((source): Step => ({ do: 'edit', source, hot: 'invalid' })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>({ do: 'remove policies' }, { do: 'make policies' }, { do: 'make policies' }),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<Moment>(
        ...(['Snapshot', 'Live', 'Record'] as const).flatMap((what) => [`Before${what}`, `After${what}`] as const),
      )
      .map((at): Step => ({ do: 'die', at })),
  },
];

/** What people ask for. */
export const ASKING: fc.WeightedArbitrary<Step> = { weight: 2, arbitrary: ask };

export const histories = (...what: readonly fc.WeightedArbitrary<Step>[]): fc.Arbitrary<readonly Step[]> =>
  fc.array(fc.oneof(...what), { maxLength: 30 });
