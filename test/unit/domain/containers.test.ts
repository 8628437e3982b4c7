import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allStartedSince, someMayHaveStartedSince, someStartedBefore } from '../../../src/domain/containers.ts';
import type { Pod } from '../../../src/domain/observed.ts';
import { aPod, aWorkload, T0 } from '../../support/builders.ts';

describe('what the start of containers proves', () => {
  const web = aWorkload();
  /** In the middle of the second T0. */
  const time = T0 + 500;
  for (const [what, pods, all, some, before] of [
    ['no pod', [], true, false, false],
    ['one that started in an earlier second', [aPod(T0 - 1_000)], false, false, true],
    ['one that started in the same second, which may be before or after', [aPod(T0)], true, true, false],
    ['one that started in a later second', [aPod(T0 + 1_000)], true, true, false],
    ['one before and one after', [aPod(T0 - 1_000), aPod(T0 + 1_000, 'web-2')], false, true, true],
    [
      'one of which no start is known yet',
      [{ name: 'web-1', uid: '1', containers: [{ name: 'main' }] }],
      true,
      true,
      false,
    ],
    [
      'one whose other, older container reads no source',
      [
        {
          name: 'web-1',
          uid: '1',
          containers: [
            { name: 'main', startedAt: T0 + 1_000 },
            { name: 'other', startedAt: T0 - 9_000 },
          ],
        },
      ],
      true,
      true,
      false,
    ],
  ] as const satisfies readonly (readonly [string, readonly Pod[], boolean, boolean, boolean])[]) {
    it(what, () => {
      assert.equal(allStartedSince(web, pods, time), all, 'all started since');
      assert.equal(someMayHaveStartedSince(web, pods, time), some, 'some may have started since');
      assert.equal(someStartedBefore(web, pods, time), before, 'some started before');
    });
  }
});
