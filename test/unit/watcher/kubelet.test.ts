import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { dataOf, readKubeletsState } from '../../../src/watcher/kubelet.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { watched } from '../../support/watched.ts';

describe("the kubelet's folder", () => {
  it('is read as what its link leads to', (t: TestContext) => {
    const { folder } = watched(t);
    assert.equal(dataOf(folder), undefined);
    createAtomicWriter(folder).write({ a: '1', b: '2', 'in/a/folder': '3' });
    const files = readKubeletsState(folder, dataOf(folder) ?? '', 100);
    assert.deepEqual(
      files,
      new Map([
        ['a', Buffer.from('1')],
        ['b', Buffer.from('2')],
      ]),
    );
    assert.equal(readKubeletsState(folder, dataOf(folder) ?? '', 1), 'TooLarge');
  });

  it('is not taken where it was swapped while it was read, and half of it was gone', (t: TestContext) => {
    const { folder } = watched(t);
    const { write } = createAtomicWriter(folder);
    write({ a: '1', b: '1' });
    const old = dataOf(folder) ?? '';
    write({ a: '2', b: '2' });
    // As it is in the middle of being removed.
    mkdirSync(old);
    writeFileSync(join(old, 'a'), '1');
    assert.equal(readKubeletsState(folder, old, 100), undefined);
  });

  it('is none where the link leads nowhere', (t: TestContext) => {
    const { folder, path } = watched(t);
    symlinkSync('..gone', path('tmp'));
    renameSync(path('tmp'), path('..data'));
    assert.equal(dataOf(folder), undefined);
  });
});
