/** What a cluster's supervisor tells those who watch it. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serveControl, watchForBreakage, type ControlServer } from '../../cluster/control.ts';

describe('the news that a cluster is broken', () => {
  let folder: string;
  let path: string;
  let control: ControlServer;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'control-'));
    path = join(folder, 'socket');
    control = await serveControl(path, () => Promise.resolve());
  });
  after(() => {
    control.close();
    rmSync(folder, { recursive: true });
  });

  it('reaches those who begin to watch only after it', async () => {
    control.broken('a part has ended');
    const news = await new Promise((resolve) => {
      watchForBreakage(path, resolve);
    });
    assert.equal(news, 'a part has ended');
  });
});
