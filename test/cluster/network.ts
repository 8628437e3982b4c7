import { createHash } from 'node:crypto';
import { runCommand } from './commands.ts';

/** 198.18.0.0/15, set aside for tests of network devices (RFC 2544): one /30 for each cluster. */
const FIRST_ADDRESS = (198 << 24) | (18 << 16);
const PAIRS = 2 ** 15;

export interface Link {
  /** The host's end. Its name is its address pair's number: taking the name is taking the addresses. */
  readonly name: string;
  readonly hostAddress: string;
  readonly nodeAddress: string;
}

/**
 * Connects a network namespace to the host by a veth pair with a free pair of addresses.
 * It vanishes with the namespace.
 *
 * @param seed the pair to try first is derived from it, so that a cluster tends to keep its addresses.
 */
export async function connectNamespace(holderPid: number, seed: string): Promise<Link> {
  const first = createHash('sha256').update(seed).digest().readUInt32BE(0);
  const inUse = await runCommand('ip', ['-4', '-oneline', 'address', 'show']);
  for (let attempt = 0; attempt < 64; attempt++) {
    const link = linkOf((first + attempt) % PAIRS);
    if (inUse.includes(` ${link.hostAddress}/`) || inUse.includes(` ${link.nodeAddress}/`)) continue;
    if (!(await createPair(link.name, holderPid))) continue;
    await runCommand('ip', ['address', 'add', `${link.hostAddress}/30`, 'dev', link.name]);
    await runCommand('ip', ['link', 'set', link.name, 'up']);
    return link;
  }
  throw new Error('found no free pair of addresses in 198.18.0.0/15: run cluster-down for clusters you no longer need');
}

function linkOf(pair: number): Link {
  const base = FIRST_ADDRESS + pair * 4;
  const name = `reload${pair.toString(16).padStart(4, '0')}`;
  return { name, hostAddress: dotted(base + 1), nodeAddress: dotted(base + 2) };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** False when the name is taken. */
async function createPair(name: string, holderPid: number): Promise<boolean> {
  try {
    await runCommand('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holderPid)]);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes('File exists')) return false;
    throw error;
  }
}
