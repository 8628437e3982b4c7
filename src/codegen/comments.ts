/** Reads documented constants out of a source file, so that their comments are the reference too. */

import ts from 'typescript';

export interface DocumentedConstants {
  readonly name: string;
  /** Comment of the whole, empty where there is none. */
  readonly comment: string;
  /** The members in the order of the source. */
  readonly members: readonly { readonly value: string; readonly comment: string }[];
}

/** The comment right above a node; those further up are of the file. */
const commentOf = (node: ts.Node): string => {
  const comment = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)?.comment;
  return (ts.getTextOfJSDocComment(comment) ?? '').replaceAll(/\s+/g, ' ');
};

const literalOf = (expression: ts.Expression | undefined): ts.ObjectLiteralExpression | undefined =>
  expression && ts.isAsExpression(expression) && ts.isObjectLiteralExpression(expression.expression)
    ? expression.expression
    : undefined;

/**
 * Every `export const Name = { /** comment *\/ Member: 'value' } as const` of a TypeScript source, in its order.
 *
 * @throws Error naming the member that has no comment or is no string.
 */
export const documentedConstants = (source: string, fileName: string): readonly DocumentedConstants[] => {
  const file = ts.createSourceFile(fileName, source, ts.ScriptTarget.Latest, true);
  return file.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.flatMap((declaration) => {
      const literal = literalOf(declaration.initializer);
      if (literal === undefined) return [];
      const name = declaration.name.getText(file);
      const members = literal.properties.map((property) => {
        const comment = commentOf(property);
        const value = ts.isPropertyAssignment(property) ? property.initializer : undefined;
        if (comment === '' || value === undefined || !ts.isStringLiteral(value)) {
          throw new Error(
            `${fileName}: ${name}.${property.name?.getText(file) ?? '?'} needs a comment and a string value`,
          );
        }
        return { value: value.text, comment };
      });
      return [{ name, comment: commentOf(statement), members }];
    }),
  );
};
