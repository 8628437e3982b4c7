import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KINDS } from '../../../src/api/v1alpha1/schema.ts';
import { documentedConstants } from '../../../src/codegen/comments.ts';
import {
  toCustomResourceDefinition,
  type CustomResourceDefinition,
  type StructuralSchema,
} from '../../../src/codegen/crd.ts';
import { generate } from '../../../src/codegen/generate.ts';
import { toTypes } from '../../../src/codegen/types.ts';

const [policy] = KINDS.map(toCustomResourceDefinition);
assert(policy);

/** A CRD with nothing but this as its spec. */
const crdOf = (spec: StructuralSchema): CustomResourceDefinition => {
  const [version] = policy.spec.versions;
  const openAPIV3Schema = { type: 'object', properties: { spec } };
  return { ...policy, spec: { ...policy.spec, versions: [{ ...version, schema: { openAPIV3Schema } }] } };
};

const object = (
  title: string,
  properties: Record<string, StructuralSchema>,
  required: string[] = [],
): StructuralSchema => ({
  type: 'object',
  title,
  properties,
  required,
});

describe('toTypes', () => {
  it('names titled parts once and makes everything readonly', async () => {
    const leaf = object('Leaf', { text: { type: 'string' } }, ['text']);
    const types = await toTypes([crdOf(object('Root', { one: leaf, many: { type: 'array', items: leaf } }, ['one']))]);
    assert.equal(types.match(/interface Leaf /g)?.length, 1);
    assert.match(types, /readonly one: Leaf;/);
    assert.match(types, /readonly many\?: readonly Leaf\[\];/);
    assert.match(types, /readonly text: string;/);
  });

  it('takes what has a default for always there', async () => {
    const types = await toTypes([
      crdOf(object('Root', { suspend: { type: 'boolean', default: false }, name: { type: 'string' } })),
    ]);
    assert.match(types, /readonly suspend: boolean;/);
    assert.match(types, /readonly name\?: string;/);
  });

  it('refuses one title for two shapes', async () => {
    const root = object('Root', {
      a: object('Leaf', { x: { type: 'string' } }),
      b: object('Leaf', { y: { type: 'string' } }),
    });
    await assert.rejects(toTypes([crdOf(root)]), /two different types are titled Leaf/);
  });

  it('leaves nothing of the API that can be changed in place', async () => {
    const types = await toTypes(KINDS.map(toCustomResourceDefinition));
    const fields = types.split('\n').filter((line) => /^ {2}[^ */]/.test(line) && !line.startsWith('  |'));
    assert(fields.length > 80);
    assert.deepEqual(
      fields.filter((line) => !line.startsWith('  readonly ') || /: (?!readonly ).*\[\];$/.test(line)),
      [],
    );
  });
});

describe('documentedConstants', () => {
  it('reads names, values and comments', () => {
    const source = `/** of the file */\n\n/** of the group */\nexport const Group = {\n  /** first\n   * line */\n  A: 'A',\n} as const;\nexport const other = 1;`;
    assert.deepEqual(documentedConstants(source, 'x.ts'), [
      { name: 'Group', comment: 'of the group', members: [{ value: 'A', comment: 'first line' }] },
    ]);
  });

  it('refuses a member that nobody has explained', () => {
    assert.throws(
      () => documentedConstants(`export const Group = { A: 'A' } as const;`, 'x.ts'),
      /x\.ts: Group\.A needs a comment/,
    );
  });
});

describe('the reference', () => {
  it('has every field, every rule and every reason', async () => {
    const reference = (await generate()).get('docs/api.md') ?? '';
    for (const text of [
      '| `workloads[].selector.matchExpressions[].operator` | `In`, `NotIn`, `Exists`, `DoesNotExist` | required |',
      '| `restart.debounce` | duration | `500ms` |',
      '| `spec.workloads[].selector` | an empty selector would bind everything; leave workloads out to bind every consumer |',
      '| `ProgressDeadlineExceeded` |',
      '| `restart.changes[].keys` | map to string | required |',
    ]) {
      assert(reference.includes(text), text);
    }
  });
});
