/** The suite itself: it passes what is right, and fails what is wrong. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CHECKOUT } from '../../cluster/state.ts';

/** A flaw of flawed-application.ts, and what the suite says of it. */
const FLAWS: Readonly<Record<string, RegExp>> = {
  'tells the digest of what it refused': /the digest is that of what is in force/,
  'forgets the earlier digest': /the digest is that of what is in force/,
  'never forgets a refusal': /✖ reloads by POST/,
  'quotes content': /the answer quotes content: bad-words-of-the-content/,
  'tells no reason': /200 goes without errors, 422 with one/,
  'answers 200 to everything': /200 goes without errors, 422 with one/,
  // It follows the file by itself, too: now and then that comes first, and the other one finds it.
  'answers before it has reloaded': /✖ (reloads by POST|answers each of several POSTs)/,
  'answers any method': /✖ answers other methods with 405/,
  'asks for no signature': /✖ refuses a POST with another key/,
  'writes digests in upper case': /✖ tells by GET what is loaded/,
  'names the file without its folder': /path is "app\.txt", not absolute/,
  'has a field of its own': /fields that v1 does not have/,
  'sends text': /✖ tells by GET what is loaded/,
};

interface Ended {
  readonly code: number | null;
  readonly printed: string;
}

const run = async (args: readonly string[]): Promise<Ended> => {
  const child = spawn(process.execPath, [join(CHECKOUT, 'test/protocol/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Without it the child takes itself for a file of this very run, and prints for machines.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, printed: stdout + stderr };
};

describe('test/protocol/main.ts', { concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-protocol-main-'));
  const file = (name: string): string => join(folder, name);
  const args = ['--accepted', file('app.txt'), '--accepted', file('other.txt'), '--refused', file('bad.txt')];
  const application = join(import.meta.dirname, 'flawed-application.ts');
  const holdTo = (flaw: string, ...options: readonly string[]): Promise<Ended> =>
    run([...args, ...options, '--', process.execPath, application, flaw, '{file}', '{port}', '{key}']);

  before(() => {
    writeFileSync(file('app.txt'), 'good: one');
    writeFileSync(file('other.txt'), 'good: other');
    writeFileSync(file('bad.txt'), 'bad-words-of-the-content');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('passes an application that does as it should', async () => {
    const { code, printed } = await holdTo('none', '--asked-only');
    assert.equal(code, 0, printed);
    assert.match(printed, /pass 1[0-9]|pass 2[0-9]/);
  });

  it('fails one that does not follow its file, unless that is said', async () => {
    const { code, printed } = await holdTo('none');
    assert.equal(code, 1);
    assert.match(printed, /follows the file by itself/);
  });

  for (const [flaw, said] of Object.entries(FLAWS)) {
    it(`fails one that ${flaw}`, async () => {
      const { code, printed } = await holdTo(flaw, '--asked-only');
      assert.equal(code, 1);
      assert.match(printed, said);
    });
  }

  for (const [what, given] of Object.entries({
    'no command': args,
    'no place for the port': [...args, '--', 'app', '{file}'],
    'nothing to refuse': [...args.slice(0, 4), '--', 'app', '{file}', '{port}'],
    'a file that is not there': [...args, '--refused', file('none'), '--', 'app', '{file}', '{port}'],
  }))
    it(`says how it is used where there is ${what}`, async () => {
      const { code, printed } = await run(given);
      assert.equal(code, 2);
      assert.match(printed, /^node test\/protocol\/main\.ts --accepted FILE/m);
    });

  it('says what an application printed that ends', async () => {
    const { code, printed } = await run([...args, '--', process.execPath, '--no-such-option', '{file}', '{port}']);
    assert.equal(code, 1);
    assert.match(printed, /bad option: --no-such-option/);
  });
});
