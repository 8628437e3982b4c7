/** What a policy demands of content, and what was found wrong with it. The checks are in src/documents. */

import type { Source } from './observed.ts';

export type { ContentFormat, Validation } from '../api/v1alpha1/types.ts';

/** One thing that is wrong. No part of it carries content. */
export interface Problem {
  readonly key: string;
  /** A JSON Pointer into the document; absent: the key as a whole. */
  readonly path?: string;
  /** Which entry of `spec.validation`, from 1. */
  readonly rule: number;
  /** Completes "app.yaml at /port ...": `must be at most 65535 (schema: maximum)`. */
  readonly message: string;
}

/** `config.yaml at /server/port must be at most 65535 (validation 2)`. */
export const problemText = ({ key, path, rule, message }: Problem): string =>
  `${key}${path === undefined ? '' : ` at ${path === '' ? 'its root' : path}`} ${message} (validation ${rule})`;

/** What these policies' validations refuse in a source, one sentence each, without repetition. */
export const problemsOf = (source: Source | undefined, policies: readonly string[]): readonly string[] => {
  if (source?.state !== 'Present' || source.problems === undefined) return [];
  const { problems } = source;
  return [...new Set(policies.flatMap((name) => (problems.get(name) ?? []).map(problemText)))];
};
