/** The file of the sample applications, as conformance tests use it, and what they run on. */

import assert from 'node:assert/strict';
import type { Subject } from './mounted.ts';

const llm = (provider: string, model: string): string => `${JSON.stringify({ provider, model })}\n`;

export const LLM = {
  path: '/-/reload',
  file: 'llm.json',
  accepted: [llm('local', 'small-model-of-the-first-content'), llm('openai', 'large-model-of-the-second-content')],
  refused: [
    llm('a-provider-that-nobody-knows', 'any'),
    '{"provider": "local", "model": "content-that-has-no-end',
    '["a-list-where-an-object-should-be"]',
    '',
  ],
  follows: true,
  checkInForce: async (origin, content) => {
    const response = await fetch(origin, { signal: AbortSignal.timeout(10_000) });
    assert.deepEqual(await response.json(), JSON.parse(content));
  },
} as const satisfies Omit<Subject, 'name' | 'command'>;
