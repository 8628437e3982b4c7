/** PLACEHOLDER until the matcher lands */
export const pointerTokens = (pointer: string): readonly string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

export const compilePath = (pattern: string): ((tokens: readonly string[]) => boolean) => {
  const parts = pattern.slice(1).split('/');
  return (tokens) => {
    let states = new Set([0]);
    const close = (set: Set<number>): Set<number> => {
      for (const at of set) if (parts[at] === '**') set.add(at + 1);
      return set;
    };
    close(states);
    for (const token of tokens) {
      const next = new Set<number>();
      for (const at of states) {
        const part = parts[at];
        if (part === '**') next.add(at);
        else if (part === '*' || part?.replaceAll('~2', '*').replaceAll('~1', '/').replaceAll('~0', '~') === token)
          next.add(at + 1);
      }
      states = close(next);
    }
    return states.has(parts.length);
  };
};
