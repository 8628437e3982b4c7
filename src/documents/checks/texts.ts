/** Texts of a kind. Every check is linear in the text. Each says what the text must be, where it is not that. */

import { compileExpression } from './expressions.ts';
import { asWritten, listed } from './words.ts';

/** What is longer is none of these, however it is written. */
const LONGEST = 256;

/** As Go's time.ParseDuration takes them. Source: https://pkg.go.dev/time#ParseDuration. */
const DURATION = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
/** Go counts nanoseconds in 64 bits. */
const LONGEST_SECONDS = 2 ** 63 / 1e9;

export const checkDuration = (text: string): string | undefined => {
  if (text.length > LONGEST || !DURATION.test(text)) return 'must be a duration, such as 300ms, 1.5h or 1h30m';
  const seconds = [...text.matchAll(DURATION_PART)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (SECONDS[unit] ?? 0),
    0,
  );
  return seconds < LONGEST_SECONDS ? undefined : 'must be a duration of less than 292 years';
};

/** Source: https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity. */
const QUANTITY = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:n|u|m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?\d{1,9})?$/;

export const checkQuantity = (text: string): string | undefined =>
  text.length <= LONGEST && QUANTITY.test(text) ? undefined : 'must be a quantity, such as 100m, 1.5Gi or 2e3';

/** With `//`: `localhost:80` is a URL, too, of the scheme `localhost`, and hardly meant to be one. */
const URL_START = /^[a-zA-Z][-+.a-zA-Z0-9]*:\/\//;
/** The parser drops some of these without a word. */
const NOT_IN_URLS = /[\s\u0000-\u001f\u007f]/;

export const checkUrl = (text: string): string | undefined =>
  URL_START.test(text) && !NOT_IN_URLS.test(text) && URL.canParse(text)
    ? undefined
    : 'must be an absolute URL, such as https://example.com/path';

export const checkEnum = (text: string, values: readonly string[]): string | undefined =>
  values.some((value) => value === text || value.trim() === text) ? undefined : `must be one of ${listed(values)}`;

/** Anywhere in the text: `^` and `$` are the pattern's own business. */
export const checkPattern = (text: string, pattern: string): string | undefined => {
  const expression = compileExpression(pattern);
  if (expression instanceof Error) {
    return `can't be checked: the pattern ${asWritten(pattern)} is no regular expression of RE2 (${asWritten(expression.message)})`;
  }
  return expression.test(text) ? undefined : `must match ${asWritten(pattern)}`;
};
