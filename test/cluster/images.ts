import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { cacheDir } from './binaries.ts';
import type { Binaries } from './binaries.ts';
import { runCommand } from './commands.ts';
import { withLock } from './lock.ts';
import { PAUSE_IMAGE } from './node.ts';
import { staticBusybox } from './preflight.ts';
import { CHECKOUT } from './state.ts';

export const BUSYBOX_IMAGE = 'reload.test/busybox:1';
/** Node on nothing but the libraries it needs. */
export const NODE_BASE_IMAGE = 'localhost/node-base:24';
export const OPERATOR_IMAGE = 'localhost/reload-operator:dev';

/** Part of every image's hash: raise it when the way images are built changes. */
const RECIPE = 'v1';

export interface ImageSpec {
  /** `name:tag` with a registry part, so that nothing completes it to docker.io. */
  readonly name: string;
  /** Folder that the Dockerfile's COPY reads from. */
  readonly context: string;
  /** The only paths of the context that are used; default: all of it. Folders are taken whole. */
  readonly inputs?: readonly string[];
  /** Path of the Dockerfile. */
  readonly dockerfile: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Images that FROM names, as built by `buildImage` before. */
  readonly bases?: readonly BuiltImage[];
}

export interface BuiltImage {
  readonly name: string;
  /** OCI archive in the cache; its file name changes with its content. */
  readonly archive: string;
}

/**
 * Builds an image without a registry, in a store of our own, unless the cache has it for these very inputs.
 * The same inputs give the same bytes.
 *
 * @throws with buildah's own words when the build fails.
 */
export async function buildImage(spec: ImageSpec, log: (line: string) => void): Promise<BuiltImage> {
  const label = spec.name.replaceAll(/[^a-z0-9.-]/g, '_');
  const archive = join(cacheDir(), 'images', `${label}-${hashOf(spec)}.tar`);
  if (existsSync(archive)) return { name: spec.name, archive };
  return withLock(join(cacheDir(), 'images.lock'), async () => {
    if (!existsSync(archive)) await build(spec, archive, label, log);
    return { name: spec.name, archive };
  });
}

async function build(spec: ImageSpec, archive: string, label: string, log: (line: string) => void): Promise<void> {
  log(`building image ${spec.name}`);
  mkdirSync(dirname(archive), { recursive: true });
  const buildah = await buildahCommand();
  const staged = mkdtempSync(join(tmpdir(), 'reload-image-'));
  const unfinished = `${archive}.unfinished`;
  try {
    for (const input of inputsOf(spec)) stage(join(spec.context, input), join(staged, input));
    for (const base of spec.bases ?? []) await buildah('pull', ['--quiet', `oci-archive:${base.archive}`]);
    const args = Object.entries(spec.buildArgs ?? {}).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    const reproducible = ['--timestamp', '0', '--identity-label=false'];
    const target = ['--file', spec.dockerfile, '--tag', spec.name, staged];
    await buildah('bud', [
      '--isolation',
      'chroot',
      '--pull-never',
      '--layers=false',
      ...reproducible,
      ...args,
      ...target,
    ]);
    rmSync(unfinished, { force: true });
    await buildah('push', ['--quiet', spec.name, `oci-archive:${unfinished}:${spec.name}`]);
    for (const old of earlierArchives(archive, label)) rmSync(old, { force: true });
    renameSync(unfinished, archive);
  } finally {
    rmSync(staged, { recursive: true, force: true });
    rmSync(unfinished, { force: true });
  }
}

type Buildah = (command: string, args: readonly string[]) => Promise<string>;

