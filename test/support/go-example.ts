/** The Go example of config/samples/protocol, built. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../cluster/commands.ts';
import { buildFolderImage } from '../cluster/image-builder.ts';
import { place } from '../cluster/image-files.ts';
import type { BuiltImage } from '../cluster/images.ts';
import { pathOf } from '../cluster/preflight.ts';
import { CHECKOUT } from '../cluster/state.ts';

/**
 * Builds it as one static file. Its only packages are Go's own.
 *
 * @throws with one sentence where Go is missing, or with what the compiler says
 */
export async function buildGoExample(binary: string): Promise<void> {
  if (pathOf('go') === undefined)
    throw new Error('Go is missing, which builds the example: install Go 1.26 or later from go.dev');
  // As everything else is built that tests need, so that the build cache has most of it.
  await runCommand('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', binary, '.'], {
    cwd: join(CHECKOUT, 'config/samples/protocol/go'),
    env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
  });
}

/** The image that config/samples/protocol/go/Dockerfile describes, without an image that has Go. */
export async function ensureGoExampleImage(log: (line: string) => void): Promise<BuiltImage> {
  const folder = mkdtempSync(join(tmpdir(), 'reload-protocol-image-'));
  const binary = join(folder, 'app');
  try {
    await buildGoExample(binary);
    return await buildFolderImage(
      {
        name: 'localhost/protocol:1',
        sources: [binary],
        instructions: 'USER 65532:65532\nENTRYPOINT ["/app"]',
        fill: (root) => {
          place(binary, join(root, 'app'));
        },
      },
      log,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
