/** What docs/cli.md says of commands is what their help says. Its examples are run in ../docs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { reload } from '../../support/reload.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8');

describe('docs/cli.md', () => {
  it('names every command and every exit code of their help', async () => {
    for (const command of [
      'status',
      'history',
      'plan',
      'explain',
      'wait',
      'approve',
      'now',
      'retry',
      'reset',
      'rollback',
      'diff',
      'rbac',
      'completion',
    ]) {
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
