/** Reflectors that come and go while a process runs. */

import type { Clock } from './clock.ts';
import type { Reflector, ReflectorStatus } from './reflector.ts';

export interface GroupMember {
  /** Before its first sign of life it counts as alive since it began. */
  status(): ReflectorStatus;
  probe(signal: AbortSignal): Promise<void>;
}

export interface ReflectorGroup {
  /** Begins one, at the latest when the group runs; what is returned ends it. */
  begin(reflector: Reflector): () => void;
  members(): readonly GroupMember[];
  /** Runs what is in the group, now and later, until the abort; resolves when the last has ended. May be called once. */
  run(signal: AbortSignal): Promise<void>;
}

interface Member extends GroupMember {
  readonly reflector: Reflector;
  readonly ended: AbortController;
}

export const createReflectorGroup = (clock: Clock): ReflectorGroup => {
  const members = new Set<Member>();
  const running = new Set<Promise<void>>();
  let group: AbortSignal | undefined;

  const start = ({ reflector, ended }: Member, signal: AbortSignal): void => {
    const run = reflector.run(AbortSignal.any([signal, ended.signal])).finally(() => running.delete(run));
    running.add(run);
  };

  return {
    begin: (reflector) => {
      const begunAt = clock.now();
      const member: Member = {
        reflector,
        ended: new AbortController(),
        status: () => {
          const status = reflector.status();
          return { ...status, aliveAt: status.aliveAt ?? begunAt };
        },
        probe: (signal) => reflector.probe(signal),
      };
      members.add(member);
      if (group?.aborted === false) start(member, group);
      return () => {
        members.delete(member);
        member.ended.abort();
      };
    },
    members: () => [...members],
    run: async (signal) => {
      group = signal;
      for (const member of members) start(member, signal);
      const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
      const onAbort = (): void => {
        resolve(undefined);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      await aborted;
      await Promise.all(running);
    },
  };
};
