import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './commands.ts';
import { isRoot } from './processes.ts';

/** Ends every message about something this machine can't do. */
export const WAY_OUT = 'or set CLUSTER=current to use the cluster of your KUBECONFIG';

/** Where a distribution may put the CNI plugins. */
const CNI_DIRS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'] as const;

interface Need {
  readonly what: string;
  readonly debianPackage: string;
  readonly present: () => boolean;
}

const NEEDED_ALWAYS: readonly Need[] = [command('openssl', 'openssl'), command('setpriv', 'util-linux')];

const NEEDED_BY_IMAGES: readonly Need[] = [
  command('buildah', 'buildah'),
  command('runc', 'runc'),
  // The statically linked one: a dynamic busybox finds no libraries in an image from scratch.
  { what: 'busybox-static', debianPackage: 'busybox-static', present: () => staticBusybox() !== undefined },
  {
    what: 'CA certificates',
    debianPackage: 'ca-certificates',
    present: () => existsSync('/etc/ssl/certs/ca-certificates.crt'),
  },
];

const NEEDED_BY_NODE: readonly Need[] = [
  ...NEEDED_BY_IMAGES,
  command('containerd', 'containerd'),
  command('iptables', 'iptables'),
  command('ip', 'iproute2'),
  command('nsenter', 'util-linux'),
  command('unshare', 'util-linux'),
  command('mount', 'mount'),
  { what: 'the CNI plugins', debianPackage: 'containernetworking-plugins', present: () => cniDir() !== undefined },
];

/** Another apt may be at work, as on a machine that has just started. */
const PATIENT = ['-o', 'DPkg::Lock::Timeout=120'] as const;
const QUIET = { env: { DEBIAN_FRONTEND: 'noninteractive' } } as const;

export type Form = 'control-plane' | 'node' | 'images';

/**
 * Makes sure that this machine can run a form of the cluster: installs missing Debian packages when root.
 *
 * @throws with one sentence that names what is missing and the way out.
 */
export async function preflight(form: Form, log: (line: string) => void): Promise<void> {
  if (process.platform !== 'linux') {
    throw new Error(
      `the test cluster runs on Linux only, this is ${process.platform}: use a Linux machine, ${WAY_OUT}`,
    );
  }
  if (form !== 'control-plane' && !isRoot()) {
    const kind = form === 'node' ? 'a cluster with a node' : 'building images';
    throw new Error(`${kind} needs root (namespaces, mounts): run it as root, ${WAY_OUT}`);
  }
  if (form !== 'images' && pathOf('go') === undefined) {
    throw new Error(
      `Go is missing, which builds Kubernetes and etcd: install Go 1.26 or later from go.dev, ${WAY_OUT}`,
    );
  }
  await installMissing([...NEEDED_ALWAYS, ...neededBy(form)], log);
}

function neededBy(form: Form): readonly Need[] {
  switch (form) {
    case 'control-plane':
      return [];
    case 'images':
      return NEEDED_BY_IMAGES;
    case 'node':
      return NEEDED_BY_NODE;
  }
}

/**
 * Makes sure that this machine can run Python: installs Debian's where there is none.
 *
 * @throws with one sentence that says what to install
 */
export async function preflightPython(log: (line: string) => void): Promise<void> {
  await installMissing([command('python3', 'python3')], log, '');
}

/** @param wayOut ends each message */
async function installMissing(
  needs: readonly Need[],
  log: (line: string) => void,
  wayOut = `, ${WAY_OUT}`,
): Promise<void> {
  const missing = needs.filter((need) => !need.present());
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((need) => need.debianPackage))];
  const what = missing.map((need) => need.what).join(', ');
  if (pathOf('apt-get') === undefined) {
    throw new Error(`this machine lacks ${what}: install it with your package manager${wayOut}`);
  }
  if (!isRoot()) {
    throw new Error(`this machine lacks ${what}: run "apt-get install ${packages.join(' ')}" as root${wayOut}`);
  }
  log(`installing ${packages.join(' ')} with apt-get`);
  await install(packages, what, log, wayOut);
  const still = needs.filter((need) => !need.present()).map((need) => need.what);
  if (still.length > 0)
    throw new Error(
      `apt-get installed ${packages.join(' ')}, but ${still.join(', ')} is missing: install it by hand${wayOut}`,
    );
}

async function install(
  packages: readonly string[],
  what: string,
  log: (line: string) => void,
  wayOut: string,
): Promise<void> {
  const attempt = (): Promise<string> =>
    runCommand('apt-get', ['install', ...PATIENT, '-y', '-qq', '--no-install-recommends', ...packages], QUIET);
  try {
    await attempt();
  } catch {
    // The package lists may be absent (a fresh container) or too old for what the mirror still has.
    try {
      await updatePackageLists(log);
      await attempt();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `this machine lacks ${what} and apt-get can't install it: ${reason}; install it by hand${wayOut}`,
        { cause },
      );
    }
  }
}

/** Needs root. */
export async function updatePackageLists(log: (line: string) => void): Promise<void> {
  log('updating the package lists with apt-get');
  await runCommand('apt-get', ['update', ...PATIENT, '-qq'], QUIET);
}

function command(name: string, debianPackage: string): Need {
  return { what: name, debianPackage, present: () => pathOf(name) !== undefined };
}

/** Where a command lies; also looks into the folders that only root's PATH has. */
export function pathOf(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

export function cniDir(): string | undefined {
  return CNI_DIRS.find((dir) => existsSync(join(dir, 'bridge')) && existsSync(join(dir, 'host-local')));
}

/** A busybox that needs no libraries; ldd refuses such a file. */
export function staticBusybox(): string | undefined {
  const path = pathOf('busybox');
  return path !== undefined && spawnSync('ldd', [path]).status !== 0 ? path : undefined;
}
