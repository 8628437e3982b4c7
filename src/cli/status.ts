/** kubectl reload status */

import { API_VERSION, RELOAD_POLICY } from '../api/v1alpha1/names.ts';
import { listWatch } from '../kube/listwatch.ts';
import { policies as policiesPath } from '../kube/paths.ts';
import type { RawPolicy } from '../kube/policies.ts';
import { withCluster, type Cluster, type ClusterFlags } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import { createFollower } from './follow.ts';
import { checkName } from './names.ts';
import { asData, DOCUMENT_SEPARATOR, type DataFormat } from './output.ts';
import { policyRows, STATUS_HEADER } from './status-view.ts';
import { table, type Cell } from './style.ts';
import type { Terminal } from './terminal.ts';

export interface StatusFlags extends ClusterFlags {
  readonly output: 'text' | DataFormat;
  readonly watch?: boolean;
}

export const status = (policy: string | undefined, flags: StatusFlags, terminal: Terminal): Promise<number> =>
  withCluster(flags, terminal, async (cluster) => {
    const follower = createFollower(terminal);
    try {
      const followed = follower.follow('reloadpolicies', policiesOf(cluster, policy));
      const show = flags.output === 'text' ? textOf(flags, terminal) : dataOf(flags.output, policy, flags, terminal);
      await follower.next();
      if (followed.items().length === 0 && flags.watch !== true) return nothing(policy, cluster, flags, terminal);
      show(followed.items());
      while (flags.watch === true) {
        await follower.next();
        show(followed.items());
      }
      return EXIT.ok;
    } finally {
      follower.close();
    }
  });

const policiesOf = (
  { client, scope }: Pick<Cluster, 'client' | 'scope'>,
  policy: string | undefined,
): ReturnType<typeof listWatch<RawPolicy>> =>
  listWatch<RawPolicy>(client, {
    path: policiesPath(scope),
    ...(policy !== undefined && { query: { fieldSelector: `metadata.name=${checkName(policy, 'policy')}` } }),
  });

/** One policy by name that isn't there is a failure; that there is none at all is an answer. */
const nothing = (
  policy: string | undefined,
  { scope }: Cluster,
  { output }: StatusFlags,
  { out, err }: Terminal,
): number => {
  const where = scope === undefined ? 'in any namespace' : `in namespace ${scope}`;
  if (policy !== undefined)
    throw new Failure(
      `there is no policy ${policy} ${where}: see kubectl reload status${scope === undefined ? ' -A' : ''}`,
    );
  if (output !== 'text') out(asData(listOf([]), output));
  else err(`no policies ${where}${scope === undefined ? '' : ': -A looks in all namespaces'}\n`);
  return EXIT.ok;
};

type Show = (policies: readonly RawPolicy[]) => void;

/** Everything at first, then what has changed. */
const textOf = ({ allNamespaces = false }: StatusFlags, { out, colour, clock }: Terminal): Show => {
  let shown: ReadonlyMap<string, string> | undefined;
  return (policies) => {
    const now = clock.now();
    const inNamespace = (namespace: string, rows: readonly (readonly Cell[])[]): readonly (readonly Cell[])[] =>
      allNamespaces ? rows.map((row) => [namespace, ...row]) : rows;
    const blocks = policies.map((policy) => {
      const { namespace = '', name } = policy.metadata;
      // Ages pass without anything having changed.
      const signature = JSON.stringify(policyRows(policy, 0));
      return { key: `${namespace}/${name}`, signature, rows: inNamespace(namespace, policyRows(policy, now)) };
    });
    const gone = [...(shown?.keys() ?? [])].filter((key) => !blocks.some((block) => block.key === key));
    // Columns are as wide as all of it needs, whatever part is shown.
    const header = inNamespace('NAMESPACE', [STATUS_HEADER]);
    const lines = table([...header, ...blocks.flatMap(({ rows }) => rows)], { colour }).split(/(?<=\n)/);
    if (shown === undefined) out(lines[0] ?? '');
    let at = 1;
    for (const { key, signature, rows } of blocks) {
      if (shown?.get(key) !== signature) out(lines.slice(at, at + rows.length).join(''));
      at += rows.length;
    }
    for (const key of gone) out(`${allNamespaces ? key : key.slice(key.indexOf('/') + 1)} is gone\n`);
    shown = new Map(blocks.map(({ key, signature }) => [key, signature]));
  };
};

const dataOf = (
  format: DataFormat,
  policy: string | undefined,
  { watch = false, allNamespaces = false }: StatusFlags,
  { out }: Terminal,
): Show => {
  let shown: ReadonlyMap<string, string> | undefined;
  return (policies) => {
    const [only] = policies;
    if (!watch) {
      out(
        asData(policy !== undefined && !allNamespaces && only !== undefined ? served(only) : listOf(policies), format),
      );
      return;
    }
    const versions = new Map(
      policies.map(({ metadata: { namespace = '', name, resourceVersion } }) => [
        `${namespace}/${name}`,
        resourceVersion,
      ]),
    );
    for (const each of policies) {
      const { namespace = '', name, resourceVersion } = each.metadata;
      if (shown?.get(`${namespace}/${name}`) !== resourceVersion)
        out(DOCUMENT_SEPARATOR[format] + asData(served(each), format));
    }
    shown = versions;
  };
};

const listOf = (policies: readonly RawPolicy[]): object => ({
  apiVersion: API_VERSION,
  kind: RELOAD_POLICY.listKind,
  items: policies.map(served),
});

/** As `kubectl get` shows it, which leaves managed fields out. */
const served = (policy: RawPolicy): object => {
  const { managedFields: _, ...metadata } = policy.metadata as RawPolicy['metadata'] & {
    readonly managedFields?: unknown;
  };
  return { ...policy, apiVersion: API_VERSION, kind: RELOAD_POLICY.kind, metadata };
};
