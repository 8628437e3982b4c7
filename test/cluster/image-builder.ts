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
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { cacheDir } from './binaries.ts';
import { runCommand } from './commands.ts';
import { withLock } from './lock.ts';
import { preflight } from './preflight.ts';

/** Part of every image's hash: raise it when the way images are built changes. */
const RECIPE = 'v2';

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
 * The same inputs give the same image digest.
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
  await preflight('images', log);
  log(`building image ${spec.name}`);
  mkdirSync(dirname(archive), { recursive: true });
  const buildah = await buildahCommand();
  const staged = mkdtempSync(join(tmpdir(), 'reload-image-'));
  const unfinished = `${archive}.unfinished`;
  try {
    for (const input of inputsOf(spec)) await stage(join(spec.context, input), join(staged, input));
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

/** Keeps modes (fs.cp loses a folder's) but not owners, which are an accident of this machine. */
async function stage(from: string, to: string): Promise<void> {
  if (!existsSync(from)) throw new Error(`the image needs ${from}, which does not exist: build it first`);
  mkdirSync(dirname(to), { recursive: true });
  await runCommand('cp', ['--recursive', '--no-dereference', '--preserve=mode', from, to]);
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
