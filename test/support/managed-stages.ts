/** Tests beside one operator that may render live objects: what each file of them begins and ends with. */

import { after, before } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { grantManaged, installManagedRole } from './managed-rights.ts';
import { installRights, startOperator, type RunningOperator } from './operator.ts';
import { stagePool } from './stage-pool.ts';
import type { Stage } from './stage.ts';

export interface ManagedStages {
  /** A namespace that no other test has had, in which the operator may write ConfigMaps unless it is not `granted`. */
  readonly aStage: (options?: { readonly granted?: boolean }) => Promise<Stage>;
  /** One more, in which that operator does not work. */
  readonly another: (label: string) => Promise<Stage>;
  /** Only while tests run. */
  readonly cluster: () => Cluster;
}

/** To be called within `describe`. @param size how many namespaces the tests take */
export const managedStages = (label: string, size: number): ManagedStages => {
  const stages = stagePool(label, size);
  let cluster: Cluster;
  let operator: RunningOperator | undefined;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    await installManagedRole(cluster);
    operator = await startOperator({ cluster, namespaces: await stages.open(cluster) });
  });
  after(async () => {
    await operator?.stop();
    await stages.end();
    await cluster.stop();
  });
  return {
    aStage: async ({ granted = true } = {}) => {
      const stage = stages.next();
      if (granted) await grantManaged(stage);
      return stage;
    },
    another: (more) => stages.another(cluster, more),
    cluster: () => cluster,
  };
};