/** buildah on a store in the cache: the user's own images are neither seen nor touched. */
async function buildahCommand(): Promise<Buildah> {
  const store = join(cacheDir(), 'buildah');
  const driver = await storageDriver(store);
  const policy = join(store, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const roots = ['--root', join(store, driver[1] ?? ''), '--runroot', join(store, 'run')];
  return (command, args) => {
    const signatures =
      command === 'bud' || command === 'pull' || command === 'push' ? ['--signature-policy', policy] : [];
    return runCommand('buildah', [...roots, ...driver, command, ...signatures, ...args]);
  };
}

/** overlay where the file system of the cache can carry it, else the slow vfs. */
async function storageDriver(store: string): Promise<string[]> {
  const overlay = ['--storage-driver', 'overlay', '--storage-opt', 'overlay.skip_mount_home=true'];
  mkdirSync(store, { recursive: true });
  try {
    const roots = ['--root', join(store, 'overlay'), '--runroot', join(store, 'run')];
    await runCommand('buildah', [...roots, ...overlay, 'images', '--quiet']);
    return overlay;
  } catch {
    return ['--storage-driver', 'vfs'];
  }
}

/** The archives of the same image from other inputs: only the newest is kept. */
function earlierArchives(archive: string, label: string): string[] {
  const pattern = new RegExp(`^${label.replaceAll('.', '\\.')}-[0-9a-f]{16}\\.tar$`);
  const folder = dirname(archive);
  return readdirSync(folder)
    .filter((file) => pattern.test(file))
    .map((file) => join(folder, file));
}

function inputsOf(spec: ImageSpec): readonly string[] {
  return spec.inputs ?? readdirSync(spec.context);
}

function stage(from: string, to: string): void {
  if (!existsSync(from)) throw new Error(`the image needs ${from}, which does not exist: build it first`);
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

function hashOf(spec: ImageSpec): string {
  const bases = (spec.bases ?? []).map((base) => base.archive);
  const settings = [RECIPE, spec.name, spec.buildArgs ?? {}, bases, readFileSync(spec.dockerfile, 'utf8')];
  const hash = createHash('sha256').update(JSON.stringify(settings));
  for (const file of inputsOf(spec).flatMap((input) => filesBelow(join(spec.context, input)))) {
    const stat = lstatSync(file);
    const content = stat.isSymbolicLink() ? readlinkSync(file) : readFileSync(file);
    hash.update(`\0${relative(spec.context, file)}\0${stat.mode}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(path: string): string[] {
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((entry) => filesBelow(join(path, entry)));
}

/** What every cluster with a node gets: the sandbox image and busybox. @returns their archives. */
export async function ensureBaseImages(binaries: Binaries, log: (line: string) => void): Promise<string[]> {
  const busybox = staticBusybox();
  if (busybox === undefined) throw new Error('busybox-static is missing: install it');
  const images = [
    await fromFolder(PAUSE_IMAGE, 'FROM scratch\nCOPY . /\nENTRYPOINT ["/pause"]\n', log, (root) => {
      place(binaries.pause, join(root, 'pause'));
    }),
    await fromFolder(BUSYBOX_IMAGE, 'FROM scratch\nCOPY . /\nENV PATH=/bin\nCMD ["sh"]\n', log, async (root) => {
      place(busybox, join(root, 'bin/busybox'));
      const applets = (await runCommand(busybox, ['--list'])).trim().split('\n');
      for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
      addUsers(root);
    }),
  ];
  return images.map((image) => image.archive);
}

/** Node as `npm ci` brought it, with the libraries and certificates of this machine. */
export async function ensureNodeBase(log: (line: string) => void): Promise<BuiltImage> {
  const binary = realpathSync(process.execPath);
  const recipe = 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin\nENTRYPOINT ["/usr/local/bin/node"]\n';
  return fromFolder(NODE_BASE_IMAGE, recipe, log, async (root) => {
    place(binary, join(root, 'usr/local/bin/node'));
    for (const library of await librariesOf(binary)) place(library, join(root, library));
    const certificates = 'etc/ssl/certs/ca-certificates.crt';
    place(join('/', certificates), join(root, certificates));
    addUsers(root);
  });
}

/** Our own Dockerfile on the Node base. @throws when the bundle has not been built. */
export async function ensureOperatorImage(log: (line: string) => void): Promise<BuiltImage> {
  const base = await ensureNodeBase(log);
  return buildImage(
    {
      name: OPERATOR_IMAGE,
      context: CHECKOUT,
      inputs: ['dist/reload-operator.mjs'],
      dockerfile: join(CHECKOUT, 'Dockerfile'),
      buildArgs: { BASE: base.name },
      bases: [base],
    },
    log,
  );
}

/** Builds an image whose root is a folder that `fill` makes. */
async function fromFolder(
  name: string,
  recipe: string,
  log: (line: string) => void,
  fill: (root: string) => void | Promise<void>,
): Promise<BuiltImage> {
  const scratch = mkdtempSync(join(tmpdir(), 'reload-root-'));
  try {
    const root = join(scratch, 'root');
    mkdirSync(root);
    await fill(root);
    const dockerfile = join(scratch, 'Dockerfile');
    writeFileSync(dockerfile, recipe);
    return await buildImage({ name, context: root, dockerfile }, log);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** Paths of the shared libraries and the loader. Source: ldd(1), `name => path (address)` or `path (address)`. */
async function librariesOf(binary: string): Promise<string[]> {
  const listing = await runCommand('ldd', [binary]);
  const missing = /^\s*(\S+) => not found/m.exec(listing)?.[1];
  if (missing !== undefined) throw new Error(`${binary} needs ${missing}, which this machine lacks: install it`);
  return [...listing.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => (path === undefined ? [] : [path]));
}

/** root and an unprivileged user, and a /tmp for both. */
function addUsers(root: string): void {
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
}
