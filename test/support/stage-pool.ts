/** Namespaces that are opened before an operator starts that works in all of them, and given to one test each. */

import type { Cluster } from '../cluster/cluster.ts';
import { Stage } from './stage.ts';

export interface StagePool {
  /** Opens them all; their names, for the operator. */
  open(cluster: Cluster): Promise<readonly string[]>;
  /** A namespace that no other test has had. */
  readonly next: () => Stage;
  /** One more, in which that operator does not work. */
  another(cluster: Cluster, label: string): Promise<Stage>;
  end(): Promise<void>;
}

export const stagePool = (label: string, size: number): StagePool => {
  const stages: Stage[] = [];
  let given = 0;
  return {
    open: async (cluster) => {
      stages.push(...(await Promise.all(Array.from({ length: size }, () => Stage.open(cluster, label)))));
      return stages.map(({ namespace }) => namespace);
    },
    next: () => {
      const stage = stages[given];
      given += 1;
      if (stage === undefined) throw new Error('there are more tests than namespaces: open more');
      return stage;
    },
    another: async (cluster, more) => {
      const stage = await Stage.open(cluster, more);
      stages.push(stage);
      return stage;
    },
    end: async () => {
      await Promise.all(stages.map((stage) => stage.end()));
    },
  };
};
