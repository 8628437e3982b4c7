/** Another controller, measured beside the operator. */

import { familyOf, memoryOf, startChild, type Child, type Memory } from './child.ts';
import type { Options } from './options.ts';

export interface Peer {
  readonly annotation: { readonly key: string; readonly value: string };
  /** Ends the running one and starts another. */
  restart(): Promise<void>;
  /** Of everything that the command started. */
  memory(): Memory;
  stop(): Promise<void>;
}

/** @param kubeconfig path of the administrator's */
export async function startPeer(
  { command, annotation }: NonNullable<Options['peer']>,
  kubeconfig: string,
): Promise<Peer> {
  const start = (): Promise<Child> =>
    startChild({ command: 'sh', args: ['-c', command], env: { KUBECONFIG: kubeconfig } });
  let running = await start();
  return {
    annotation,
    restart: async () => {
      await running.stop();
      running = await start();
    },
    memory: () => {
      // The shell itself is no part of it, unless it has become the command.
      const family = familyOf(running.pid);
      return memoryOf(family.length === 0 ? [running.pid] : family);
    },
    stop: () => running.stop(),
  };
}
