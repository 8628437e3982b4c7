import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createOperators, type Admission, type ReviewToken } from '../../../src/agent/operators.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const OPERATOR = 'system:serviceaccount:reload-operator-system:reload-operator';
const AUDIENCE = 'reload-operator-agent/00';
const NOW = 1_000_000_000;

interface Claims {
  readonly aud?: unknown;
  readonly sub?: unknown;
  readonly exp?: unknown;
}

const token = (claims: Claims = {}, signature = 'good'): string => {
  const all = { aud: [AUDIENCE], sub: OPERATOR, exp: NOW / 1_000 + 600, ...claims };
  return `e30.${Buffer.from(JSON.stringify(all)).toString('base64url')}.${signature}`;
};

/** An API server that holds a signature for good by its name, and counts. */
const scene = (review?: ReviewToken) => {
  const clock = createFakeClock(NOW);
  const asked: string[] = [];
  const operators = createOperators({
    usernames: new Set([OPERATOR]),
    audience: AUDIENCE,
    clock,
    review: (shown, audience) => {
      asked.push(audience);
      if (review !== undefined) return review(shown, audience);
      return Promise.resolve(shown.endsWith('.good') ? { username: OPERATOR } : undefined);
    },
  });
  return { clock, asked, admit: (shown: string): Promise<Admission> => operators.admit(shown) };
};

describe('the operator', () => {
  it('is allowed by a token for this very agent, which is reviewed once in five minutes', async () => {
    const { clock, asked, admit } = scene();
    assert.deepEqual(await Promise.all([admit(token()), admit(token())]), ['Allowed', 'Allowed']);
    await clock.advance(299_000);
    assert.equal(await admit(token()), 'Allowed');
    assert.deepEqual(asked, [AUDIENCE]);
    await clock.advance(1_000);
    assert.equal(await admit(token()), 'Allowed');
    assert.equal(asked.length, 2);
  });

  it('is refused when the token has expired, whatever is remembered', async () => {
    const { clock, admit } = scene();
    const short = token({ exp: NOW / 1_000 + 10 });
    assert.equal(await admit(short), 'Allowed');
    await clock.advance(10_000);
    assert.equal(await admit(short), 'Refused');
  });

  const worthless: readonly (readonly [string, string])[] = [
    ['of another agent', token({ aud: ['reload-operator-agent/11'] })],
    ['of agents at large', token({ aud: ['reload-operator-agent'] })],
    ['of the API server', token({ aud: ['https://kubernetes.default.svc'] })],
    ['without an audience', token({ aud: undefined })],
    ['of another account', token({ sub: 'system:serviceaccount:default:reload-operator' })],
    ['of no account', token({ sub: 7 })],
    ['that never ends', token({ exp: undefined })],
    ['that is none', 'abc'],
    ['with no claims', 'a.bnVsbA.c'],
    ['with too many parts', `${token()}.x`],
    ['of no length', ''],
    ['of great length', token({}, 'x'.repeat(17_000))],
  ];
  for (const [what, shown] of worthless) {
    it(`is refused with a token ${what}, without asking`, async () => {
      const { asked, admit } = scene();
      assert.equal(await admit(shown), 'Refused');
      assert.deepEqual(asked, []);
    });
  }

  it('is refused where the API server says that the token is another one’s, or none', async () => {
    assert.equal(await scene().admit(token({}, 'bad')), 'Refused');
    const { admit } = scene(() => Promise.resolve({ username: 'system:serviceaccount:a:b' }));
    assert.equal(await admit(token()), 'Refused');
  });

  it('is unknown where the API server does not answer, and asked about anew', async () => {
    let well = false;
    const { admit } = scene(() =>
      well ? Promise.resolve({ username: OPERATOR }) : Promise.reject(new Error('unreachable')),
    );
    assert.equal(await admit(token()), 'Unknown');
    well = true;
    assert.equal(await admit(token()), 'Allowed');
  });

  it('is not hindered by tokens that were refused, unless they come in a flood', async () => {
    const { clock, asked, admit } = scene();
    for (let index = 0; index < 19; index += 1) assert.equal(await admit(token({}, `bad${String(index)}`)), 'Refused');
    assert.equal(await admit(token()), 'Allowed');
    // All at once: no more reviews are under way than are allowed in a minute.
    const flood = await Promise.all(
      Array.from({ length: 100 }, (_, index) => admit(token({}, `worse${String(index)}`))),
    );
    assert.equal(flood.filter((admission) => admission === 'Refused').length, 1);
    assert.equal(asked.length, 21);
    assert.equal(await admit(token()), 'Allowed');
    await clock.advance(60_000);
    assert.equal(await admit(token({}, 'bad')), 'Refused');
  });
});
