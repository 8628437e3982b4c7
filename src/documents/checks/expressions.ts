/** Regular expressions of RE2: there is none that takes more than linear time. */

import { RE2JS } from 're2js';
import { bounded } from './bounded.ts';

export interface Expression {
  test(text: string): boolean;
}

/** Each instruction may be looked at for each character. */
const MOST_INSTRUCTIONS = 10_000;

const compiled = bounded<Expression | Error>(256);

/** @returns the reason, where RE2 can't express it or it is too large; its text is not in it. */
export const compileExpression = (source: string): Expression | Error => compiled(source, () => compile(source));

/** The same for an expression in JavaScript's syntax, as JSON Schema has them: `\u00e4`, `(?<name>…)`. */
export const compileScriptExpression = (source: string): Expression | Error =>
  compiled(`u${source}`, () => compile(RE2JS.translateRegExp(source)));

const compile = (source: string): Expression | Error => {
  try {
    const expression = RE2JS.compile(source);
    return expression.programSize() > MOST_INSTRUCTIONS ? new Error('it is too large') : expression;
  } catch (error) {
    return new Error(error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'it is none');
  }
};
