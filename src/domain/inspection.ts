/** What is asked of one key's content beyond its digest, and what comes of it. The work is done in src/documents. */

import { looksInto, matchersOf, type Declaring } from './rules.ts';
import type { Scheme } from './digest.ts';
import type { DocumentParts } from './documents.ts';
import type { SourceKind } from './selection.ts';
import type { Problem, Validation } from './validation.ts';

/** The part of a policy that looks at content. */
export interface InspectingPolicy extends Declaring {
  readonly name: string;
  readonly validation?: readonly Validation[];
}

export interface KeyRequest {
  readonly source: { readonly kind: SourceKind; readonly name: string };
  readonly scheme: Scheme;
  readonly key: string;
  readonly content: string | Uint8Array;
  /** Those that name the source, in the order of their names. */
  readonly policies: readonly InspectingPolicy[];
  /** Whether schemas may be applied: of Secrets only where their owner allows it. */
  readonly schemas: boolean;
}

export interface KeyInspection {
  /** Absent where no policy's rules look into the key. */
  readonly document?: DocumentParts;
  /** By policy's name; a policy that is content is not in it. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
}

/** Looks into content: off the main thread, within a time. */
export interface Inspector {
  /** Never rejects for what the content is: what takes too long or too much is a problem, or an error of the document. */
  inspect(request: KeyRequest, signal: AbortSignal): Promise<KeyInspection>;
  close(): Promise<void>;
}

type SourceName = KeyRequest['source'];

/** The entries of a policy's validation that are about a key, with their numbers from 1. */
export const checksFor = (
  { validation = [] }: Pick<InspectingPolicy, 'validation'>,
  key: string,
): readonly (readonly [number: number, check: Validation])[] =>
  validation.flatMap((check, index) =>
    matchersOf(check.keys).some((matches) => matches(key)) ? [[index + 1, check] as const] : [],
  );

/** Whether a key's content has to be looked at for any of these policies. */
export const needsInspection = (policies: readonly InspectingPolicy[], source: SourceName, key: string): boolean =>
  policies.some((policy) => looksInto(policy, source, key) || checksFor(policy, key).length > 0);

/** What a policy requires that a source with these keys lacks. */
export const missingKeys = (
  { validation = [] }: Pick<InspectingPolicy, 'validation'>,
  keys: Iterable<string>,
): readonly Problem[] => {
  const present = [...keys];
  return validation.flatMap(({ keys: globs, required = false }, index) =>
    required
      ? globs.flatMap((glob) =>
          matchersOf([glob]).some((matches) => present.some(matches))
            ? []
            : [{ key: glob, rule: index + 1, message: 'is required, but there is none' }],
        )
      : [],
  );
};
