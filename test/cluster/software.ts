/**
 * Images of software that nobody here has written, each built only where a test asks for it. Their commands stand where
 * they stand in the images that their makers publish, so that manifests fit both.
 */

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { ensureSoftware } from './binaries.ts';
import { ensureUnpacked } from './debian.ts';
import { buildFolderImage } from './image-builder.ts';
import type { BuiltImage } from './image-builder.ts';
import { addUsers, CERTIFICATES, librariesOf, place } from './image-files.ts';
import { preflight } from './preflight.ts';

type Log = (line: string) => void;

/** The Open Policy Agent, as `openpolicyagent/opa:<version>-static` has it. */
export async function ensureOpaImage(log: Log): Promise<BuiltImage> {
  await preflight('images', log);
  const binary = await ensureSoftware('opa', log);
  return buildFolderImage(
    {
      name: 'localhost/opa:1',
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

/** Debian's Prometheus, where `prom/prometheus` has it. */
export function ensurePrometheusImage(log: Log): Promise<BuiltImage> {
  return debianImage(
    {
      name: 'localhost/prometheus:1',
      debianPackage: 'prometheus',
      from: 'usr/bin/prometheus',
      to: 'bin/prometheus',
      instructions: 'ENTRYPOINT ["/bin/prometheus"]',
    },
    log,
  );
}

/** Debian's nginx, where `nginx` has it. */
export function ensureNginxImage(log: Log): Promise<BuiltImage> {
  return debianImage(
    {
      name: 'localhost/nginx:1',
      debianPackage: 'nginx',
      from: 'usr/sbin/nginx',
      to: 'usr/sbin/nginx',
      instructions: 'ENV PATH=/usr/sbin\nCMD ["nginx", "-g", "daemon off;"]',
    },
    log,
  );
}

interface DebianImage {
  readonly name: string;
  readonly debianPackage: string;
  /** The command in the package, and in the image. */
  readonly from: string;
  readonly to: string;
  readonly instructions: string;
}

/** One command of a Debian package on nothing but the libraries of this machine that it needs. */
async function debianImage(
  { name, debianPackage, from, to, instructions }: DebianImage,
  log: Log,
): Promise<BuiltImage> {
  await preflight('images', log);
  const binary = join(await ensureUnpacked(debianPackage, log), from);
  const libraries = await librariesOf(binary);
  return buildFolderImage(
    {
      name,
      sources: [binary, ...libraries.map((library) => realpathSync(library))],
      instructions,
      fill: (root) => {
        place(binary, join(root, to));
        for (const library of libraries) place(library, join(root, library));
        addUsers(root);
      },
    },
    log,
  );
}
