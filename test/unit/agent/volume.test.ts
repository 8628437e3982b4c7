import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { questionSchema, type Question } from '../../../src/agent/protocol.ts';
import { look, type Look } from '../../../src/agent/volume.ts';
import { digestContent } from '../../../src/domain/digest.ts';
import type { AtomicWriter, Step } from '../../support/atomic-writer.ts';
import { aQuestion, createVolumes, POD, type Volumes } from '../../support/volumes.ts';

let volumes: Volumes;
let folder: string;
let writer: AtomicWriter;
beforeEach(() => {
  volumes = createVolumes();
  ({ folder, writer } = volumes.volume());
});
afterEach(() => {
  volumes.remove();
});

const see = (question: Question): Promise<Look> => look(volumes.podsFolder, question, digestContent);
const differing = async (files: Readonly<Record<string, string | null>>): Promise<readonly string[]> => {
  const seen = await see(aQuestion(files));
  assert.equal(seen.type, 'Seen', JSON.stringify(seen));
  return seen.differing;
};

describe('a look at a volume', () => {
  it('finds files as they are, and those that differ', async () => {
    writer.write({ a: 'one', 'b/c': 'two', 'b/d': 'three' });
    assert.deepEqual(await differing({ a: 'one', 'b/c': 'two', 'b/d': 'three', x: null, 'b/x': null }), []);
    assert.deepEqual(await differing({ a: 'other', 'b/c': null, x: 'any', 'b/x': 'any' }), ['a', 'b/c', 'x', 'b/x']);
  });

  it('compares bytes, those of empty files too', async () => {
    writer.write({ a: Buffer.of(0xff, 0xfe), b: '' });
    const digest = digestContent(Buffer.of(0xff, 0xfe));
    assert.deepEqual(await see({ ...aQuestion({ b: '' }), files: [['a', digest]] }), { type: 'Seen', differing: [] });
    assert.deepEqual(await differing({ b: '' }), []);
  });

  it('sees nothing in a volume that is not written yet', async () => {
    assert.deepEqual(await differing({ a: 'one', b: null }), ['a', 'b']);
    writer.write({});
    assert.deepEqual(await differing({ a: null }), []);
  });

  const steps: readonly (readonly [Step, readonly string[], readonly string[]])[] = [
    // step, what differs from the old state, what differs from the new one
    ['write', [], ['kept', 'gone', 'new']],
    ['swap', ['kept', 'gone', 'new'], ['gone', 'new']],
    ['link', ['kept', 'gone', 'new'], ['gone']],
    ['unlink', ['kept', 'gone', 'new'], []],
    ['clean', ['kept', 'gone', 'new'], []],
  ];
  for (const [step, fromOld, fromNew] of steps) {
    it(`says after the step "${step}" of a change what readers find`, async () => {
      writer.write({ kept: 'old', gone: 'old' });
      writer.write({ kept: 'new', new: 'new' }, step);
      assert.deepEqual(await differing({ kept: 'old', gone: 'old', new: null }), fromOld);
      assert.deepEqual(await differing({ kept: 'new', gone: null, new: 'new' }), fromNew);
      writer.finish();
      assert.deepEqual(await differing({ kept: 'new', gone: null, new: 'new' }), []);
    });
  }

  it('never mixes two states, however often they change meanwhile', async () => {
    const [A, B] = [
      { 'd/a': 'A', 'd/b': 'A' },
      { 'd/a': 'B', 'd/b': 'B' },
    ] as const;
    writer.write(A);
    let changes = 0;
    const ended = new AbortController();
    const changing = (async () => {
      while (!ended.signal.aborted) {
        changes += 1;
        writer.write(changes % 2 === 0 ? A : B);
        // From faster than anybody can look to slow enough to be seen.
        for (let turn = 0; turn <= changes % 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    try {
      let seen = 0;
      for (let looked = 0; looked < 100; looked += 1) {
        assert.notDeepEqual(await differing({ 'd/a': 'A', 'd/b': 'B' }), [], 'a mixture was seen');
        // Nor does it take what is being cleaned away for gone.
        for (const path of ['d/a', 'd/b'])
          assert.notDeepEqual(await differing({ [path]: null }), [], `${path} was gone`);
        if ((await differing(A)).length === 0) seen += 1;
      }
      assert.ok(changes > 100 && seen > 0, `${String(changes)} changes, ${String(seen)} seen`);
    } finally {
      ended.abort();
      await changing;
    }
  });

  it('says so where there is no such volume', async () => {
    writer.write({ a: 'one' });
    for (const other of [
      { volume: 'other' },
      { plugin: 'kubernetes.io~secret' },
      { pod: POD.replace('0', '1') },
    ] as const)
      assert.deepEqual(await see(aQuestion({ a: 'one' }, other)), { type: 'NoVolume' });
  });
});

describe('a look at a volume that is not as the kubelet makes it', () => {
  beforeEach(() => {
    writeFileSync(join(volumes.podsFolder, 'outside'), 'secret');
    writer.write({ a: 'one', 'd/e': 'two' });
  });

  it('follows no link in the place of a volume, a pod or a plugin', async () => {
    const real = join(volumes.podsFolder, 'elsewhere');
    renameSync(folder, real);
    symlinkSync(real, folder);
    assert.deepEqual(await see(aQuestion({ a: 'one' })), { type: 'NoVolume' });
    rmSync(folder);
    renameSync(real, folder);
    renameSync(join(volumes.podsFolder, POD), real);
    symlinkSync(real, join(volumes.podsFolder, POD));
    assert.deepEqual(await see(aQuestion({ a: 'one' })), { type: 'NoVolume' });
  });

  it('follows no link in the place of a file or of a folder of a state', async () => {
    const outside = join(volumes.podsFolder, 'out');
    mkdirSync(outside);
    writeFileSync(join(outside, 'e'), 'secret');
    rmSync(join(writer.state(), 'a'));
    symlinkSync(join(volumes.podsFolder, 'outside'), join(writer.state(), 'a'));
    rmSync(join(writer.state(), 'd'), { recursive: true });
    symlinkSync(outside, join(writer.state(), 'd'));
    assert.deepEqual(await differing({ a: 'secret', 'd/e': 'secret' }), ['a', 'd/e']);
  });

  it('takes no state from elsewhere', async () => {
    const outside = join(volumes.podsFolder, '..state');
    mkdirSync(outside);
    writeFileSync(join(outside, 'a'), 'secret');
    for (const target of [outside, '../..state', '..', '.', '..data']) {
      rmSync(join(folder, '..data'));
      symlinkSync(target, join(folder, '..data'));
      assert.notDeepEqual(await differing({ a: 'secret' }), [], target);
    }
    // A link that bears a state's name.
    symlinkSync(outside, join(folder, '..2026'));
    rmSync(join(folder, '..data'));
    symlinkSync('..2026', join(folder, '..data'));
    assert.deepEqual(await differing({ a: 'secret' }), ['a']);
  });

  it('takes no file for delivered that readers are not led to', async () => {
    rmSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a'), 'one');
    assert.deepEqual(await differing({ a: 'one' }), ['a']);
  });

  it('waits for no pipe, reads no folder, and nothing that is larger than any object', async () => {
    const state = writer.state();
    rmSync(join(state, 'a'));
    execFileSync('mkfifo', [join(state, 'a')]);
    writeFileSync(join(state, 'large'), '');
    truncateSync(join(state, 'large'), 1024 * 1024 + 1);
    symlinkSync('..data/large', join(folder, 'large'));
    const digest = digestContent(Buffer.alloc(1024 * 1024 + 1));
    assert.deepEqual(await differing({ a: '', d: '' }), ['a', 'd']);
    assert.deepEqual(await see({ ...aQuestion({}), files: [['large', digest]] }), {
      type: 'Seen',
      differing: ['large'],
    });
  });

  it('says what it can not read', { skip: process.getuid?.() === 0 ? 'root may read everything' : false }, async () => {
    chmodSync(join(writer.state(), 'a'), 0);
    const seen = await see(aQuestion({ a: 'one' }));
    assert.deepEqual(seen, { type: 'Unreadable', why: "the volume's folder can't be read: EACCES" });
  });
});

describe('a question', () => {
  const good = aQuestion({ 'a.rego': 'one', 'dir/..b': null });

  it('is taken as it is', () => {
    assert.deepEqual(questionSchema.parse(good), good);
    const pod = POD.replaceAll('-', '');
    assert.equal(questionSchema.parse({ ...good, pod }).pod, pod);
  });

  const uids = ['', '..', '.', '/', `${POD}/..`, `${POD}/`, POD.toUpperCase(), POD.slice(1), `../${POD.slice(3)}`];
  const names = ['', '.', '..', '../config', 'config/..', '/config', 'Config', 'a'.repeat(64), 'a_b', 'config\0'];
  const plugins = ['', '..', 'kubernetes.io~downward-api', 'kubernetes.io~csi', 'kubernetes.io~configmap/..'];
  const paths = [
    '',
    '/',
    '/etc/passwd',
    '..',
    '.',
    '../a',
    'a/../b',
    'a/..',
    'a//b',
    'a/',
    './a',
    'a/./b',
    '..data/a',
    '..x',
    'a\0b',
  ];
  for (const [what, change] of [
    ...uids.map((pod) => [`pod ${JSON.stringify(pod)}`, { pod }] as const),
    ...names.map((volume) => [`volume ${JSON.stringify(volume)}`, { volume }] as const),
    ...plugins.map((plugin) => [`plugin ${JSON.stringify(plugin)}`, { plugin }] as const),
    ...paths.map((path) => [`path ${JSON.stringify(path)}`, { files: [[path, null]] }] as const),
    ['no files', { files: [] }],
    ['too many files', { files: Array.from({ length: 4_097 }, (_, index) => [`f${String(index)}`, null]) }],
    ['a digest of another kind', { files: [['a', 'm1-00000000:AAAAAAAAAAAAAAAAAAAAAA']] }],
    ['a wait that is too long', { waitMs: 30_001 }],
    ['a short key', { key: 'abc' }],
    ['something besides', { content: true }],
  ] as const) {
    it(`is refused for ${what}`, () => {
      assert.equal(questionSchema.safeParse({ ...good, ...change }).success, false);
    });
  }

  it('that passes never leads out of its folder', async () => {
    writeFileSync(join(volumes.podsFolder, 'outside'), 'secret');
    const part = fc.constantFrom('..', '.', '', 'a', '..data', '\0', 'outside', POD, '/', '%2e%2e', '..\\');
    const text = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'));
    await fc.assert(
      fc.asyncProperty(text, text, text, async (pod, volume, path) => {
        const { success, data } = questionSchema.safeParse({
          ...good,
          ...(pod !== '' && { pod }),
          ...(volume !== '' && { volume }),
          files: [[path, digestContent('secret')]],
        });
        if (!success) return;
        const seen = await look(volumes.podsFolder, data, digestContent);
        assert.ok(seen.type !== 'Seen' || seen.differing.length === 1);
      }),
    );
  });
});
