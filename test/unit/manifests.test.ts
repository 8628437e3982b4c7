/** What is installed, in the order in which it is; test/integration/manifests.test.ts has kubectl say the same. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { inOrder, type Manifest } from '../support/manifests.ts';

const CHECKOUT = join(import.meta.dirname, '../..');

interface Kustomization {
  readonly sortOptions?: { readonly order: string };
  readonly resources: readonly string[];
}

/** The objects of a folder as they stand in its files, one after the other. */
const objectsOf = (folder: string): readonly Manifest[] => {
  const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
  return resources.flatMap((resource) =>
    resource.endsWith('.yaml')
      ? parseAllDocuments(readFileSync(join(folder, resource), 'utf8')).map((each) => each.toJS() as Manifest)
      : objectsOf(join(folder, resource)),
  );
};

describe('the manifests', () => {
  const folder = join(CHECKOUT, 'config/default');

  it('stand in an order in which each can be used at once, and are applied in it', () => {
    const { sortOptions } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
    assert.deepEqual(sortOptions, { order: 'fifo' });
    inOrder(objectsOf(folder));
  });

  it('ask the authors of policies about their sources, their workloads and their live objects on the same occasions', () => {
    const asked = ['policy-authors.yaml', 'live-objects.yaml']
      .flatMap((file) => parseAllDocuments(readFileSync(join(CHECKOUT, 'config/admission', file), 'utf8')))
      .map((each) => each.toJS() as { readonly kind: string; readonly spec: Readonly<Record<string, unknown>> })
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    assert.equal(asked.length, 3);
    for (const field of ['matchConstraints', 'matchConditions', 'failurePolicy'])
      for (const { spec } of asked) assert.deepEqual(spec[field], asked[0]?.spec[field]);
  });

  it('put the namespace with the account that needs it', () => {
    const kinds = objectsOf(join(CHECKOUT, 'config/rbac')).map(({ kind }) => kind);
    assert.deepEqual(kinds.slice(0, 2), ['Namespace', 'ServiceAccount']);
  });

  it('let no Service of the namespace change a setting, and ask for no priority', () => {
    const [deployment] = objectsOf(join(CHECKOUT, 'config/manager'));
    assert.equal(deployment?.kind, 'Deployment');
    const { spec } = deployment.spec?.template ?? {};
    assert.equal(spec?.['enableServiceLinks'], false);
    assert.equal(spec['priorityClassName'], undefined);
  });
});
