/** kubectl reload plan */

import { planChange } from '../domain/plan.ts';
import { withCluster, type ClusterFlags } from './cluster.ts';
import { Failure } from './exit.ts';
import { readNamespace } from './live.ts';
import { readManifests, type Manifest } from './manifests.ts';
import { exitCodeOf, renderPlan, type PlanFormat } from './plan-view.ts';
import { overlaid } from './overlay.ts';
import { ephemeralKey } from './source-state.ts';
import { snapshotsOf, worldOf, type Unread, type World } from './snapshot.ts';
import type { Terminal } from './terminal.ts';

export interface PlanFlags extends ClusterFlags {
  readonly filename: readonly string[];
  readonly against?: string;
  readonly output: PlanFormat;
}

export const plan = async (flags: PlanFlags, terminal: Terminal): Promise<number> => {
  const { against } = flags;
  const { world, unread, changes } =
    against === undefined ? await online(flags, terminal) : await offline(against, flags, terminal);
  const { before, after } = snapshotsOf(world, overlaid(world, changes), { macKey: ephemeralKey(), unread });
  const plans = planChange(before, after, terminal.clock.now());
  terminal.out(renderPlan(plans, flags.output, terminal));
  return exitCodeOf(plans);
};

interface Before {
  readonly world: World;
  readonly unread: readonly Unread[];
  readonly changes: readonly Manifest[];
}

const offline = async (against: string, { filename, namespace }: PlanFlags, { stdin }: Terminal): Promise<Before> => {
  const options = { defaultNamespace: namespace ?? 'default', stdin };
  const [before, changes] = await Promise.all([
    readManifests([against], options),
    readManifests(filename, { ...options, onlyNamespace: namespace }),
  ]);
  return { world: worldOf(before), unread: [], changes: some(changes) };
};

const online = (flags: PlanFlags, terminal: Terminal): Promise<Before> =>
  withCluster(flags, terminal, async ({ client, namespace }) => {
    const changes = some(
      await readManifests(flags.filename, {
        defaultNamespace: namespace,
        onlyNamespace: flags.namespace,
        stdin: terminal.stdin,
      }),
    );
    const namespaces = [...new Set(changes.map(({ metadata }) => metadata.namespace))];
    const found = await Promise.all(
      namespaces.map((each) => {
        const comingPolicies = changes.filter(
          ({ kind, metadata }) => kind === 'ReloadPolicy' && metadata.namespace === each,
        );
        return readNamespace(client, each, terminal.signal, { comingPolicies });
      }),
    );
    const unread = found.flatMap((each) => each.unread);
    for (const { kind, namespace: where, name } of unread) {
      if (
        changes.some(
          (change) => change.kind === kind && change.metadata.namespace === where && change.metadata.name === name,
        )
      )
        throw new Failure(
          `${kind} ${name} of namespace ${where} is to change, but you may not read it: ask for the right to get it`,
        );
      terminal.err(`${kind} ${name} of namespace ${where} can't be read: taken as unchanged, valid and complete\n`);
    }
    for (const name of found.flatMap((each) => each.notUnderstood))
      terminal.err(`policy ${name} can't be understood by this version, and is left out: see kubectl reload status\n`);
    return { world: worldOf(found.flatMap(({ manifests }) => manifests)), unread, changes };
  });

const some = (changes: readonly Manifest[]): readonly Manifest[] => {
  if (changes.length === 0)
    throw new Failure(
      'there is nothing to plan: -f names no ConfigMap, Secret, ReloadPolicy, Deployment or other workload',
    );
  return changes;
};
