import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { cacheDir } from './binaries.ts';
import { runCommand } from './commands.ts';
import { withLock } from './lock.ts';
import { preflight } from './preflight.ts';

/** Part of every image's hash: raise it when the way images are built changes. */
const RECIPE = 'v3';
const UNFINISHED = 'unfinished-';

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
  /** Images that FROM names, as built before. */
  readonly bases?: readonly BuiltImage[];
}

/** An image whose root is one folder. */
export interface FolderImageSpec {
  readonly name: string;
  /** The files that `fill` takes from this machine: the image is built anew when one of them changes. */
  readonly sources: readonly string[];
  /** Instructions after `COPY . /`. */
  readonly instructions: string;
  readonly fill: (root: string) => void | Promise<void>;
}

export interface BuiltImage {
  readonly name: string;
  /** OCI archive in the cache; its file name changes with what it is built from. */
  readonly archive: string;
}

/**
 * Builds an image without a registry, unless the cache has it for these very inputs.
 * The same inputs give the same image digest.
 *
 * @throws with buildah's own words when the build fails.
 */
export async function buildImage(spec: ImageSpec, log: (line: string) => void): Promise<BuiltImage> {
  const inputs = spec.inputs ?? readdirSync(spec.context).sort();
  for (const input of inputs) {
    const path = join(spec.context, input);
    if (!existsSync(path)) throw new Error(`image ${spec.name} needs ${path}, which does not exist: build it first`);
  }
  const bases = spec.bases ?? [];
  const settings = [spec.buildArgs ?? {}, bases.map((base) => base.archive), readFileSync(spec.dockerfile, 'utf8')];
  const files = inputs.flatMap((input) => filesBelow(join(spec.context, input)));
  return inCache(spec.name, hashOf(settings, spec.context, files), log, async (work) => {
    for (const input of inputs) await stage(join(spec.context, input), join(work, 'context', input));
    await build(work, { ...spec, bases });
  });
}

/** The same for an image that is put together from files of this machine. */
export async function buildFolderImage(spec: FolderImageSpec, log: (line: string) => void): Promise<BuiltImage> {
  const recipe = `FROM scratch\nCOPY . /\n${spec.instructions}\n`;
  const hash = hashOf([recipe, spec.fill.toString()], '/', spec.sources);
  return inCache(spec.name, hash, log, async (work) => {
    await spec.fill(join(work, 'context'));
    const dockerfile = join(work, 'Dockerfile');
    writeFileSync(dockerfile, recipe);
    await build(work, { name: spec.name, dockerfile, bases: [] });
  });
}

/** @param make leaves the archive as `image.tar` in the folder that it is given. */
async function inCache(
  name: string,
  hash: string,
  log: (line: string) => void,
  make: (work: string) => Promise<void>,
): Promise<BuiltImage> {
  const label = name.replaceAll(/[^a-z0-9.-]/g, '_');
  const folder = join(cacheDir(), 'images');
  const archive = join(folder, `${label}-${hash}.tar`);
  if (existsSync(archive)) return { name, archive };
  await preflight('images', log);
  return withLock(join(folder, 'lock'), async () => {
    if (existsSync(archive)) return { name, archive };
    log(`building image ${name}`);
    // Whatever is unfinished now was left by a build that was killed.
    for (const left of entriesOf(folder, UNFINISHED)) rmSync(left, { recursive: true, force: true });
    const work = mkdtempSync(join(folder, UNFINISHED));
    try {
      mkdirSync(join(work, 'context'));
      await make(work);
      for (const earlier of entriesOf(folder, `${label}-`)) rmSync(earlier, { force: true });
      renameSync(join(work, 'image.tar'), archive);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return { name, archive };
  });
}

function entriesOf(folder: string, prefix: string): string[] {
  const entries = readdirSync(folder).filter((entry) => entry.startsWith(prefix));
  return entries.map((entry) => join(folder, entry));
}

type BuildSpec = Pick<ImageSpec, 'name' | 'dockerfile' | 'buildArgs'> & { readonly bases: readonly BuiltImage[] };

async function build(work: string, spec: BuildSpec): Promise<void> {
  const buildah = await buildahIn(work);
  const policy = join(work, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const trusting = ['--signature-policy', policy];
  for (const base of spec.bases) await buildah('pull', ...trusting, '--quiet', `oci-archive:${base.archive}`);
  const args = Object.entries(spec.buildArgs ?? {}).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const offline = ['--isolation', 'chroot', '--pull-never', '--layers=false'];
  const reproducible = ['--timestamp', '0', '--identity-label=false'];
  const target = ['--file', spec.dockerfile, '--tag', spec.name, join(work, 'context')];
  await buildah('bud', ...trusting, ...offline, ...reproducible, ...args, ...target);
  await buildah('push', ...trusting, '--quiet', spec.name, `oci-archive:${join(work, 'image.tar')}:${spec.name}`);
}

type Buildah = (command: string, ...args: readonly string[]) => Promise<string>;

/**
 * buildah with a store of its own, so that the user's images are neither seen nor touched, and in a mount
 * namespace of its own, so that a build that is killed leaves no mount. Overlay where the cache's file system can
 * carry it, else the slow vfs.
 */
async function buildahIn(work: string): Promise<Buildah> {
  const withDriver =
    (driver: string): Buildah =>
    (...args) => {
      const store = ['--root', join(work, driver), '--runroot', join(work, 'run'), '--storage-driver', driver];
      return runCommand('unshare', ['--mount', '--', 'buildah', ...store, ...args]);
    };
  const overlay = withDriver('overlay');
  try {
    await overlay('images', '--quiet');
    return overlay;
  } catch {
    return withDriver('vfs');
  }
}

/** Keeps modes (fs.cp loses a folder's) but not owners, which are an accident of this machine. */
async function stage(from: string, to: string): Promise<void> {
  mkdirSync(dirname(to), { recursive: true });
  await runCommand('cp', ['--recursive', '--no-dereference', '--preserve=mode', from, to]);
}

function hashOf(settings: unknown, root: string, files: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify([RECIPE, settings]));
  for (const file of files) {
    const stat = lstatSync(file);
    const content = stat.isSymbolicLink() ? readlinkSync(file) : readFileSync(file);
    // Files from elsewhere go by their name: where a cache or a checkout lies makes no difference.
    const name = root === '/' ? basename(file) : relative(root, file);
    hash.update(`\0${name}\0${stat.mode}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(path: string): string[] {
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((entry) => filesBelow(join(path, entry)));
}
