/**
 * How many reads of one namespace may be looking into content at a time. Whoever writes content that takes long to look
 * into keeps the others of the namespace waiting, and nobody else.
 */

export interface Shares {
  /** @returns what gives the share back; undefined: all of the namespace's are taken */
  take(namespace: string): (() => void) | undefined;
}

export const createShares = (most: number): Shares => {
  const taken = new Map<string, number>();
  return {
    take: (namespace) => {
      const count = taken.get(namespace) ?? 0;
      if (count >= most) return undefined;
      taken.set(namespace, count + 1);
      return () => {
        const left = (taken.get(namespace) ?? 1) - 1;
        if (left === 0) taken.delete(namespace);
        else taken.set(namespace, left);
      };
    },
  };
};
