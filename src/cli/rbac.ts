/** kubectl reload rbac */

import { RELOAD_POLICY } from '../api/v1alpha1/names.ts';
import { rolesFor, type Grant, type RightsOptions } from '../domain/rights.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import { EXIT, Failure, usage } from './exit.ts';
import { readManifests } from './manifests.ts';
import { asData, DOCUMENT_SEPARATOR } from './output.ts';
import { plain } from './style.ts';
import type { Terminal } from './terminal.ts';

export interface RbacFlags {
  readonly filename: readonly string[];
  readonly namespace?: string;
  readonly complete?: boolean;
  readonly secretsBlind?: boolean;
  /** `namespace:name`, as kubectl writes it. */
  readonly serviceaccount?: string;
}

export const rbac = async (flags: RbacFlags, { stdin, out, err }: Terminal): Promise<number> => {
  const { filename, namespace, complete = false, secretsBlind: blind = false, serviceaccount } = flags;
  const account = serviceaccount === undefined ? undefined : accountOf(serviceaccount);
  const manifests = await readManifests(filename, {
    defaultNamespace: namespace ?? 'default',
    onlyNamespace: namespace,
    stdin,
  });
  const policies = manifests.filter(({ kind }) => kind === RELOAD_POLICY.kind);
  if (policies.length === 0) throw new Failure(`there is no ${RELOAD_POLICY.kind} in ${filename.join(', ')}`);
  const grants = rolesFor(
    policies.map(({ raw }) => parsePolicy(raw as unknown as RawPolicy)),
    { complete, blind, ...(account !== undefined && { account }) },
  );
  out(grants.map(printed).join(DOCUMENT_SEPARATOR.yaml));
  if (grants.length === 0)
    err('the policies name no Secret: what the operator is installed with is enough; --complete prints all of it\n');
  return EXIT.ok;
};

const printed = ({ comments, role, binding }: Grant): string =>
  comments.map((comment) => `# ${plain(comment)}\n`).join('') +
  [role, binding].map((object) => asData(object, 'yaml')).join(DOCUMENT_SEPARATOR.yaml);

const accountOf = (text: string): NonNullable<RightsOptions['account']> => {
  const [, namespace, name] = /^([a-z0-9-]+):([a-z0-9.-]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined)
    throw usage(`${JSON.stringify(text)} is no service account: write NAMESPACE:NAME`);
  return { namespace, name };
};
