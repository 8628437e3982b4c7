/** The rights that the operator needs for given policies, as objects of RBAC: what `kubectl reload rbac` prints. */

import { CONSUMER_KINDS, groupOf, infoOf, isNamedKind, WORKLOAD_KINDS } from '../api/v1alpha1/kinds.ts';
import {
  DEFAULT_NAMESPACE,
  DIGEST_KEY_SECRET,
  GROUP,
  RELOAD_POLICY,
  RELOAD_RECORD,
  RELOAD_REQUEST,
  SERVICE_ACCOUNT,
} from '../api/v1alpha1/names.ts';
import type { SourceKind, WorkloadKind } from './selection.ts';

/** What of a policy decides on rights. */
export interface BindingPolicy {
  readonly namespace: string;
  /** Those named. */
  readonly sources: readonly { readonly kind: SourceKind; readonly name: string }[];
  /** An entry for each selector of sources. */
  readonly sourceSelectors?: readonly { readonly kind: SourceKind }[] | undefined;
  /** Of which the key is read that requests to applications are signed with. */
  readonly hot?: { readonly notify?: { readonly signature?: { readonly name: string } } };
  /** Undefined: every consumer. An entry without a name binds by labels. */
  readonly workloads?: readonly { readonly kind: WorkloadKind; readonly name?: string | undefined }[] | undefined;
}

