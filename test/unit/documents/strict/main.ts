/** Run with --disallow-code-generation-from-strings: checks one key in every way, and prints the time and what was found. */

import assert from 'node:assert/strict';
import { createInspector, WORKER_URL } from '../../../../src/documents/inspector.ts';
import { systemClock } from '../../../../src/runtime/clock.ts';
import { createRecordingLog } from '../../../support/recording-log.ts';
import { PLAIN_FORMATS, policy, request } from '../requests.ts';

// eslint-disable-next-line @typescript-eslint/no-implied-eval -- that it can't be done is what is tested
assert.throws(() => new Function('return 1'), EvalError);

const pattern = '^(a+)+$';
const schema = JSON.stringify({
  properties: { a: { pattern }, b: { format: 'uri' } },
  patternProperties: { [pattern]: {} },
});
const validation = [
  { keys: ['*'], schema },
  ...PLAIN_FORMATS.map((format) => ({ keys: ['*'], format })),
  { keys: ['*'], format: 'Pattern' as const, pattern },
];
const asked = request(`a: ${'a'.repeat(50_000)}!\n`, { policies: [policy({ validation })] });

const inspects = createInspector({ url: WORKER_URL, clock: systemClock, log: createRecordingLog() });
const start = performance.now();
const { problems } = await inspects.inspect(asked, new AbortController().signal);
const found = problems.get('web')?.map(({ rule, path = '' }) => [rule, path]);
console.log(JSON.stringify([performance.now() - start, found]));
await inspects.close();
