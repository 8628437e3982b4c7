/** What is known of a source whose object is at hand, as the operator knows it: digests, documents, and what is wrong. */

import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { ALLOW_SCHEMA_ANNOTATION, IGNORE_ANNOTATION } from '../api/v1alpha1/names.ts';
import { inspectKey } from '../documents/inspect.ts';
import { digestContent, macKey as macKeyOf, macScheme, PLAIN, type MacKey } from '../domain/digest.ts';
import type { DocumentParts } from '../domain/documents.ts';
import { missingKeys, needsInspection } from '../domain/inspection.ts';
import type { Policy, Source } from '../domain/observed.ts';
import { matchesSelector, type SourceKind } from '../domain/selection.ts';
import type { Problem } from '../domain/validation.ts';
import type { RawSource } from './manifest-schemas.ts';
import type { Manifest } from './manifests.ts';

/** Digests of Secrets that are compared within one run need no other key. */
export const ephemeralKey = (): MacKey => macKeyOf(randomBytes(32));

/** @param policies those that name the source, in the order of their names */
export const sourceState = (
  { kind: of, metadata, raw }: Manifest,
  policies: readonly Policy[],
  macKey: MacKey,
): Source => {
  const { annotations = {}, namespace, name } = metadata;
  if (annotations[IGNORE_ANNOTATION] === 'true') return { state: 'Ignored' };
  const kind = of === 'Secret' ? 'Secret' : 'ConfigMap';
  const scheme = kind === 'Secret' ? macScheme(macKey, namespace, kind, name) : PLAIN;
  const schemas = kind === 'ConfigMap' || annotations[ALLOW_SCHEMA_ANNOTATION] === 'true';
  const content = contentOf(kind, raw as RawSource);
  const documents = new Map<string, DocumentParts>();
  const problems = new Map<string, readonly Problem[]>();
  const note = (policy: string, found: readonly Problem[]): void => {
    if (found.length > 0) problems.set(policy, [...(problems.get(policy) ?? []), ...found]);
  };
  for (const policy of policies) note(policy.name, missingKeys(policy, content.keys()));
  for (const [key, value] of content) {
    if (!needsInspection(policies, { kind, name }, key)) continue;
    const inspection = inspectKey({ source: { kind, name }, scheme, key, content: value, policies, schemas });
    if (inspection.document !== undefined) documents.set(key, inspection.document);
    for (const [policy, found] of inspection.problems) note(policy, found);
  }
  const { uid = '', resourceVersion = '' } = raw['metadata'] as {
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
  return {
    state: 'Present',
    uid,
    resourceVersion,
    immutable: raw['immutable'] === true,
    keys: new Map([...content].map(([key, value]) => [key, digestContent(value, scheme, key)])),
    ...(documents.size > 0 && { documents }),
    ...(problems.size > 0 && { problems }),
    changedAt: 0,
    seenToChange: false,
  };
};

/** By key, text where the bytes are UTF-8. What a Secret has in stringData goes over its data. */
const contentOf = (
  kind: SourceKind,
  { data = {}, binaryData = {}, stringData = {} }: RawSource,
): ReadonlyMap<string, string | Uint8Array> =>
  new Map([
    ...(kind === 'Secret' ? decoded(data) : Object.entries(data)),
    ...(kind === 'Secret' ? Object.entries(stringData) : decoded(binaryData)),
  ]);

const decoded = (base64: Readonly<Record<string, string>>): readonly (readonly [string, string | Uint8Array])[] =>
  Object.entries(base64).map(([key, value]) => {
    const bytes = Buffer.from(value, 'base64');
    return [key, isUtf8(bytes) ? bytes.toString('utf8') : bytes];
  });

/** With the sources that its selectors find among these. */
export const withFound = <P extends Policy>(policy: P, sources: readonly FindableSource[]): P => {
  const found = (policy.sourceSelectors ?? []).flatMap(({ kind, selector }) =>
    sources.filter(
      (source) =>
        source.kind === kind && source.namespace === policy.namespace && matchesSelector(selector, source.labels),
    ),
  );
  if (found.length === 0) return policy;
  const named = [...policy.sources, ...found].map(({ kind, name }) => [`${kind}/${name}`, { kind, name }] as const);
  return { ...policy, sources: [...new Map(named).values()] };
};

export interface FindableSource {
  readonly kind: SourceKind;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}
