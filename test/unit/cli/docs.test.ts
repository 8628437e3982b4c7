/** What docs/cli.md shows is what is printed. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { reload } from '../../support/reload.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8');

describe('docs/cli.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-docs-'));
  const files = [...page.matchAll(/in `([a-z/]+\.yaml)`,\n\n```yaml\n([^]*?)```/g)];
  for (const [, name = '', text = ''] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const examples = [...page.matchAll(/^\$ kubectl reload ((?:plan|explain) \S.*--against manifests\/)\n([^$`]+)```/gm)];

  it('has its examples', () => {
    assert.deepEqual([files.length, examples.length], [4, 2]);
  });

  for (const [, command = '', printed = ''] of examples) {
    it(`is right about ${command}`, async () => {
      const args = command
        .split(' ')
        .map((word) => (/^(changed\.yaml|manifests\/)$/.test(word) ? join(folder, word) : word));
      const { code, stdout } = await reload(args);
      assert.equal(stdout, printed);
      assert.equal(code, command.startsWith('plan') ? 20 : 0);
    });
  }

  it('names every command and every exit code of their help', async () => {
    for (const command of ['status', 'history', 'plan', 'explain', 'wait', 'rbac', 'completion']) {
      assert.match(page, new RegExp(`^## ${command}$`, 'm'));
      const { stdout } = await reload([command, '--help']);
      const [row = ''] = new RegExp(`^\\| .*\`${command}\`.* \\|$`, 'm').exec(page) ?? [];
      for (const [, code = ''] of stdout.matchAll(/[:;] (\d+) /g)) {
        if (code === '0' || ['1', '2'].includes(code)) continue;
        assert.ok(row.includes(`${code}: `), `${command}: ${code}`);
      }
    }
  });
});
