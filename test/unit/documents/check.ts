import { checkContent } from '../../../src/documents/checks.ts';
import { DocumentError, parseDocument } from '../../../src/documents/parse.ts';
import { textOf } from '../../../src/documents/split.ts';
import type { Problem, Validation } from '../../../src/domain/validation.ts';

/** The problems of some content with one check, which is the third of its policy. */
export const check = (
  content: string | Uint8Array,
  validation: Omit<Validation, 'keys'>,
  { key = 'key', schemas = true } = {},
): readonly Problem[] =>
  checkContent({
    key,
    content,
    check: { keys: [key], ...validation },
    number: 3,
    parsed: (format) => {
      try {
        return parseDocument(textOf(content), format);
      } catch (error) {
        if (error instanceof DocumentError) return error;
        throw error;
      }
    },
    schemas,
  });

/** The same as lines: `/path message`, or the message alone. */
export const lines = (...args: Parameters<typeof check>): readonly string[] =>
  check(...args).map(({ path, message }) => (path === undefined ? message : `${path} ${message}`));
