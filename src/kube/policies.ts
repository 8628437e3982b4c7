import * as z from 'zod';
import { resolvePolicy } from '../api/v1alpha1/defaults.ts';
import { API_VERSION, FIELD_MANAGER, RELOAD_POLICY } from '../api/v1alpha1/names.ts';
import { reloadPolicySpecSchema } from '../api/v1alpha1/schema.ts';
import type { ReloadPolicyStatus } from '../api/v1alpha1/types.ts';
import type { PolicyWriter, StoredPolicy } from '../controller/ports.ts';
import { windowFaults } from '../domain/windows.ts';
import type { KubeClient } from './connect.ts';
import { isNotFound } from './errors.ts';
import type { ObjectMeta } from './listwatch.ts';
import { policies } from './paths.ts';

export interface RawPolicy {
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: ReloadPolicyStatus;
}

/** A policy as it is decided on. One that another version of the schema let through is kept, with what is wrong with it. */
export const parsePolicy = ({ metadata, spec, status = {} }: RawPolicy): StoredPolicy => {
  const common = {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation ?? 0,
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    status,
  };
  const parsed = reloadPolicySpecSchema.safeParse(spec);
  if (!parsed.success) return { ...common, ...NOTHING, invalid: z.prettifyError(parsed.error) };
  const { suspend, workloads, ...resolved } = resolvePolicy(parsed.data);
  const [fault] = windowFaults(resolved.gates.windows);
  if (fault !== undefined) return { ...common, ...NOTHING, invalid: `spec.restart.windows: ${fault}` };
  return { ...common, ...resolved, suspended: suspend, ...(workloads !== undefined && { workloads }) };
};

const NOTHING = {
  sources: [],
  workloads: [],
  rules: [],
  defaultClass: 'Ignore',
  onImpossible: 'Report',
  suspended: true,
  hot: { proof: 'Nudged', timeoutMs: 0, onTimeout: 'Report' },
  debounceMs: 0,
  progressTimeoutMs: 0,
  rollouts: 'Template',
  gates: { cooldownMs: 0, windows: [], approval: 'Automatic', order: 'Parallel', onFailure: 'Report' },
  delivery: { objects: [], snapshots: 0, rollbackSecrets: false },
} as const;

export const createPolicyWriter = (client: KubeClient): PolicyWriter => ({
  applyStatus: async ({ namespace, name, uid }, status, signal) => {
    try {
      await client.request({
        method: 'PATCH',
        path: `${policies(namespace)}/${name}/status`,
        query: { fieldManager: FIELD_MANAGER, force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: API_VERSION, kind: RELOAD_POLICY.kind, metadata: { name, namespace, uid }, status },
        signal,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  },
});
