/** The keys that sources go by, taken apart. */

import { sourceId, sourceOf, type SourceId } from '../../domain/observed.ts';
import type { SourceKind } from '../../domain/selection.ts';
import { sourceKey, type SourceScope } from '../ports.ts';

/** Of a source within a namespace. */
export const keyOf = (namespace: string, id: SourceId): string => {
  const { kind, name } = sourceOf(id);
  return sourceKey(kind, namespace, name);
};

export interface KeyParts {
  readonly kind: SourceKind;
  readonly namespace: string;
  readonly name: string;
  readonly id: SourceId;
}

export const partsOf = (key: string): KeyParts => {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  const id = sourceId({ kind, name });
  return { kind: sourceOf(id).kind, namespace, name, id };
};

export const scopeKey = ({ kind, namespace = '', name = '' }: SourceScope): string => `${kind}/${namespace}/${name}`;

/** The scopes that can cover a source, the narrowest first. */
export const scopeKeysOf = (key: string): readonly string[] => {
  const { kind, namespace } = partsOf(key);
  return [key, scopeKey({ kind, namespace }), scopeKey({ kind })];
};

export const covers = ({ kind, namespace, name }: SourceScope, key: string): boolean => {
  if (name !== undefined) return key === scopeKey({ kind, namespace: namespace ?? '', name });
  return key.startsWith(namespace === undefined ? `${kind}/` : `${kind}/${namespace}/`);
};
