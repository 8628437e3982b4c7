/** Why live objects can't be rendered, as it was last found out. */

import type { LiveObject, LiveTrouble } from '../../domain/live.ts';
import type { PutBacks } from '../../domain/put-back.ts';
import { statusOf, toError } from '../../runtime/errors.ts';

export interface Troubles {
  get(key: string): LiveTrouble | undefined;
  /** Undefined: it can be rendered. Tells of it where it is another than before. */
  settle(key: string, trouble: LiveTrouble | undefined): void;
}

export const createTroubles = (onTrouble: (key: string) => void): Troubles => {
  const troubles = new Map<string, LiveTrouble>();
  return {
    get: (key) => troubles.get(key),
    settle: (key, trouble) => {
      if (troubles.get(key)?.message === trouble?.message) return;
      if (trouble === undefined) troubles.delete(key);
      else troubles.set(key, trouble);
      onTrouble(key);
    },
  };
};

export const notOurs = ({ name, source: { kind } }: LiveObject): LiveTrouble => ({
  reason: 'NotOurs',
  message: `${kind} ${name} exists and was not made by the operator, so it is left alone: delete it, or give delivery.objects another name`,
});

/** Others write it, too. */
export const contested = ({ name, source: { kind, name: source } }: LiveObject, last: PutBacks): LiveTrouble => {
  const by = last.by === undefined ? '' : `, the latest time by ${last.by}`;
  return {
    reason: 'Contested',
    message: `${kind} ${name} is changed by somebody else again and again${by}; it was put back ${last.times} times in a row, and is now less and less often: find out who does it, and have ${kind} ${source} edited instead`,
  };
};

/** What is held and what has come in, together. */
export const tooLarge = ({ name, source: { kind } }: LiveObject): LiveTrouble => ({
  reason: 'TooLarge',
  message: `${kind} ${name} would hold more than 1 MiB, with what waits for a restart beside what has come in: it stays as it is until the restart begins`,
});

/** What a failed request says. */
export const troubleOf = ({ name, source }: LiveObject, thrown: unknown): LiveTrouble => {
  const { message } = toError(thrown);
  return statusOf(thrown) === 403
    ? {
        reason: 'Forbidden',
        message: `${source.kind} ${name} may not be written by the operator: ${source.kind === 'ConfigMap' ? 'install config/managed' : 'bind the Role of docs/managed-delivery.md in this namespace'}; ${message}`,
      }
    : { reason: 'Error', message: `${source.kind} ${name}: ${message}` };
};
