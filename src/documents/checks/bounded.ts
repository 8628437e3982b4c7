/** Remembers what was worked out for the latest keys, at most so many. */
export const bounded = <V>(most: number): ((key: string, make: () => V) => V) => {
  const known = new Map<string, { readonly value: V }>();
  return (key, make) => {
    const found = known.get(key) ?? { value: make() };
    known.delete(key);
    known.set(key, found);
    const [oldest] = known.keys();
    if (known.size > most && oldest !== undefined) known.delete(oldest);
    return found.value;
  };
};
