import type { WatchGroup, Watcher } from './types.ts';

/** A group without watchers: each names it when it is made. */
export function createGroup(): WatchGroup {
  const members = new Set<Pick<Watcher<unknown>, 'force' | 'status' | 'close'>>();
  return {
    force: () => Promise.all([...members].map((each) => each.force())),
    status: () => [...members].map((each) => each.status()),
    close: async () => {
      await Promise.all([...members].map((each) => each.close()));
    },
    add: (watcher) => {
      members.add(watcher);
      return () => {
        members.delete(watcher);
      };
    },
  };
}
