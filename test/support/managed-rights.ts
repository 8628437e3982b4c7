/** The rights of managed delivery, as config/managed ships them, but bound in single namespaces. */

import { join } from 'node:path';
import { DEFAULT_NAMESPACE, SERVICE_ACCOUNT } from '../../src/api/v1alpha1/names.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { kubectlFor } from './kubectl.ts';
import type { Stage } from './stage.ts';

export const installManagedRole = async (cluster: Cluster): Promise<void> => {
  await kubectlFor(cluster).run(['apply', '-f', join(CHECKOUT, 'config/managed/cluster-role.yaml')]);
};

/** Lets the operator write ConfigMaps in a namespace. */
export const grantManaged = async ({ kubectl, namespace }: Stage): Promise<void> => {
  await kubectl.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'managed', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reload-operator-managed' },
    subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace: DEFAULT_NAMESPACE }],
  });
};
