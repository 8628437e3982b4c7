import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bundle } from '../../../config/bundle/bundle.ts';
import type { parseDocument } from '../../../src/documents/parse.ts';

describe('the readers of documents, bundled', () => {
  const dir = mkdtempSync(join(tmpdir(), 'documents-'));
  after(() => {
    rmSync(dir, { recursive: true });
  });

  it('need nothing beside the bundle', async () => {
    const outfile = join(dir, 'parse.mjs');
    await bundle({ entry: 'src/documents/parse.ts', outfile });
    const bundled = (await import(pathToFileURL(outfile).href)) as { readonly parseDocument: typeof parseDocument };
    for (const [format, text] of [
      ['YAML', 'a: b'],
      ['JSON', '{"a": "b"}'],
      ['TOML', 'a = "b"'],
      ['Properties', 'a = b'],
      ['Dotenv', 'a=b'],
      ['INI', 'a = b'],
    ] as const)
      assert.deepEqual({ ...(bundled.parseDocument(text, format).toValue() as object) }, { a: 'b' }, format);
  });
});
