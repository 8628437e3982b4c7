/**
 * Images of software that nobody here has written, each built only where a test asks for it. Their commands are called,
 * and stand, as in the images that their makers publish, so that manifests fit both.
 */

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { ensureSoftware } from './binaries.ts';
import { buildFolderImage } from './image-builder.ts';
import type { BuiltImage } from './image-builder.ts';
import { addUsers, CERTIFICATES, place } from './image-files.ts';
import { preflight } from './preflight.ts';

export const OPA_IMAGE = 'localhost/opa:1';

/** The Open Policy Agent, as `openpolicyagent/opa:<version>-static` has it. */
export async function ensureOpaImage(log: (line: string) => void): Promise<BuiltImage> {
  await preflight('images', log);
  const binary = await ensureSoftware('opa', log);
  return buildFolderImage(
    {
      name: OPA_IMAGE,
      sources: [binary, realpathSync(CERTIFICATES)],
      instructions: 'USER 1000:1000\nENTRYPOINT ["/opa"]\nCMD ["run"]',
      fill: (root) => {
        place(binary, join(root, 'opa'));
        place(CERTIFICATES, join(root, CERTIFICATES));
        addUsers(root);
      },
    },
    log,
  );
}
