import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { observersOf } from '../../../../config/samples/kloros/app/fleet.ts';

const slice = (endpoints: readonly object[] | null, more: object = {}): Parameters<typeof observersOf>[0] =>
  ({
    items: [{ addressType: 'IPv4', ports: [{ name: 'http', port: 8080 }], endpoints, ...more }],
  }) as Parameters<typeof observersOf>[0];

const pod = (name: string, address: string, conditions: object = { ready: true }): object => ({
  addresses: [address],
  conditions,
  targetRef: { kind: 'Pod', name },
});

describe('the observers that EndpointSlices show', () => {
  const a = { name: 'a', url: 'http://10.0.0.1:8080' };
  for (const { what, given, expected } of [
    { what: 'are those that serve', given: slice([pod('a', '10.0.0.1')]), expected: [a] },
    { what: 'and those that do not serve yet', given: slice([pod('a', '10.0.0.1', { ready: false })]), expected: [a] },
    { what: 'but none that is ending', given: slice([pod('a', '10.0.0.1', { terminating: true })]), expected: [] },
    { what: 'are none where there is no pod', given: slice(null, { ports: null }), expected: [] },
    {
      what: 'are none without the port',
      given: slice([pod('a', '10.0.0.1')], { ports: [{ name: 'web', port: 80 }] }),
      expected: [],
    },
    {
      what: 'have IPv6 addresses in brackets',
      given: slice([pod('a', 'fd00::1')], { addressType: 'IPv6' }),
      expected: [{ name: 'a', url: 'http://[fd00::1]:8080' }],
    },
    {
      what: 'are each one process, also where they have addresses of two families',
      given: {
        items: [...slice([pod('a', 'fd00::1')], { addressType: 'IPv6' }).items, ...slice([pod('a', '10.0.0.1')]).items],
      },
      expected: [a],
    },
  ]) {
    it(what, () => {
      assert.deepEqual(observersOf(given), expected);
    });
  }
});
