/** The sample as the API shows it. */

import type { KubeClient } from '../../src/kube/connect.ts';
import type { Kubectl } from '../support/kubectl.ts';
import { eventually } from '../support/wait.ts';
import { SAMPLE, SAMPLE_NAMESPACE, type Stage } from './stage.ts';

export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly restarts: number;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
    readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
  }[];
}

const LABEL = `app.kubernetes.io/name=${SAMPLE}`;
const BASE = `/api/v1/namespaces/${SAMPLE_NAMESPACE}`;

/** The pods that are not on their way out, by name. */
export const podsOf = async (client: KubeClient): Promise<readonly Pod[]> => {
  const { items } = await client.request<PodList>({
    method: 'GET',
    path: `${BASE}/pods`,
    query: { labelSelector: LABEL },
  });
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata: { name, uid }, status }) => ({
      name,
      uid,
      restarts: (status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** The ConfigMap's keys. */
export const readKeys = async (client: KubeClient): Promise<Readonly<Record<string, string>>> => {
  const { data } = await client.request<{ readonly data: Readonly<Record<string, string>> }>({
    method: 'GET',
    path: `${BASE}/configmaps/${SAMPLE}`,
  });
  return data;
};

/** Writes one key. @returns when the request was sent, by `performance.now()` */
export const writeKey = async (client: KubeClient, key: string, value: string): Promise<number> => {
  const sentAt = performance.now();
  await client.request({
    method: 'PATCH',
    path: `${BASE}/configmaps/${SAMPLE}`,
    contentType: 'application/merge-patch+json',
    body: { data: { [key]: value } },
  });
  return sentAt;
};

interface DeploymentView {
  readonly restartAnnotation: string;
  /** Of the pod template in force, as the ReplicaSet that has its pods. */
  readonly revision: string;
}

interface Deployment {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly template: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
  };
}

export const deploymentOf = async (client: KubeClient): Promise<DeploymentView> => {
  const { metadata, spec } = await client.request<Deployment>({
    method: 'GET',
    path: `/apis/apps/v1/namespaces/${SAMPLE_NAMESPACE}/deployments/${SAMPLE}`,
  });
  return {
    restartAnnotation: spec.template.metadata.annotations?.['reload-operator.dev/restart-digest'] ?? 'none',
    revision: metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '0',
  };
};

interface ReplicaSetList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  }[];
}

/** The name of the ReplicaSet of a revision. */
export const replicaSetOf = async (client: KubeClient, revision: string): Promise<string> => {
  const { items } = await client.request<ReplicaSetList>({
    method: 'GET',
    path: `/apis/apps/v1/namespaces/${SAMPLE_NAMESPACE}/replicasets`,
    query: { labelSelector: LABEL },
  });
  const found = items.find(({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision'] === revision);
  return found?.metadata.name ?? `none of revision ${revision}`;
};

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface Policy {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly last?: {
      readonly action: string;
      readonly outcome: string;
      readonly pods: number;
      readonly time: string;
    };
  };
}

export const policyOf = (client: KubeClient): Promise<Policy> =>
  client.request<Policy>({
    method: 'GET',
    path: `/apis/reload-operator.dev/v1alpha1/namespaces/${SAMPLE_NAMESPACE}/reloadpolicies/${SAMPLE}`,
  });

/**
 * Waits until the policy is Ready, with nothing under way, and its latest action is the one expected.
 *
 * @throws with its conditions when that takes too long
 */
export const settled = (
  { client }: Pick<Stage, 'client'>,
  expected: (last: NonNullable<Policy['status']>['last']) => boolean = () => true,
): Promise<Policy> =>
  eventually(
    async () => {
      const policy = await policyOf(client);
      const { conditions = [], observedGeneration, last } = policy.status ?? {};
      const is = (type: string): boolean => conditions.some((each) => each.type === type && each.status === 'True');
      if (observedGeneration === policy.metadata.generation && is('Ready') && !is('Reconciling') && expected(last))
        return policy;
      const told = conditions.map(({ type, status, reason, message }) => `${type}=${status} (${reason}: ${message})`);
      throw new Error(told.length === 0 ? 'it has no status yet' : told.join(', '));
    },
    { what: `ReloadPolicy ${SAMPLE} to be Ready`, timeoutMs: 60_000, intervalMs: 100 },
  );

/** The arguments of a container's process, as its own /proc shows them. */
export const argumentsIn = async (kubectl: Kubectl, pod: string): Promise<readonly string[]> => {
  const script = "process.stdout.write(fs.readFileSync('/proc/1/cmdline'))";
  const commandLine = await kubectl.run(['-n', SAMPLE_NAMESPACE, 'exec', pod, '--', 'node', '-e', script]);
  return commandLine.split('\0').filter((argument) => /^--(cooldown|execution)-/.test(argument));
};
