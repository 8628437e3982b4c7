/** One key's content, for every policy that looks at it. Pure, and as slow as the content: run in a worker. */

import type { DocumentFormatName } from '../api/v1alpha1/documents.ts';
import { checksFor, type KeyInspection, type KeyRequest } from '../domain/inspection.ts';
import { looksInto } from '../domain/rules.ts';
import type { Problem } from '../domain/validation.ts';
import { checkContent, MOST_PROBLEMS } from './checks.ts';
import { DocumentError, parseDocument, type ParsedDocument } from './parse.ts';
import { formatFor, splitDocument, textOf } from './split.ts';

export const inspectKey = (request: KeyRequest): KeyInspection => {
  const { source, key, policies, content } = request;
  const parsed = parsedOnce(content);
  const format = formatFor(request);
  return {
    ...(policies.some((policy) => looksInto(policy, source, key)) && {
      document: splitDocument(request, format === undefined ? undefined : parsed(format)),
    }),
    problems: new Map(
      policies.flatMap((policy) => {
        const problems = problemsOf(request, policy, parsed);
        return problems.length === 0 ? [] : [[policy.name, problems] as const];
      }),
    ),
  };
};

type Parse = (format: DocumentFormatName) => ParsedDocument | DocumentError;

const problemsOf = (
  { source, key, content, schemas }: KeyRequest,
  policy: KeyRequest['policies'][number],
  parsed: Parse,
): readonly Problem[] =>
  checksFor(policy, key)
    .flatMap(([number, check]) => checkContent({ key, content, check, number, parsed, schemas }))
    .slice(0, MOST_PROBLEMS)
    // The names in a Secret are its own affair, too.
    .map((problem) => (source.kind === 'Secret' ? withoutPath(problem) : problem));

const withoutPath = ({ key, rule, message }: Problem): Problem => ({ key, rule, message });

/** However often it is asked for, and by whom: a document is parsed once as each format. */
const parsedOnce = (content: string | Uint8Array): Parse => {
  const known = new Map<DocumentFormatName, ParsedDocument | DocumentError>();
  return (format) => {
    const result = known.get(format) ?? parse(content, format);
    known.set(format, result);
    return result;
  };
};

const parse = (content: string | Uint8Array, format: DocumentFormatName): ParsedDocument | DocumentError => {
  try {
    return parseDocument(textOf(content), format);
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
};
