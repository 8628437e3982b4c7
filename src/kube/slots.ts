/** Lets a bounded number of callers in at a time, first come, first served. */
export interface Slots {
  /** Resolves with what gives the slot back (call it once); rejects with `signal.reason` when that comes first. */
  take(signal?: AbortSignal): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const line = new Set<() => void>();

  const release = (): void => {
    const [next] = line;
    if (next === undefined) {
      free += 1;
    } else {
      line.delete(next);
      next();
    }
  };

  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        if (free > 0) {
          free -= 1;
          resolve(release);
          return;
        }
        const enter = (): void => {
          signal?.removeEventListener('abort', leave);
          resolve(release);
        };
        const leave = (): void => {
          line.delete(enter);
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the contract is the signal's own reason, whatever it is
          reject(signal?.reason);
        };
        line.add(enter);
        signal?.addEventListener('abort', leave, { once: true });
      }),
  };
}
