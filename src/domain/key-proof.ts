/** What will be found out about a hot change of some keys, before there is one: what explanations and plans tell of it. */

import { demandOf } from './delivery.ts';
import { listed } from './listed.ts';
import type { Policy, Workload } from './observed.ts';
import type { NotifyTarget, Proof } from './proof.ts';
import { goalOf } from './proof-words.ts';
import { readerOf, type Use } from './references.ts';

export interface KeyProof {
  readonly proof: Proof;
  /** In ms. */
  readonly timeoutMs: number;
  readonly onTimeout: 'Restart' | 'Report';
  readonly notify: readonly (Pick<NotifyTarget, 'port' | 'path'> & {
    /** Names of those that are asked. */
    readonly containers: readonly string[];
  })[];
  /** The same for people: one sentence for each thing there is to say. */
  readonly says: readonly string[];
}

/**
 * @param policies those that decide on the keys' source
 * @param using how the workload uses the keys
 * @returns undefined where nothing is to be proven
 */
export const keyProof = (
  policies: readonly Policy[],
  using: readonly Use[],
  ports: Workload['ports'],
): KeyProof | undefined => {
  // What an observing policy demands where no other decides is said as if it enforced, as all that it declares is.
  const demand = demandOf(policies.map(({ hot }) => ({ hot })));
  if (demand === undefined) return undefined;
  const readers = new Set(filesOf(using).map(({ container }) => container));
  const { proof, timeoutMs, onTimeout, targets } = demand;
  const notify = targets.map(({ port, path }) => ({
    port,
    path,
    containers: [...readers].filter((container) => ports?.get(container)?.includes(port) === true),
  }));
  const plain = { proof, timeoutMs, onTimeout, notify };
  return { ...plain, says: wordsOf(plain, using) };
};

const wordsOf = (
  { proof, timeoutMs, onTimeout, notify }: Omit<KeyProof, 'says'>,
  using: readonly Use[],
): readonly string[] => {
  const otherwise = onTimeout === 'Restart' ? 'restarted' : 'reported';
  const readers = [...new Set(filesOf(using).map(readerOf))];
  return [
    `every pod is to be ${goalOf({ proof })} within ${timeoutMs / 1_000}s of a hot change, or it is ${otherwise}`,
    ...notify.map(({ port, path, containers }) =>
      containers.length > 0
        ? `asked to reload: POST ${path} at port ${port} of ${listed(containers)}`
        : `nobody can be asked to reload: ${listed(readers)} ${readers.length === 1 ? 'declares' : 'declare'} no port named ${port}`,
    ),
  ];
};

/** Init containers have read what they read. */
const filesOf = (using: readonly Use[]): readonly Use[] => using.filter(({ way, init }) => way === 'File' && !init);
