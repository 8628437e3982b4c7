/**
 * The records of workloads, kept in memory and written behind: what was decided is in force at once, and reaches the
 * API when the foreground has nothing more urgent. A crash in between loses nothing that the world doesn't show: a
 * restart is found again in its annotation, a nudge is sent again. What the world would not show, such as that something
 * is about to be undone, is stored first.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ReloadRecordStatus } from '../api/v1alpha1/types.ts';
import type { Ledger, Workload } from '../domain/observed.ts';
import { ledgerOf, recordStatusOf } from '../domain/record.ts';
import { statusOf, toError, WaitingError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { Store } from '../runtime/store.ts';
import type { WorkQueue } from '../runtime/workqueue.ts';
import { workloadKey, type RecordWriter, type StoredRecord } from './ports.ts';

export interface Ledgers {
  /** The record of exactly this workload; undefined: it has none, and is to be adopted. */
  of(workload: Workload): Ledger | undefined;
  put(workload: Workload, ledger: Ledger): void;
  /**
   * Writes the record now, unless the API is known to have it so. Rejects where it can't: it counts for nothing then, and
   * what counted before goes on to count.
   */
  store(workload: Workload, ledger: Ledger, signal: AbortSignal): Promise<void>;
  /** No policy binds the workload any more. */
  forget(workload: Workload): void;
  /** Why the workload's record can't be written; undefined: it can. */
  problem(workload: Workload): Error | undefined;
  /** Writes what is due; the queue's worker. */
  save(key: string, signal: AbortSignal): Promise<void>;
  /** Writes all that is due, at the end. What can't be written then is found again by the next start. */
  flush(): Promise<void>;
}

export interface LedgersOptions {
  readonly records: Store<StoredRecord>;
  readonly writer: RecordWriter;
  /** Keyed as workloads are. */
  readonly queue: WorkQueue;
  /** Whether the workload is still there: a record can't outlive it. */
  readonly exists: (workload: Workload) => boolean;
  /** The name of a workload's record. */
  readonly recordName: (workload: Workload) => string;
  /** Resolves when nothing urgent is under way, or after a while. */
  readonly quiet: () => Promise<void>;
  /** A record can't be written, or can be again. */
  readonly onProblem: (workload: Workload) => void;
  readonly log: Logger;
}

interface Unsaved {
  readonly workload: Workload;
  /** Undefined: the record is to go. */
  readonly ledger: Ledger | undefined;
}

/** The watch is about to say so. */
const GONE_MS = 1_000;

/** A ledger never changes: what it looks like in the API is found once, however often it is compared and written. */
const inApi = new WeakMap<Ledger, ReloadRecordStatus>();

const statusFor = (ledger: Ledger): ReloadRecordStatus => {
  const known = inApi.get(ledger);
  if (known !== undefined) return known;
  const status = recordStatusOf(ledger);
  inApi.set(ledger, status);
  return status;
};

const isSame = (before: Ledger | undefined, ledger: Ledger): boolean =>
  before === ledger || (before !== undefined && isDeepStrictEqual(statusFor(before), statusFor(ledger)));

export const createLedgers = (options: LedgersOptions): Ledgers => new WrittenBehind(options);

