/** Changes of the env file's text. It keeps one setting to a line; comments, order and all other lines stay. */

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=/;

/** Sets variables where they stand, wherever that is; those that don't stand yet are added at the end. */
export const withVariables = (text: string, variables: ReadonlyMap<string, string>): string => {
  const left = new Set(variables.keys());
  const lines = text.split('\n').map((line) => {
    const name = ASSIGNMENT.exec(line)?.[1];
    const value = name === undefined ? undefined : variables.get(name);
    if (name === undefined || value === undefined) return line;
    left.delete(name);
    return `${name}=${value}`;
  });
  const added = [...left].map((name) => `${name}=${variables.get(name) ?? ''}`);
  const ended = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  return [...ended, ...added, ''].join('\n');
};
