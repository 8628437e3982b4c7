/** The record as the API carries it, and the ledger that decisions are made on: one is the other. */

import { RECORD_LIMITS, STATUS_LIMITS } from '../api/v1alpha1/limits.ts';
import type { ReloadRecordStatus } from '../api/v1alpha1/types.ts';
import type { Digest } from './digest.ts';
import {
  sourceId,
  sourceOf,
  type Changes,
  type Consent,
  type HistoryEntry,
  type Ledger,
  type SnapshotReference,
  type Undo,
} from './observed.ts';

export const ledgerOf = (status: ReloadRecordStatus): Ledger => ({
  adoptedAt: Date.parse(status.adoptedAt),
  applied: new Map(
    status.sources.map((source) => [sourceId(source), new Map(Object.entries(source.keys) as [string, Digest][])]),
  ),
  immutable: new Map(
    status.sources.flatMap((source) =>
      source.immutableUid === undefined ? [] : [[sourceId(source), source.immutableUid] as const],
    ),
  ),
  ...(status.restart !== undefined && {
    restart: {
      ...withoutTimes(status.restart),
      issuedAt: Date.parse(status.restart.issuedAt),
      ...(status.restart.carriesSince !== undefined && { carriesSince: Date.parse(status.restart.carriesSince) }),
      ...(status.restart.finishedAt !== undefined && { finishedAt: Date.parse(status.restart.finishedAt) }),
      changes: changesOf(status.restart.changes),
    },
  }),
  ...(status.held !== undefined && {
    held: {
      ...withoutTimes(status.held),
      since: Date.parse(status.held.since),
      ...(status.held.changedAfter !== undefined && { changedAfter: Date.parse(status.held.changedAfter) }),
      ...(status.held.until !== undefined && { until: Date.parse(status.held.until) }),
      changes: changesOf(status.held.changes),
    },
  }),
  ...(status.delivery !== undefined && {
    delivery: {
      ...withoutTimes(status.delivery),
      startedAt: Date.parse(status.delivery.startedAt),
      ...(status.delivery.finishedAt !== undefined && { finishedAt: Date.parse(status.delivery.finishedAt) }),
      ...(status.delivery.askAgainAt !== undefined && { askAgainAt: Date.parse(status.delivery.askAgainAt) }),
      changes: changesOf(status.delivery.changes),
    },
  }),
  ...(status.intent !== undefined && {
    intent: {
      ...withoutTimes(status.intent),
      at: Date.parse(status.intent.at),
      snapshots: snapshotsOf(status.intent.snapshots),
      changes: changesOf(status.intent.changes),
    },
  }),
  ...(status.failed !== undefined && {
    failed: {
      ...withoutTimes(status.failed),
      at: Date.parse(status.failed.at),
      ...(status.failed.undo !== undefined && { undo: undoOf(status.failed.undo) }),
      changes: changesOf(status.failed.changes),
    },
  }),
  ...(status.approved !== undefined && { approved: consentOf(status.approved) }),
  ...(status.opened !== undefined && { opened: consentOf(status.opened) }),
  ...(status.restartTimes !== undefined && { restartTimes: status.restartTimes.map((at) => Date.parse(at)) }),
  ...(status.budgetFrom !== undefined && { budgetFrom: Date.parse(status.budgetFrom) }),
  ...(status.answers !== undefined && {
    answers: status.answers.map((answer) => ({ ...answer, at: Date.parse(answer.at) })),
  }),
  history: (status.history ?? []).map((entry) => ({ ...entry, time: Date.parse(entry.time) })),
});

/** Sources and keys come out in order, so that the same ledger is always the same object. */
export const recordStatusOf = (ledger: Ledger): ReloadRecordStatus => ({
  adoptedAt: time(ledger.adoptedAt),
  sources: inOrder(ledger.applied).map(([id, keys]) => {
    const immutableUid = ledger.immutable.get(id);
    return {
      ...sourceOf(id),
      keys: Object.fromEntries(inOrder(keys)),
      ...(immutableUid !== undefined && { immutableUid }),
    };
  }),
  ...(ledger.restart !== undefined && {
    restart: {
      ...withoutTimes(ledger.restart),
      ...bounded(ledger.restart.message),
      issuedAt: time(ledger.restart.issuedAt),
      ...(ledger.restart.carriesSince !== undefined && { carriesSince: time(ledger.restart.carriesSince) }),
      ...(ledger.restart.finishedAt !== undefined && { finishedAt: time(ledger.restart.finishedAt) }),
      changes: changeList(ledger.restart.changes),
    },
  }),
  ...(ledger.held !== undefined && {
    held: {
      ...withoutTimes(ledger.held),
      ...bounded(ledger.held.message),
      since: time(ledger.held.since),
      ...(ledger.held.changedAfter !== undefined && { changedAfter: time(ledger.held.changedAfter) }),
      ...(ledger.held.until !== undefined && { until: time(ledger.held.until) }),
      changes: changeList(ledger.held.changes),
    },
  }),
  ...(ledger.delivery !== undefined && {
    delivery: {
      ...withoutTimes(ledger.delivery),
      ...bounded(ledger.delivery.message),
      startedAt: time(ledger.delivery.startedAt),
      ...(ledger.delivery.finishedAt !== undefined && { finishedAt: time(ledger.delivery.finishedAt) }),
      ...(ledger.delivery.askAgainAt !== undefined && { askAgainAt: time(ledger.delivery.askAgainAt) }),
      places: placeList(ledger.delivery.places),
      changes: changeList(ledger.delivery.changes),
    },
  }),
  ...(ledger.intent !== undefined && {
    intent: {
      ...withoutTimes(ledger.intent),
      at: time(ledger.intent.at),
      snapshots: snapshotList(ledger.intent.snapshots),
      keys: placeList(ledger.intent.keys),
      changes: changeList(ledger.intent.changes),
    },
  }),
  ...(ledger.failed !== undefined && {
    failed: {
      ...withoutTimes(ledger.failed),
      ...bounded(ledger.failed.message),
      at: time(ledger.failed.at),
      ...(ledger.failed.undo !== undefined && { undo: undoStatus(ledger.failed.undo) }),
      changes: changeList(ledger.failed.changes),
    },
  }),
  ...(ledger.approved !== undefined && { approved: consentStatus(ledger.approved) }),
  ...(ledger.opened !== undefined && { opened: consentStatus(ledger.opened) }),
  ...(ledger.restartTimes !== undefined &&
    ledger.restartTimes.length > 0 && {
      restartTimes: ledger.restartTimes.slice(0, RECORD_LIMITS.restartTimes).map(time),
    }),
  ...(ledger.budgetFrom !== undefined && { budgetFrom: time(ledger.budgetFrom) }),
  ...(ledger.answers !== undefined &&
    ledger.answers.length > 0 && {
      answers: ledger.answers
        .slice(0, RECORD_LIMITS.answers)
        .map((answer) => ({ ...answer, ...bounded(answer.message), at: time(answer.at) })),
    }),
  ...(ledger.history.length > 0 && { history: ledger.history.map(historyEntry) }),
});

