import { realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { runCommand } from './commands.ts';
import { buildFolderImage, buildImage } from './image-builder.ts';
import type { BuiltImage } from './image-builder.ts';
import { addUsers, CERTIFICATES, librariesOf, place } from './image-files.ts';
import { PAUSE_IMAGE } from './node.ts';
import { preflight, staticBusybox } from './preflight.ts';
import { CHECKOUT } from './state.ts';

export { buildImage } from './image-builder.ts';
export type { BuiltImage, ImageSpec } from './image-builder.ts';

/** A shell and the usual commands for test workloads. It resolves no host names: glibc can't when linked statically. */
export const BUSYBOX_IMAGE = 'reload.test/busybox:1';
/** Node on nothing but the libraries it needs. */
export const NODE_BASE_IMAGE = 'localhost/node-base:24';
export const OPERATOR_IMAGE = 'localhost/reload-operator:dev';

/** What every cluster with a node gets: the sandbox image and busybox. @returns their archives. */
export async function ensureBaseImages(binaries: Binaries, log: (line: string) => void): Promise<string[]> {
  await preflight('images', log);
  const images = [await pauseImage(binaries.pause, log), await busyboxImage(log)];
  return images.map((image) => image.archive);
}

function pauseImage(binary: string, log: (line: string) => void): Promise<BuiltImage> {
  return buildFolderImage(
    {
      name: PAUSE_IMAGE,
      sources: [binary],
      instructions: 'ENTRYPOINT ["/pause"]',
      fill: (root) => {
        place(binary, join(root, 'pause'));
      },
    },
    log,
  );
}

async function busyboxImage(log: (line: string) => void): Promise<BuiltImage> {
  const busybox = staticBusybox();
  if (busybox === undefined) throw new Error('busybox-static is missing: install it');
  const applets = (await runCommand(busybox, ['--list'])).trim().split('\n');
  return buildFolderImage(
    {
      name: BUSYBOX_IMAGE,
      sources: [realpathSync(busybox)],
      instructions: 'ENV PATH=/bin\nCMD ["sh"]',
      fill: (root) => {
        place(busybox, join(root, 'bin/busybox'));
        for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
        addUsers(root);
      },
    },
    log,
  );
}

/** Node as `npm ci` brought it, with the libraries and certificates of this machine. */
export async function ensureNodeBase(log: (line: string) => void): Promise<BuiltImage> {
  await preflight('images', log);
  const binary = realpathSync(process.execPath);
  const libraries = await librariesOf(binary);
  return buildFolderImage(
    {
      name: NODE_BASE_IMAGE,
      sources: [binary, ...libraries.map((library) => realpathSync(library)), realpathSync(CERTIFICATES)],
      instructions: 'ENV PATH=/usr/local/bin\nENTRYPOINT ["/usr/local/bin/node"]',
      fill: (root) => {
        place(binary, join(root, 'usr/local/bin/node'));
        for (const file of [...libraries, CERTIFICATES]) place(file, join(root, file));
        addUsers(root);
      },
    },
    log,
  );
}

/** Our own Dockerfile on the Node base. @throws when the bundle has not been built. */
export async function ensureOperatorImage(log: (line: string) => void): Promise<BuiltImage> {
  const base = await ensureNodeBase(log);
  return buildImage(
    {
      name: OPERATOR_IMAGE,
      context: CHECKOUT,
      inputs: [
        ...['dist/reload-operator.mjs', 'dist/reload-operator-worker.mjs'].flatMap((file) => [
          file,
          `${file}.LEGAL.txt`,
        ]),
        'LICENSE',
      ],
      dockerfile: join(CHECKOUT, 'Dockerfile'),
      buildArgs: { BASE: base.name },
      bases: [base],
    },
    log,
  );
}
