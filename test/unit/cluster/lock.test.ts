import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { dropAbandonedLock, withLock } from '../../cluster/lock.ts';
import { refTo } from '../../cluster/processes.ts';
import type { ProcessRef } from '../../cluster/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'reload-lock-'));

async function endedProcess(): Promise<ProcessRef> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  assert.ok(child.pid !== undefined);
  const ref = refTo(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return ref;
}

describe('withLock', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('lets one in at a time and gives the result through', async () => {
    const lock = join(folder, 'one-at-a-time');
    let inside = 0;
    const work = async (result: number): Promise<number> => {
      inside += 1;
      assert.equal(inside, 1);
      await new Promise(setImmediate);
      inside -= 1;
      return result;
    };
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => withLock(lock, () => work(n)))), [1, 2, 3]);
    assert.ok(!existsSync(lock));
  });

  it('is released when the work fails', async () => {
    const lock = join(folder, 'failing');
    await assert.rejects(
      withLock(lock, () => Promise.reject(new Error('no luck'))),
      /no luck/,
    );
    assert.ok(!existsSync(lock));
  });

  it('takes over from an owner that has died', async () => {
    const lock = join(folder, 'dead-owner');
    writeFileSync(lock, JSON.stringify(await endedProcess()));
    assert.equal(await withLock(lock, () => Promise.resolve('mine')), 'mine');
  });

  it('takes over from a process whose id now belongs to another', async () => {
    const lock = join(folder, 'reused-id');
    writeFileSync(lock, JSON.stringify({ pid: process.pid, startTime: '1' }));
    assert.equal(await withLock(lock, () => Promise.resolve('mine')), 'mine');
  });
});

describe('dropAbandonedLock', () => {
  it('removes the lock of a dead owner only', async () => {
    const other = mkdtempSync(join(tmpdir(), 'reload-lock-'));
    const [dead, alive] = [join(other, 'dead'), join(other, 'alive')];
    writeFileSync(dead, JSON.stringify(await endedProcess()));
    writeFileSync(alive, JSON.stringify(refTo(process.pid)));
    for (const lock of [dead, alive, join(other, 'none')]) dropAbandonedLock(lock);
    assert.deepEqual([existsSync(dead), existsSync(alive)], [false, true]);
    rmSync(other, { recursive: true });
  });
});
