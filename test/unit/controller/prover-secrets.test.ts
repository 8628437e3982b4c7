/** Proof where Secrets are concerned: what agents are asked by, what requests are signed by, and what is never said. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceObject } from '../../../src/controller/ports.ts';
import { digestKeys, digestParts, digestVersion, macKey, macScheme, type Digest } from '../../../src/domain/digest.ts';
import { aFollowedPod } from '../../support/builders.ts';
import { NOTIFY, ProofScene, tells } from '../../support/proof-scene.ts';

const MAC = macScheme(macKey(new Uint8Array(32).fill(1)), 'shop', 'Secret', 'app');
const expectedOf = (content: Readonly<Record<string, string>>): ReadonlyMap<string, ReadonlyMap<string, Digest>> =>
  new Map([['Secret/app', digestKeys(content, {}, MAC)]]);
const secretOf = (content: Readonly<Record<string, string>> | undefined): SourceObject => ({
  uid: 'u',
  resourceVersion: '1',
  immutable: false,
  ignored: false,
  schemasAllowed: false,
  ...(content !== undefined && { content: new Map(Object.entries(content)) }),
});
const POD = aFollowedPod({
  mounts: [
    {
      volume: 'secret',
      plugin: 'kubernetes.io~secret',
      source: 'Secret/app',
      containers: [{ name: 'main', path: '/etc/app' }],
    },
  ],
});
const EXPECTED = expectedOf({ 'app.yaml': 'two' });

describe('files of a Secret', () => {
  it('are asked about by MACs of a key of their own', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.secret = () => secretOf({ 'app.yaml': 'two', other: 'x' });
    await scene.pursue({ proof: 'Mounted', targets: [], expected: EXPECTED });
    const key = new Uint8Array(32).fill(7);
    assert.deepEqual(scene.questions[0]?.question, {
      volume: 'secret',
      plugin: 'kubernetes.io~secret',
      files: new Map([['app.yaml', digestParts({ format: 'q1', key, context: [] }, 'two')]]),
      key,
    });
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });

  it('are read once for many pods', async () => {
    const pods = Array.from({ length: 20 }, (_, index) => ({ ...POD, name: `web-${index}`, uid: `uid-${index}` }));
    const scene = new ProofScene({ pods, agents: true });
    let reads = 0;
    scene.secret = () => {
      reads += 1;
      return secretOf({ 'app.yaml': 'two' });
    };
    await scene.pursue({ proof: 'Mounted', targets: [], expected: EXPECTED });
    assert.deepEqual([reads, scene.questions.length], [1, 20]);
    scene.prover.close();
  });

  it('that are gone are to be gone', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.secret = () => secretOf({});
    await scene.pursue({
      proof: 'Mounted',
      targets: [],
      expected: new Map([['Secret/app', new Map([['app.yaml', '']])]]),
    });
    assert.deepEqual(scene.questions[0]?.question.files, new Map([['app.yaml', undefined]]));
    scene.prover.close();
  });

  it('can not be proven where no values are read, and that is said', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.secret = () => secretOf(undefined);
    const expected = new Map([['Secret/app', new Map([['*', digestVersion('u', '1')]])]]);
    await scene.pursue({ proof: 'Mounted', targets: [], expected });
    assert.equal(scene.pod().why, "whether the files have what Secret app says can't be told with --secrets-blind");
    assert.deepEqual(scene.questions, []);
    // Who only accepts counts.
    await scene.pursue({ proof: 'Loaded', digest: 'd2', expected });
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });

  it('count as loaded by acceptance, whatever digest the application tells', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells('one');
    await scene.pursue({ expected: EXPECTED });
    assert.equal(scene.pod().done, true);
    assert.equal(scene.progress().blind, true);
    scene.prover.close();
  });

  it('that are refused are so without a word of the reason', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells(undefined, { error: 'password hunter2 is too short' });
    await scene.pursue({ expected: EXPECTED });
    assert.equal(scene.pod().why, "container main: /etc/app/app.yaml is refused: the application's log may say why");
    assert.ok(!JSON.stringify(scene.log).includes('hunter2'));
    scene.prover.close();
  });
});

describe('requests that are to be signed', () => {
  const targets = [{ ...NOTIFY, signature: { name: 'reload-key', key: 'token' } }];
  const pods = [aFollowedPod()];

  it('carry the key of the Secret', async () => {
    const scene = new ProofScene({ pods });
    scene.secret = (name) => (name === 'reload-key' ? secretOf({ token: 'key' }) : undefined);
    scene.answer = () => tells('two');
    await scene.pursue({ targets });
    assert.deepEqual(scene.asks[0]?.signingKey, Buffer.from('key'));
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });

  const missing: readonly (readonly [what: string, secret: () => SourceObject | undefined, why: RegExp])[] = [
    ['there is no such Secret', () => undefined, /does not exist: create it, with the key token$/],
    ['it has no such key', () => secretOf({ other: 'x' }), /has no value under the key token$/],
    ['its key is empty', () => secretOf({ token: '' }), /has no value under the key token$/],
    ['no values are read', () => secretOf(undefined), /can't be read with --secrets-blind$/],
    [
      'it may not be read',
      () => {
        throw Object.assign(new Error('forbidden'), { status: 403 });
      },
      /may not be read by the operator: grant it get on this Secret$/,
    ],
  ];
  for (const [what, secret, why] of missing) {
    it(`are not sent where ${what}, and that is said`, async () => {
      const scene = new ProofScene({ pods });
      scene.secret = secret;
      await scene.pursue({ targets });
      assert.match(scene.pod().why ?? '', /^container main: Secret reload-key, by which requests are to be signed, /);
      assert.match(scene.pod().why ?? '', why);
      assert.deepEqual(scene.asks, []);
      scene.secret = () => secretOf({ token: 'key' });
      await scene.advance(12_000);
      assert.equal(scene.pod().done, true);
      scene.prover.close();
    });
  }
});
