/** Tests on a node with the operator installed: what each file of them begins and ends with. */

import { after, before } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installOperator, startOperator } from './install.ts';
import { stagedTests } from './stage.ts';

/**
 * To be called within `describe`.
 * @returns what declares a test in a namespace of its own
 * @param stops whether tests stop the operator: in the end it runs again, for the tests of other files
 */
export const installed = (
  label: string,
  { stops = false }: { readonly stops?: boolean } = {},
): ReturnType<typeof stagedTests> => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
  });
  after(async () => {
    if (stops) await startOperator(cluster);
    await cluster.stop();
  });
  return stagedTests(label, () => cluster);
};
