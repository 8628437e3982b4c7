import type { FollowedPod } from '../../src/controller/ports.ts';
import type { WatchEvent } from '../../src/runtime/reflector.ts';

/** The watches of pods that are open, each told what a test says. */
export class PodFeed {
  /** How many are open. */
  watches = 0;
  readonly #watchers = new Set<(event: WatchEvent<FollowedPod>) => void>();

  tell(event: WatchEvent<FollowedPod>): void {
    for (const tell of [...this.#watchers]) tell(event);
  }

  async *events(until: AbortSignal): AsyncGenerator<WatchEvent<FollowedPod>> {
    const queue: WatchEvent<FollowedPod>[] = [];
    let wake: (() => void) | undefined;
    const tell = (event: WatchEvent<FollowedPod>): void => {
      queue.push(event);
      wake?.();
    };
    this.#watchers.add(tell);
    this.watches += 1;
    until.addEventListener('abort', () => wake?.(), { once: true });
    try {
      while (!until.aborted) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.watches -= 1;
      this.#watchers.delete(tell);
    }
  }
}
