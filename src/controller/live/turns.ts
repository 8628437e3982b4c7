/** One after the other, by key. */

export interface Turns {
  take<T>(key: string, run: () => Promise<T>): Promise<T>;
}

export const createTurns = (): Turns => {
  const latest = new Map<string, Promise<unknown>>();
  return {
    take: async (key, run) => {
      const turn = (latest.get(key) ?? Promise.resolve()).then(run, run);
      const done = turn.catch(() => undefined);
      latest.set(key, done);
      void done.then(() => {
        if (latest.get(key) === done) latest.delete(key);
      });
      return turn;
    },
  };
};
