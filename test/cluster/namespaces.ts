import { readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { runCommand } from './commands.ts';
import { untilReady } from './components.ts';
import type { Components } from './components.ts';
import { SERVICE_RANGE } from './pki.ts';
import { childrenOf, refTo } from './processes.ts';
import type { Component, ProcessRef } from './processes.ts';
import { connectNamespace } from './network.ts';
import type { Link } from './network.ts';
import type { Places } from './state.ts';

/** Where the Kubernetes commands are inside the namespaces, whatever /var/lib hides. */
export const BINARIES_INSIDE = '/run/bin';

/** An address of the service range that no service gets: the name server that isn't there. */
export const NO_DNS = '10.96.0.10';

/**
 * Settings of the whole machine that the kubelet insists on changing. Inside the namespaces they are files of ours.
 * Source: pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables.
 */
const KERNEL_TUNABLES = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

type Enter = (command: string, args: readonly string[]) => { command: string; args: readonly string[] };

/**
 * The network, process and mount namespaces that a node lives in.
 *
 * Guarantee: when their first process ends, the kernel ends every process in them, pods included, and takes
 * mounts and interfaces along. That process ends with the supervisor, however the supervisor ends.
 */
export interface Namespaces {
  readonly holder: ProcessRef;
  readonly link: Link;
  /** Network only, for processes that see the host's files and can be signalled by their own id. */
  readonly enterNetwork: Enter;
  /** All of them. */
  readonly enter: Enter;
}

/** @throws when namespaces can't be made here (no root, or a sandbox that forbids it). */
export async function createNamespaces(
  places: Places,
  binaries: Binaries,
  components: Components,
): Promise<Namespaces> {
  const holder = await startHolder(places, binaries, components);
  const target = ['--target', String(holder.pid)];
  const enter = entering([...target, '--net', '--pid', '--mount']);
  const inside = async (script: string, args: readonly string[]): Promise<void> => {
    const entered = enter('sh', ['-euc', script, 'sh', ...args]);
    await runCommand(entered.command, entered.args);
  };
  await inside(MOUNTS, [places.dir, dirname(binaries.kubelet)]);
  await inside(TUNABLES, KERNEL_TUNABLES);
  const link = await connectNamespace(holder.pid, places.id);
  await inside(NETWORK, [link.nodeAddress, link.hostAddress, SERVICE_RANGE, NO_DNS]);
  return { holder, link, enterNetwork: entering([...target, '--net']), enter };
}

function entering(flags: readonly string[]): Enter {
  return (command, args) => ({ command: 'nsenter', args: [...flags, '--', command, ...args] });
}

async function startHolder(places: Places, binaries: Binaries, components: Components): Promise<ProcessRef> {
  const namespaces = ['--net', '--pid', '--mount', '--propagation', 'private', '--mount-proc'];
  const component = await components.start({
    name: 'namespaces',
    command: 'unshare',
    args: [...namespaces, '--fork', '--kill-child', '--', binaries.pause, '--until-eof'],
    logFile: join(places.logs, 'namespaces.log'),
    // --kill-child misses an unshare that is killed just after it has forked.
    lifeline: true,
  });
  // unshare forks the holder, prepares /proc in it, and only then executes our command.
  await untilReady(component, () => Promise.resolve(holderOf(component, binaries) !== undefined), 10_000);
  const holder = holderOf(component, binaries);
  if (holder === undefined) throw new Error(`the namespaces ended at once: see ${component.logFile}`);
  return refTo(holder);
}

function holderOf(unshare: Component, binaries: Binaries): number | undefined {
  return childrenOf(unshare.ref.pid).find((child) => executes(child, binaries.pause));
}

function executes(pid: number, binary: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === binary;
  } catch {
    return false;
  }
}

/**
 * A node of its own in the host's file system: containerd, kubelet and CNI write to their usual folders, which
 * are folders of the cluster's state or vanish with the namespace.
 * /var/lib is the last to be covered, since the state folder may lie below it.
 */
const MOUNTS = `
mkdir -p "$1/var/lib" "$1/var/log"
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/bin /run/tunables
mount --bind "$2" /run/bin
mount --bind "$1/var" /mnt
mount --bind /mnt/log /var/log
mount --bind /mnt/lib /var/lib
umount /mnt
`;

const TUNABLES = `
for name in "$@"; do
  copy=/run/tunables/$(echo "$name" | tr / .)
  [ -e "/proc/sys/$name" ] || continue
  cat "/proc/sys/$name" > "$copy"
  mount --bind "$copy" "/proc/sys/$name"
done
`;

/**
 * The service range is routed out of the node so that processes of the host network reach a service too (its
 * address is translated before anything leaves). The name server's address fails at once instead of timing out.
 */
const NETWORK = `
ip link set lo up
ip address add "$1/30" dev eth0
ip link set eth0 up
ip route add "$3" via "$2"
ip route add unreachable "$4"
echo 1 > /proc/sys/net/ipv4/ip_forward
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
`;
