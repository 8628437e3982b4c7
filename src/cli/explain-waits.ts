/** What would hold a change, for people and for programs. */

import { infoOf } from '../api/v1alpha1/kinds.ts';
import { sourceId } from '../domain/observed.ts';
import type { HoldAhead } from '../domain/gates.ts';
import { listed } from '../domain/listed.ts';
import type { SourceName, WorkloadName } from './names.ts';
import { plain } from './style.ts';

/** As it is printed with -o json. */
export interface Wait {
  readonly reason: string;
  readonly message: string;
  /** When it goes on by itself, in RFC 3339; absent: when somebody or something acts, or nobody can tell. */
  readonly until?: string;
  /** Whether `now` lets the change through once it waits. */
  readonly opens: boolean;
}

export const waitAsData = ({ reason, message, until, opens }: HoldAhead): Wait => ({
  reason,
  message,
  ...(until !== undefined && { until: new Date(until).toISOString() }),
  opens,
});

interface Told extends WorkloadName {
  readonly namespace: string;
  readonly keys: readonly {
    readonly source: SourceName;
    readonly key: string;
    readonly waits?: readonly Wait[];
    readonly waiting?: true;
  }[];
  readonly openGates?: readonly string[];
  readonly obstacles: readonly string[];
}

/** What stands in the way of everything is told by itself. */
const TOLD_AS_OBSTACLES: ReadonlySet<string> = new Set([
  'Suspended',
  'SourceMissing',
  'SourceUnreadable',
  'RequiredKeyMissing',
  'SourceInvalid',
]);

/** Blocks of lines, each for the keys that wait for the same, or would. */
export const toldWaits = ({ namespace, kind, name, keys, openGates, obstacles }: Told): readonly string[] => {
  const asked = keys.flatMap(({ source, key, waits, waiting = false }) =>
    waits === undefined
      ? []
      : [
          {
            source: sourceId(source),
            key: `${sourceId(source)}:${key}`,
            waiting,
            isFree: waits.length === 0,
            waits: waits.filter(({ reason }) => obstacles.length === 0 || !TOLD_AS_OBSTACLES.has(reason)),
          },
        ],
  );
  const groups = Map.groupBy(asked, ({ waits, waiting }) => JSON.stringify([waiting, waits]));
  const now = `kubectl reload now ${infoOf(kind).short}/${name} -n ${namespace}`;
  return [...groups.values()].flatMap((group) => {
    const [{ waits, isFree, waiting } = { waits: [], isFree: false, waiting: false }] = group;
    const of = groups.size === 1 ? 'that takes a restart' : `of ${listed(group.map(({ key }) => key))}`;
    if (waits.length === 0)
      return openGates === undefined || !isFree || waiting
        ? []
        : [`\nA change ${of} would begin now${openGates.map((each) => `; ${plain(each)}`).join('')}.\n`];
    const changed = listed([...new Set(group.map(({ source }) => source))]);
    const opens = waiting ? `${now} lets it begin at once.\n` : `Once it waits, ${now} lets it begin at once.\n`;
    return [
      waiting ? `\nWhat has changed of ${changed} waits:\n` : `\nA change ${of} would wait now:\n`,
      ...waits.map(({ message }) => `  - ${plain(message)}\n`),
      ...(waits.every((each) => each.opens) ? [opens] : []),
    ];
  });
};
