/** Turns the schema of a kind into its CustomResourceDefinition. */

import { stringify } from 'yaml';
import * as z from 'zod';
import { CATEGORY, GROUP, VERSION, type KindNames } from '../api/v1alpha1/names.ts';
import type { KindDefinition } from '../api/v1alpha1/schema.ts';

/** A schema node as the API server takes it: the structural subset of OpenAPI v3. */
export interface StructuralSchema {
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

/** Every keyword that may stand in a CRD of ours, in the order it is written. */
export const KEYWORDS = [
  'type',
  'title',
  'description',
  'format',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
  'required',
  'properties',
  'items',
  'additionalProperties',
] as const satisfies readonly (keyof StructuralSchema)[];

type JsonSchema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const asSchema = (value: unknown, path: string): JsonSchema => {
  if (!isObject(value)) throw new TypeError(`${path}: not a schema`);
  return value;
};

const mapValues = <T>(object: JsonSchema, map: (value: unknown, key: string) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]));

/**
 * The same schema, as far as the API server's structural schemas go, with its keywords in a fixed order.
 *
 * @throws TypeError naming the path, where the schema uses a keyword that a structural schema has not.
 */
export const toStructural = (schema: JsonSchema, path: string): StructuralSchema => {
  const { type, ...rest } = schema;
  if (typeof type !== 'string') throw new TypeError(`${path}: has no single type`);
  const known: readonly string[] = KEYWORDS;
  const foreign = Object.keys(rest).filter((keyword) => !known.includes(keyword));
  if (foreign.length > 0) throw new TypeError(`${path}: a structural schema has no ${foreign.join(', ')}`);

  const node: Record<string, unknown> = { ...schema };
  if (node['format'] === 'date-time') {
    // The API server checks the format itself; zod's expression for it is long and only repeats it.
    delete node['pattern'];
  }
  if (isObject(schema['properties'])) {
    node['properties'] = mapValues(schema['properties'], (value, key) =>
      toStructural(asSchema(value, `${path}.${key}`), `${path}.${key}`),
    );
  }
  if (schema['items'] !== undefined) {
    node['items'] = toStructural(asSchema(schema['items'], `${path}[]`), `${path}[]`);
  }
  if (schema['additionalProperties'] !== undefined) {
    node['additionalProperties'] = toStructural(asSchema(schema['additionalProperties'], `${path}{}`), `${path}{}`);
  }
  return {
    type,
    ...Object.fromEntries(KEYWORDS.filter((keyword) => keyword in node).map((keyword) => [keyword, node[keyword]])),
  };
};

const structuralOf = (schema: z.ZodObject, path: string): StructuralSchema => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'throw',
  });
  return toStructural(json, path);
};

const openApiOf = (kind: KindDefinition): StructuralSchema => ({
  description: kind.description,
  type: 'object',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: structuralOf(kind.spec, `${kind.names.kind}.spec`),
    status: structuralOf(kind.status, `${kind.names.kind}.status`),
  },
});

/** A CustomResourceDefinition (`apiextensions.k8s.io/v1`), as far as ours go. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: Omit<KindNames, 'shortName'> & {
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly [
      {
        readonly name: string;
        readonly served: true;
        readonly storage: true;
        readonly subresources?: { readonly status: Record<string, never> };
        readonly additionalPrinterColumns: KindDefinition['columns'];
        readonly schema: { readonly openAPIV3Schema: StructuralSchema };
      },
    ];
  };
}

export const toCustomResourceDefinition = (kind: KindDefinition): CustomResourceDefinition => {
  const { shortName, ...names } = kind.names;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { ...names, shortNames: [shortName], categories: [CATEGORY] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          ...(kind.statusSubresource && { subresources: { status: {} } }),
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: openApiOf(kind) },
        },
      ],
    },
  };
};

/** The file that `kubectl apply -f` takes. */
export const toYaml = (crd: CustomResourceDefinition): string =>
  `# generated by make generate — do not edit\n${stringify(crd, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`;
