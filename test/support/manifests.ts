import assert from 'node:assert/strict';

/** An object of ours, as far as tests look at it. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly template?: { readonly spec: Readonly<Record<string, unknown>> } };
}

/** Definitions, fence, namespace, rights, operator: each stands before what needs it, and the operator last. */
export const inOrder = (objects: readonly Manifest[]): void => {
  const stages: readonly (readonly string[])[] = [
    ['CustomResourceDefinition'],
    ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
    ['Namespace'],
    ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
    ['Deployment'],
  ];
  const found = objects.map(({ kind, metadata }) => ({
    stage: stages.findIndex((kinds) => kinds.includes(kind)),
    what: `${kind}/${metadata.name}`,
  }));
  assert.deepEqual(
    found,
    found.toSorted((a, b) => a.stage - b.stage),
  );
  assert.deepEqual(new Set(found.map(({ stage }) => stage)), new Set(stages.keys()));
};
