/** What docs/approval.md shows is what the API and the plugin take. It is tried on a cluster in ../../integration. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { reloadPolicySpecSchema, reloadRequestSpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { resolvePolicy } from '../../../src/api/v1alpha1/defaults.ts';
import { reload } from '../../support/reload.ts';
import { blocksOf, codeOf, read } from './pages.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const page = read('docs/approval.md');
const examples = blocksOf(page)
  .filter(({ language }) => language === 'yaml')
  .map(({ text }) => parse(text) as Manifest);
const exampleOf = (kind: string): Manifest => {
  const found = examples.find((each) => each.kind === kind);
  assert.ok(found !== undefined, kind);
  return found;
};

const roles = parseAllDocuments(read('config/rbac/user-roles.yaml')).map((document) => document.toJS() as Manifest);

describe('docs/approval.md', () => {
  it('has a policy that wants approval', () => {
    const policy = resolvePolicy(reloadPolicySpecSchema.parse(exampleOf('ReloadPolicy').spec));
    assert.equal(policy.gates.approval, 'Manual');
  });

  it('has a request as the API takes it', () => {
    assert.equal(reloadRequestSpecSchema.strict().parse(exampleOf('ReloadRequest').spec).type, 'Approve');
  });

  it('names commands and flags that there are', async () => {
    const commands = [...codeOf(page).matchAll(/kubectl reload ([a-z]+)(.*)/g)];
    assert.ok(commands.length > 3);
    for (const [, command = '', args = ''] of commands) {
      const { code, stdout } = await reload([command, '--help']);
      assert.equal(code, 0, command);
      for (const [flag] of args.matchAll(/(?<= )--?[a-z]+/g)) assert.match(stdout, new RegExp(`${flag}\\b`));
    }
  });

  it('binds a role that may make requests, and that edit does not include', () => {
    const named = exampleOf('RoleBinding').roleRef?.name;
    const makes = (role: Manifest): boolean =>
      role.rules?.some(({ resources, verbs }) => resources.includes('reloadrequests') && verbs.includes('create')) ??
      false;
    assert.deepEqual(
      roles.filter(makes).map(({ metadata }) => metadata.name),
      [named],
    );
    const labels = Object.keys(roles.find(({ metadata }) => metadata.name === named)?.metadata.labels ?? {});
    assert.deepEqual(labels, ['rbac.authorization.k8s.io/aggregate-to-admin']);
  });
});
