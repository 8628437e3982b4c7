import { compileScriptExpression, type Expression } from './expressions.ts';

/**
 * Runs something that makes regular expressions of strings that come from users: while it runs, which must be
 * synchronous, `new RegExp` makes one of RE2, which takes linear time. Literals are not touched.
 * @param known those that have been compiled already
 */
export const withLinearExpressions = <T>(known: ReadonlyMap<string, Expression>, run: () => T): T => {
  const original = globalThis.RegExp;
  // What a constructor returns takes the place of what it makes.
  const Linear = function (source: string): Expression {
    globalThis.RegExp = original;
    try {
      const expression = known.get(source) ?? compileScriptExpression(source);
      if (expression instanceof Error) throw new SyntaxError(expression.message);
      return expression;
    } finally {
      globalThis.RegExp = Linear as unknown as RegExpConstructor;
    }
  };
  globalThis.RegExp = Linear as unknown as RegExpConstructor;
  try {
    return run();
  } finally {
    globalThis.RegExp = original;
  }
};
