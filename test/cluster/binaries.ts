import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runCommand } from './commands.ts';
import { withLock } from './lock.ts';
import { WAY_OUT } from './preflight.ts';

const MODULES = join(import.meta.dirname, 'binaries');

/** Go marks an unstamped Kubernetes build `v0.0.0-master+$Format:%H$`, which kubectl and Helm refuse to parse. */
const KUBERNETES_VERSION = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/;

interface GoModule {
  readonly name: string;
  /** Command name → package. */
  readonly commands: Readonly<Record<string, string>>;
  /** Build tags, separated by commas. */
  readonly tags?: string;
  readonly ldflags: (goMod: string) => string;
}

const KUBERNETES_COMMANDS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const;

const GO_MODULES: readonly GoModule[] = [
  {
    name: 'kubernetes',
    commands: Object.fromEntries(KUBERNETES_COMMANDS.map((command) => [command, `k8s.io/kubernetes/cmd/${command}`])),
    ldflags: kubernetesLdflags,
  },
  { name: 'etcd', commands: { etcd: 'go.etcd.io/etcd/server/v3' }, ldflags: () => '-s -w' },
  { name: 'pause', commands: { pause: '.' }, ldflags: () => '-s -w' },
];

/** What nobody here has written, for the tests that ask for it: no cluster needs it. */
const SOFTWARE: Readonly<Record<SoftwareName, GoModule>> = {
  opa: {
    name: 'opa',
    commands: { opa: 'github.com/open-policy-agent/opa' },
    // Without bundles from container registries, which would take a third more to build.
    tags: 'opa_no_oci',
    ldflags: () => '-s -w',
  },
  'argo-rollouts': {
    name: 'argo-rollouts',
    commands: { 'argo-rollouts': 'github.com/argoproj/argo-rollouts/cmd/rollouts-controller' },
    ldflags: () => '-s -w',
  },
};

export type SoftwareName = 'opa' | 'argo-rollouts';

export type BinaryName = (typeof KUBERNETES_COMMANDS)[number] | 'etcd' | 'pause';

/** Absolute path of each built command. */
export type Binaries = Readonly<Record<BinaryName, string>>;

/** `${XDG_CACHE_HOME:-~/.cache}/reload-operator`: what is built once and kept. */
export function cacheDir(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'reload-operator');
}

/**
 * The commands of the cluster, from the cache or built into it (about 6 minutes on two cores, once).
 * A folder of the cache is named by everything that goes into its commands, and appears only when complete.
 *
 * @throws with one sentence when a build fails.
 */
export async function ensureBinaries(log: (line: string) => void): Promise<Binaries> {
  const goVersion = await goVersionHere();
  const found: Record<string, string> = {};
  for (const module of GO_MODULES) {
    const dir = await ensureModule(module, goVersion, log);
    for (const command of Object.keys(module.commands)) found[command] = join(dir, command);
  }
  return found as Binaries;
}

/**
 * The command of a server that tests run, from the cache or built into it (a minute or two on two cores, once).
 *
 * @returns its absolute path
 * @throws with one sentence when the build fails.
 */
export async function ensureSoftware(name: SoftwareName, log: (line: string) => void): Promise<string> {
  return join(await ensureModule(SOFTWARE[name], await goVersionHere(), log), name);
}

/** Where the files of a module lie that comes with the command of such a server. */
export async function softwareFolder(name: SoftwareName, module: string): Promise<string> {
  const cwd = join(MODULES, name);
  await runCommand('go', ['mod', 'download', module], { cwd });
  return (await runCommand('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd })).trim();
}

const goVersionHere = async (): Promise<string> =>
  (await runCommand('go', ['env', 'GOVERSION'], { cwd: MODULES })).trim();

async function ensureModule(module: GoModule, goVersion: string, log: (line: string) => void): Promise<string> {
  const source = join(MODULES, module.name);
  const flags = buildFlags(module.ldflags(readFileSync(join(source, 'go.mod'), 'utf8')), module.tags);
  const target = join(cacheDir(), 'bin', `${module.name}-${hashOf(source, [goVersion, process.arch, ...flags])}`);
  if (existsSync(target)) return target;
  return withLock(
    `${target}.lock`,
    async () => {
      if (!existsSync(target)) await build(module, source, flags, target, log);
      return target;
    },
    (pid) => {
      log(`waiting for process ${pid}, which is building ${module.name}`);
    },
  );
}

async function build(
  module: GoModule,
  source: string,
  flags: readonly string[],
  target: string,
  log: (line: string) => void,
): Promise<void> {
  const unfinished = mkdtempSync(`${target}.unfinished-`);
  try {
    const commands = Object.entries(module.commands);
    for (const [index, [command, pkg]] of commands.entries()) {
      const label = `building ${command} (${index + 1}/${commands.length} of ${module.name})`;
      await withTicker(label, log, () => goBuild(source, [...flags, '-o', join(unfinished, command), pkg]));
    }
    renameSync(unfinished, target);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function goBuild(cwd: string, args: readonly string[]): Promise<void> {
  const child = spawn('go', ['build', ...args], {
    cwd,
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, said] = await Promise.all([exited, text(child.stderr)]);
  if (code !== 0) {
    const reason = said.trim().split('\n').slice(-5).join('\n');
    throw new Error(`go build ${args.at(-1) ?? ''} failed; ${WAY_OUT}:\n${reason}`);
  }
}

/** Says what is under way at once, every 15 s, and when it is done. */
async function withTicker(label: string, log: (line: string) => void, work: () => Promise<void>): Promise<void> {
  const begun = performance.now();
  const seconds = (): string => ((performance.now() - begun) / 1000).toFixed(0);
  log(label);
  const ticker = setInterval(() => {
    log(`${label}: ${seconds()} s`);
  }, 15_000);
  try {
    await work();
    log(`${label}: done in ${seconds()} s`);
  } finally {
    clearInterval(ticker);
  }
}

function buildFlags(ldflags: string, tags: string | undefined): string[] {
  return ['-trimpath', '-buildvcs=false', ...(tags === undefined ? [] : ['-tags', tags]), '-ldflags', ldflags];
}

/** Source: hack/lib/version.sh of Kubernetes, ldflags(). */
function kubernetesLdflags(goMod: string): string {
  const [, version, major, minor] = KUBERNETES_VERSION.exec(goMod) ?? [];
  if (version === undefined || major === undefined || minor === undefined) {
    throw new Error('binaries/kubernetes/go.mod names no version of k8s.io/kubernetes');
  }
  const values = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
  };
  const settings = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((pkg) =>
    Object.entries(values).map(([name, value]) => ` -X ${pkg}.${name}=${value}`),
  );
  return `-s -w ${settings.join('')}`;
}

function hashOf(folder: string, more: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const file of readdirSync(folder).sort()) {
    const content = readFileSync(join(folder, file));
    hash.update(`${file.length}:${file}${content.length}:`).update(content);
  }
  mkdirSync(join(cacheDir(), 'bin'), { recursive: true });
  return hash.digest('hex').slice(0, 16);
}