class WrittenBehind implements Ledgers {
  readonly #options: LedgersOptions;
  readonly #unsaved = new Map<string, Unsaved>();
  /** Why records can't be written, by workload. */
  readonly #problems = new Map<string, Error>();
  /** Parsed records, by the version they were parsed from. */
  readonly #parsed = new WeakMap<StoredRecord, Ledger>();
  /** The latest write of each record that is under way: they go one after the other. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(options: LedgersOptions) {
    this.#options = options;
  }

  of(workload: Workload): Ledger | undefined {
    const unsaved = this.#unsaved.get(workloadKey(workload));
    if (unsaved?.workload.uid === workload.uid) return unsaved.ledger;
    const record = this.#record(workload);
    if (record?.status === undefined || record.workloadUid !== workload.uid) return undefined;
    const ledger = this.#parsed.get(record) ?? ledgerOf(record.status);
    this.#parsed.set(record, ledger);
    return ledger;
  }

  put(workload: Workload, ledger: Ledger): void {
    if (isSame(this.of(workload), ledger)) return;
    this.#change(workload, ledger);
  }

  forget(workload: Workload): void {
    if (this.of(workload) !== undefined) this.#change(workload, undefined);
  }

  async store(workload: Workload, ledger: Ledger, signal: AbortSignal): Promise<void> {
    const key = workloadKey(workload);
    // Whatever comes from now on is newer.
    const replaced = this.#unsaved.get(key);
    await this.#inTurn(key, async () => {
      signal.throwIfAborted();
      if (this.#unsaved.get(key) === undefined && isSame(this.of(workload), ledger)) return;
      if (!this.#options.exists(workload))
        throw new WaitingError(GONE_MS, 'WorkloadGone', `${key} is gone: it is to have no record`);
      await this.#write({ workload, ledger }, signal);
      this.#settle(key, workload, undefined);
      if (this.#unsaved.get(key) === replaced) this.#unsaved.delete(key);
    });
  }

  async save(key: string, signal: AbortSignal): Promise<void> {
    await this.#options.quiet();
    await this.#inTurn(key, async () => {
      const unsaved = this.#unsaved.get(key);
      if (unsaved === undefined) return;
      if (this.#options.exists(unsaved.workload)) {
        try {
          await this.#write(unsaved, signal);
        } catch (thrown) {
          if (!signal.aborted) this.#settle(key, unsaved.workload, toError(thrown));
          throw thrown;
        }
      }
      this.#settle(key, unsaved.workload, undefined);
      // A newer one may have come meanwhile, and is in the queue already.
      if (this.#unsaved.get(key) === unsaved) this.#unsaved.delete(key);
    });
  }

  problem(workload: Workload): Error | undefined {
    return this.#problems.get(workloadKey(workload));
  }

  #settle(key: string, workload: Workload, problem: Error | undefined): void {
    if (this.#problems.get(key)?.message === problem?.message) return;
    if (problem === undefined) this.#problems.delete(key);
    else this.#problems.set(key, problem);
    this.#options.onProblem(workload);
  }

  async flush(): Promise<void> {
    const { signal } = new AbortController();
    await Promise.all(
      [...this.#unsaved].map(async ([key, unsaved]) => {
        try {
          await this.#inTurn(key, () => this.#write(unsaved, signal));
        } catch (thrown) {
          this.#options.log.warn({ workload: key, err: toError(thrown) }, 'could not write a record before the end');
        }
      }),
    );
  }

  #change(workload: Workload, ledger: Ledger | undefined): void {
    const key = workloadKey(workload);
    this.#unsaved.set(key, { workload, ledger });
    this.#options.queue.add(key);
  }

  async #inTurn(key: string, write: () => Promise<void>): Promise<void> {
    const mine = (this.#writes.get(key) ?? Promise.resolve()).catch(() => undefined).then(write);
    this.#writes.set(key, mine);
    try {
      await mine;
    } finally {
      if (this.#writes.get(key) === mine) this.#writes.delete(key);
    }
  }

  #record(workload: Workload): StoredRecord | undefined {
    return this.#options.records.get(`${workload.namespace}/${this.#options.recordName(workload)}`);
  }

  async #write(unsaved: Unsaved, signal: AbortSignal): Promise<void> {
    try {
      await this.#writeOver(this.#record(unsaved.workload), unsaved, signal);
    } catch (error) {
      // 409: the store is behind, or somebody edited it; 404: it was removed. What we know is the truth: once more.
      if (statusOf(error) !== 409 && statusOf(error) !== 404) throw error;
      const { namespace } = unsaved.workload;
      const live = await this.#options.writer.get(namespace, this.#options.recordName(unsaved.workload), signal);
      await this.#writeOver(live, unsaved, signal);
    }
  }

  async #writeOver(
    record: StoredRecord | undefined,
    { workload, ledger }: Unsaved,
    signal: AbortSignal,
  ): Promise<void> {
    const { writer } = this.#options;
    if (ledger === undefined) {
      if (record !== undefined) await writer.remove(record, signal);
      return;
    }
    const status = statusFor(ledger);
    if (record?.workloadUid === workload.uid) {
      this.#options.records.offer(await writer.replace(record, workload, status, signal));
      return;
    }
    // A record of the same name belongs to a workload that is no more.
    if (record !== undefined) await writer.remove(record, signal);
    this.#options.records.offer(await writer.create(workload, status, signal));
  }
}