type RecordedSnapshots = NonNullable<ReloadRecordStatus['intent']>['snapshots'];

const snapshotsOf = (snapshots: RecordedSnapshots): readonly SnapshotReference[] =>
  snapshots.map(({ object, number, ...source }) => ({ source: sourceId(source), object, number }));

const snapshotList = (snapshots: readonly SnapshotReference[]): RecordedSnapshots =>
  snapshots.map(({ source, object, number }) => ({ ...sourceOf(source), object, number }));

type RecordedUndo = NonNullable<NonNullable<ReloadRecordStatus['failed']>['undo']>;

const undoOf = ({ at, snapshots, ...undo }: RecordedUndo): Undo => ({
  ...undo,
  at: Date.parse(at),
  ...(snapshots !== undefined && { snapshots: snapshotsOf(snapshots) }),
});

const undoStatus = ({ at, snapshots, ...undo }: Undo): RecordedUndo => ({
  ...undo,
  ...bounded(undo.message),
  at: time(at),
  ...(snapshots !== undefined && { snapshots: snapshotList(snapshots) }),
});

const consentOf = ({ digest, at }: NonNullable<ReloadRecordStatus['approved']>): Consent => ({
  digest,
  at: Date.parse(at),
});

const consentStatus = ({ digest, at }: Consent): NonNullable<ReloadRecordStatus['approved']> => ({
  digest,
  at: time(at),
});

type RecordedChanges = NonNullable<ReloadRecordStatus['held']>['changes'];

const changesOf = (changes: RecordedChanges): Changes =>
  new Map(changes.map((source) => [sourceId(source), new Map(Object.entries(source.keys) as [string, Digest | ''][])]));

const changeList = (changes: Changes): RecordedChanges =>
  inOrder(changes).map(([id, keys]) => ({ ...sourceOf(id), keys: Object.fromEntries(inOrder(keys)) }));

const historyEntry = (entry: HistoryEntry): NonNullable<ReloadRecordStatus['history']>[number] => ({
  ...entry,
  ...bounded(entry.message),
  time: time(entry.time),
  keys: placeList(entry.keys),
});

/** Names within documents are tenants', and as long as they like. */
const placeList = (places: readonly string[]): string[] =>
  places.slice(0, RECORD_LIMITS.historyKeys).map((place) => cut(place, STATUS_LIMITS.key));

const bounded = (message: string | undefined): { readonly message?: string } =>
  message === undefined ? {} : { message: cut(message, RECORD_LIMITS.message) };

/** Half a character would come back as another one, and look like news again and again. */
const cut = (text: string, most: number): string => text.slice(0, most).toWellFormed();

const time = (ms: number): string => new Date(ms).toISOString();

const inOrder = <V>(map: ReadonlyMap<string, V>): readonly (readonly [string, V])[] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/** The fields that the API carries in another form. */
type Converted =
  | 'at'
  | 'issuedAt'
  | 'carriesSince'
  | 'startedAt'
  | 'finishedAt'
  | 'askAgainAt'
  | 'since'
  | 'until'
  | 'changedAfter'
  | 'snapshots'
  | 'undo'
  | 'changes';

const withoutTimes = <T extends Partial<Record<Converted, unknown>>>({
  at: _at,
  issuedAt: _issuedAt,
  carriesSince: _carriesSince,
  startedAt: _startedAt,
  askAgainAt: _askAgainAt,
  finishedAt: _finishedAt,
  since: _since,
  until: _until,
  snapshots: _snapshots,
  undo: _undo,
  changedAfter: _changedAfter,
  changes: _changes,
  ...rest
}: T): Omit<T, Converted> => rest;
