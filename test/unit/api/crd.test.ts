import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { GROUP } from '../../../src/api/v1alpha1/names.ts';
import { KINDS } from '../../../src/api/v1alpha1/schema.ts';
import {
  KEYWORDS,
  toCustomResourceDefinition,
  toStructural,
  toYaml,
  type StructuralSchema,
} from '../../../src/codegen/crd.ts';
import { generate, staleFiles } from '../../../src/codegen/generate.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

interface Node {
  readonly path: string;
  readonly schema: StructuralSchema;
}

/** Every node of a schema, the root and what lies below. */
const nodesOf = function* (schema: StructuralSchema, path: string): Generator<Node> {
  yield { path, schema };
  for (const [name, property] of Object.entries(schema.properties ?? {})) yield* nodesOf(property, `${path}.${name}`);
  if (schema.items) yield* nodesOf(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* nodesOf(schema.additionalProperties, `${path}{}`);
};

const specAndStatus = KINDS.flatMap((kind) => {
  const { properties } = toCustomResourceDefinition(kind).spec.versions[0].schema.openAPIV3Schema;
  return ['spec', 'status'].flatMap((part) => {
    const schema = properties?.[part];
    assert(schema);
    return [...nodesOf(schema, `${kind.names.kind}.${part}`)];
  });
});

const violations = (isFine: (node: Node) => boolean): string[] =>
  specAndStatus.filter((node) => !isFine(node)).map(({ path }) => path);

describe('the CRDs', () => {
  it('reach every kind and field', () => {
    assert.deepEqual(
      KINDS.map(({ names }) => names.kind),
      ['ReloadPolicy', 'ReloadRecord', 'ReloadRequest'],
    );
    assert(specAndStatus.length > 120);
  });

  it('use only keywords of a structural schema', () => {
    const known: readonly string[] = KEYWORDS;
    assert.deepEqual(
      violations(({ schema }) => Object.keys(schema).every((keyword) => known.includes(keyword))),
      [],
    );
  });

  it('bound every string, list, map and number, so that rules stay affordable', () => {
    const bounded = ({
      type,
      enum: values,
      maxLength,
      maxItems,
      maxProperties,
      minimum,
      maximum,
      ...schema
    }: StructuralSchema) =>
      type === 'string'
        ? values !== undefined || maxLength !== undefined
        : type === 'array'
          ? maxItems !== undefined
          : type === 'integer'
            ? minimum !== undefined && maximum !== undefined && schema.format !== undefined
            : schema.additionalProperties === undefined || maxProperties !== undefined;
    assert.deepEqual(
      violations(({ schema }) => bounded(schema)),
      [],
    );
  });

  it('describe every field', () => {
    assert.deepEqual(
      violations(({ schema }) => (schema.description ?? '').length > 0),
      [],
    );
  });

  it('say of every list and map how appliers share it', () => {
    assert.deepEqual(
      violations(
        ({ schema }) =>
          (schema.type !== 'array' || schema['x-kubernetes-list-type'] !== undefined) &&
          (schema.additionalProperties === undefined || schema['x-kubernetes-map-type'] !== undefined),
      ),
      [],
    );
  });

  it('require the keys of lists that are maps', () => {
    assert.deepEqual(
      violations(({ schema }) =>
        (schema['x-kubernetes-list-map-keys'] ?? []).every((key) => schema.items?.required?.includes(key) ?? false),
      ),
      [],
    );
  });

  it('default only scalars at the top of spec, since defaults elsewhere show up as drift', () => {
    const defaulted = violations(({ schema }) => schema.default === undefined);
    assert.deepEqual(defaulted, [
      'ReloadPolicy.spec.defaultClass',
      'ReloadPolicy.spec.mode',
      'ReloadPolicy.spec.suspend',
    ]);
  });

  it('name enum values in CamelCase', () => {
    // But for API groups, which are written as they are; the core group is empty.
    const allowed = /^[A-Z][A-Za-z]*$|^(apps|batch|argoproj\.io|)$/;
    assert.deepEqual(
      violations(({ schema }) => (schema.enum ?? []).every((value) => allowed.test(value))),
      [],
    );
  });

  it('give every rule a message', () => {
    const rules = specAndStatus.flatMap(({ schema }) => schema['x-kubernetes-validations'] ?? []);
    assert(rules.length >= 11);
    for (const { rule, message } of rules) assert(message.length > 20 && !message.includes('\n'), rule);
  });

  it('keep status apart for the policy, and in one write with the rest for the record', () => {
    const subresources = KINDS.map((kind) => toCustomResourceDefinition(kind).spec.versions[0].subresources);
    assert.deepEqual(subresources, [{ status: {} }, undefined, { status: {} }]);
  });
});

describe('toStructural', () => {
  it('refuses what no structural schema has, and names the place', () => {
    const union = z.toJSONSchema(z.object({ a: z.union([z.string(), z.int()]) }), { target: 'openapi-3.0' });
    assert.throws(
      () => toStructural({ type: 'object', properties: union.properties }, 'spec'),
      /spec\.a: has no single type/,
    );
    assert.throws(() => toStructural({ type: 'object', not: {} }, 'spec'), /spec: a structural schema has no not/);
  });
});

describe('generated files', () => {
  it('are what the schema says', async () => {
    assert.deepEqual([...(await staleFiles(ROOT)).keys()], [], 'stale files: run make generate');
  });

  it('are all stale where there are none', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'generated-'));
    after(() => rm(empty, { recursive: true }));
    assert.deepEqual(await staleFiles(empty), await generate());
  });

  it('mean the same to readers of YAML 1.1 and 1.2, for kubectl reads the former', () => {
    for (const kind of KINDS) {
      const yaml = toYaml(toCustomResourceDefinition(kind));
      assert.deepEqual(parse(yaml, { version: '1.1' }), parse(yaml, { version: '1.2' }));
      assert.deepEqual(parse(yaml), JSON.parse(JSON.stringify(toCustomResourceDefinition(kind))));
    }
  });

  it('are named as the CRD is', async () => {
    const paths = [...(await generate()).keys()].filter((path) => path.startsWith('crds/'));
    assert.deepEqual(
      paths,
      KINDS.map(({ names }) => `crds/${GROUP}_${names.plural}.yaml`),
    );
  });
});
