/** Content against one entry of `spec.validation`. */

import { DOCUMENT_FORMATS, type DocumentFormatName } from '../api/v1alpha1/documents.ts';
import type { ContentFormat, Problem, Validation } from '../domain/validation.ts';
import { checkNumber } from './checks/number.ts';
import { checkPem } from './checks/pem.ts';
import { checkSchema } from './checks/schema.ts';
import type { Finding } from './checks/schema-problems.ts';
import { checkDuration, checkEnum, checkPattern, checkQuantity, checkUrl } from './checks/texts.ts';
import { DocumentError, formatOf, type ParsedDocument } from './parse.ts';
import { textOf } from './split.ts';

export interface CheckedContent {
  readonly key: string;
  readonly content: string | Uint8Array;
  readonly check: Validation;
  /** Which entry it is, from 1. */
  readonly number: number;
  /** The content as a document, or why it is none. Asked for only if it is text. */
  readonly parsed: (format: DocumentFormatName) => ParsedDocument | DocumentError;
  /** Whether schemas may be applied. */
  readonly schemas: boolean;
}

export const MOST_PROBLEMS = 10;

/** @returns at most MOST_PROBLEMS; no part of them carries content, but paths carry names of the document. */
export const checkContent = (checked: CheckedContent): readonly Problem[] =>
  findings(checked)
    .slice(0, MOST_PROBLEMS)
    .map(({ path, message }) => ({
      key: checked.key,
      ...(path !== undefined && { path }),
      rule: checked.number,
      message,
    }));

const findings = (checked: CheckedContent): readonly Finding[] => {
  const { content, check, schemas } = checked;
  // What is too long is not looked into any further.
  if (check.maxBytes !== undefined && byteLength(content) > check.maxBytes) {
    return [{ message: `must have at most ${check.maxBytes} bytes` }];
  }
  const schema = schemas ? check.schema : undefined;
  if (check.format === undefined && schema === undefined) return [];
  const text = textIn(content);
  if (text === undefined) return [{ message: 'must be text, but is binary' }];
  const named = check.format;
  if (named !== undefined && !isDocument(named)) {
    const wrong = checkText(text, named, check);
    if (wrong !== undefined) return [{ message: wrong }];
    return schema === undefined ? [] : checkDocument(checked, undefined, schema);
  }
  return checkDocument(checked, named, schema);
};

const textIn = (content: string | Uint8Array): string | undefined => {
  try {
    return textOf(content);
  } catch {
    return undefined;
  }
};

const checkDocument = (
  { key, parsed }: CheckedContent,
  named: DocumentFormatName | undefined,
  schema: string | undefined,
): readonly Finding[] => {
  const format = named ?? formatOf(key);
  if (format === undefined) {
    return [{ message: `can't be checked against the schema: set format to one of ${DOCUMENT_FORMATS.join(', ')}` }];
  }
  const document = parsed(format);
  if (document instanceof DocumentError) return [{ message: `can't be read as ${format}: ${document.message}` }];
  return schema === undefined ? [] : checkSchema(schema, document.toValue(), MOST_PROBLEMS);
};

const checkText = (
  text: string,
  format: Exclude<ContentFormat, DocumentFormatName>,
  check: Validation,
): string | undefined => {
  const trimmed = text.trim();
  switch (format) {
    case 'Pattern':
      return checkPattern(trimmed, check.pattern ?? '');
    case 'Number':
      return checkNumber(trimmed, check);
    case 'Duration':
      return checkDuration(trimmed);
    case 'Quantity':
      return checkQuantity(trimmed);
    case 'Enum':
      return checkEnum(trimmed, check.values ?? []);
    case 'URL':
      return checkUrl(trimmed);
    case 'PEM':
      return checkPem(text);
  }
};

const isDocument = (format: ContentFormat): format is DocumentFormatName =>
  (DOCUMENT_FORMATS as readonly string[]).includes(format);

const byteLength = (content: string | Uint8Array): number =>
  typeof content === 'string' ? Buffer.byteLength(content) : content.length;