export interface RightsOptions {
  /** Whose rights they are. Default: the account that the shipped manifests make. */
  readonly account?: { readonly name: string; readonly namespace: string };
  /** All that an operator needs in these namespaces, where it has no rights yet. Default: what reading Secrets adds. */
  readonly complete?: boolean;
  /** The operator runs with --secrets-blind. */
  readonly blind?: boolean;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Metadata {
  readonly name: string;
  readonly namespace: string;
}

export interface Role {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'Role';
  readonly metadata: Metadata;
  readonly rules: readonly Rule[];
}

export interface RoleBinding {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'RoleBinding';
  readonly metadata: Metadata;
  readonly roleRef: { readonly apiGroup: 'rbac.authorization.k8s.io'; readonly kind: 'Role'; readonly name: string };
  readonly subjects: readonly (Metadata & { readonly kind: 'ServiceAccount' })[];
}

/** A Role, and whom it is given to. */
export interface Grant {
  /** What whoever applies it should know, a sentence each. */
  readonly comments: readonly string[];
  readonly role: Role;
  readonly binding: RoleBinding;
}

const RBAC = 'rbac.authorization.k8s.io';
/** Names of one kind, or all that there are. */
type Reach = 'All' | ReadonlySet<string>;

/** What the policies of one namespace have to do with. */
interface Needs {
  readonly namespace: string;
  readonly sources: Readonly<Record<SourceKind, Reach>>;
  /** Secrets with signing keys, beside those that are sources. */
  readonly signatures: ReadonlySet<string>;
  readonly workloads: Readonly<Record<WorkloadKind, Reach>>;
}

/**
 * One Role for each namespace, with its binding, in the order of their names; the same for the same policies, in
 * whatever order they come. Without `complete`, nothing for a namespace whose policies have no Secrets.
 */
export const rolesFor = (policies: readonly BindingPolicy[], options: RightsOptions = {}): readonly Grant[] => {
  const { account = { name: SERVICE_ACCOUNT, namespace: DEFAULT_NAMESPACE }, complete = false } = options;
  const needs = [...new Set(policies.map(({ namespace }) => namespace))]
    .sort(byCodeUnit)
    .map((namespace) => needsOf(namespace, policies));
  const withSecrets = needs.filter(({ sources, signatures }) => touches(sources.Secret) || signatures.size > 0);
  const grants = (complete ? needs : withSecrets).map((each) =>
    granting(
      { name: complete ? 'reload-operator' : 'reload-operator-secrets', namespace: each.namespace },
      complete ? allRules(each) : secretRules(each),
      commentsOn(each, options),
      account,
    ),
  );
  return complete && needs.some(({ sources }) => touches(sources.Secret)) ? [...grants, digestKey(account)] : grants;
};

const needsOf = (namespace: string, policies: readonly BindingPolicy[]): Needs => {
  const here = policies.filter((policy) => policy.namespace === namespace);
  const sourcesOf = (kind: SourceKind): Reach =>
    here.some(({ sourceSelectors = [] }) => sourceSelectors.some((each) => each.kind === kind))
      ? 'All'
      : new Set(here.flatMap(({ sources }) => sources.filter((each) => each.kind === kind).map(({ name }) => name)));
  const workloadsOf = (kind: WorkloadKind): Reach => {
    const names = here.flatMap(({ workloads }) =>
      workloads === undefined
        ? isNamedKind(kind)
          ? []
          : [undefined]
        : workloads.filter((each) => each.kind === kind).map(({ name }) => name),
    );
    return names.includes(undefined) ? 'All' : new Set(names.filter((name) => name !== undefined));
  };
  const secrets = sourcesOf('Secret');
  const signing = here.flatMap(({ hot }) => hot?.notify?.signature?.name ?? []);
  return {
    namespace,
    sources: { ConfigMap: sourcesOf('ConfigMap'), Secret: secrets },
    signatures: new Set(secrets === 'All' ? [] : signing.filter((name) => !secrets.has(name))),
    workloads: Object.fromEntries(WORKLOAD_KINDS.map((kind) => [kind, workloadsOf(kind)])) as Needs['workloads'],
  };
};

const touches = (reach: Reach): boolean => reach === 'All' || reach.size > 0;

const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** No rule for no names: an empty `resourceNames` would grant all. */
const ruleFor = (reach: Reach, apiGroup: string, resource: string, verbs: readonly string[]): readonly Rule[] => {
  if (reach === 'All') return [rule(apiGroup, [resource], verbs)];
  if (reach.size === 0) return [];
  const resourceNames = [...reach].sort(byCodeUnit);
  return [{ apiGroups: [apiGroup], resources: [resource], resourceNames, verbs }];
};

/** list and watch by name allow exactly the requests that select one object by `metadata.name`. */
const secretRules = ({ sources, signatures }: Needs): readonly Rule[] => [
  ...ruleFor(sources.Secret, '', 'secrets', ['get', 'list', 'watch']),
  ...ruleFor(signatures, '', 'secrets', ['get']),
];

/** As config/rbac/cluster-role.yaml has them, but for get and patch, which are narrowed to what is named. */
const allRules = (needs: Needs): readonly Rule[] => [
  rule('', ['configmaps'], ['list', 'watch']),
  ...ruleFor(needs.sources.ConfigMap, '', 'configmaps', ['get']),
  ...secretRules(needs),
  ...watched(),
  ...WORKLOAD_KINDS.flatMap((kind) => workloadRules(kind, needs.workloads[kind])),
  rule('apps', ['replicasets'], ['get']),
  rule('', ['pods'], ['list', 'watch']),
  rule('', ['pods/status'], ['patch']),
  rule(GROUP, [RELOAD_POLICY.plural], ['list', 'watch']),
  rule(GROUP, [`${RELOAD_POLICY.plural}/status`], ['patch']),
  rule(GROUP, [RELOAD_RECORD.plural], ['get', 'list', 'watch', 'create', 'update', 'delete']),
  rule(GROUP, [RELOAD_REQUEST.plural], ['list', 'watch', 'delete']),
  rule(GROUP, [`${RELOAD_REQUEST.plural}/status`], ['patch']),
  rule('events.k8s.io', ['events'], ['create', 'list']),
];

/** Kinds that are watched whether they are named or not, by API group. */
const watched = (): readonly Rule[] =>
  [...new Set(CONSUMER_KINDS.map(groupOf))].map((group) =>
    rule(
      group,
      CONSUMER_KINDS.filter((kind) => groupOf(kind) === group).map((kind) => infoOf(kind).plural),
      ['list', 'watch'],
    ),
  );

/** Pods are listed and watched in any case. */
const workloadRules = (kind: WorkloadKind, reach: Reach): readonly Rule[] => {
  const { group, plural, restart } = infoOf(kind);
  const verbs = [
    ...(isNamedKind(kind) && kind !== 'Pod' ? ['list', 'watch'] : []),
    ...(restart === 'None' ? [] : ['patch']),
  ];
  return verbs.length === 0 ? [] : ruleFor(reach, group, plural, verbs);
};

const commentsOn = ({ namespace, sources, workloads }: Needs, { complete, blind }: RightsOptions): readonly string[] =>
  [
    complete === true &&
      `ConfigMaps are watched in the whole namespace: whoever may list them can read every ConfigMap of ${namespace}.`,
    complete === true &&
      WORKLOAD_KINDS.some((kind) => workloads[kind] === 'All' && infoOf(kind).restart !== 'None') &&
      'Workloads that are found, by labels or as consumers, take the right to patch all of their kind: name them in every policy to narrow it.',
    sources.Secret === 'All' &&
      `Read access to every Secret of ${namespace}: a policy selects Secrets by label, and RBAC knows no labels.`,
    sources.Secret === 'All' && `The operator uses it only where its setting --secrets-namespaces names ${namespace}.`,
    blind === true &&
      touches(sources.Secret) &&
      'With --secrets-blind the operator asks for metadata only. The right is the same: whoever has its token can read the values.',
  ].filter((comment) => comment !== false);

/** The operator makes the key once, and watches whether it is still there; a creation can't be narrowed to a name. */
const digestKey = (account: Metadata): Grant =>
  granting(
    { name: 'reload-operator-digest-key', namespace: account.namespace },
    [
      ...ruleFor(new Set([DIGEST_KEY_SECRET]), '', 'secrets', ['get', 'list', 'watch']),
      rule('', ['secrets'], ['create']),
    ],
    ['The key of the digests of Secrets, which the operator makes once, in its own namespace.'],
    account,
  );

const granting = (
  metadata: Metadata,
  rules: readonly Rule[],
  comments: readonly string[],
  account: Metadata,
): Grant => ({
  comments,
  role: { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules },
  binding: {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC, kind: 'Role', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: account.name, namespace: account.namespace }],
  },
});

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
