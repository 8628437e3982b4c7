/** Records in memory, written behind: what counts at once, what reaches the API, and what a refusal means. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import { createLedgers, type Ledgers } from '../../../src/controller/ledgers.ts';
import { workloadKey, type RecordWriter, type StoredRecord } from '../../../src/controller/ports.ts';
import type { Workload } from '../../../src/domain/observed.ts';
import { recordStatusOf } from '../../../src/domain/record.ts';
import { WaitingError } from '../../../src/runtime/errors.ts';
import { createStore } from '../../../src/runtime/store.ts';
import { createWorkQueue } from '../../../src/runtime/workqueue.ts';
import { aLedger, aWorkload } from '../../support/builders.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const refusal = (status: number): Error => Object.assign(new Error(`refused with ${status}`), { status });
const { signal } = new AbortController();

/** The records of an API server; writes check versions as it does. */
class Server implements RecordWriter {
  readonly records = new Map<string, StoredRecord>();
  readonly calls: string[] = [];
  failWith: Error | undefined;
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve();
  #version = 0;

  async create(workload: Workload, status: ReloadRecordStatus): Promise<StoredRecord> {
    this.#note('create');
    await this.gate;
    if (this.records.has('r')) throw refusal(409);
    return this.#put(workload, status, `uid-${(this.#version += 1)}`);
  }
  async replace(record: StoredRecord, workload: Workload, status: ReloadRecordStatus): Promise<StoredRecord> {
    this.#note('replace');
    await this.gate;
    const present = this.records.get('r');
    if (present === undefined) throw refusal(404);
    if (present.resourceVersion !== record.resourceVersion) throw refusal(409);
    return this.#put(workload, status, present.uid);
  }
  remove(record: StoredRecord): Promise<void> {
    this.#note('remove');
    if (this.records.get('r')?.uid === record.uid) this.records.delete('r');
    return Promise.resolve();
  }
  get(): Promise<StoredRecord | undefined> {
    this.#note('get');
    return Promise.resolve(this.records.get('r'));
  }
  /** Somebody else writes. */
  touch(): void {
    const present = this.records.get('r');
    if (present !== undefined) this.records.set('r', { ...present, resourceVersion: String((this.#version += 1)) });
  }
  #put(workload: Workload, status: ReloadRecordStatus, uid: string): StoredRecord {
    const { kind, namespace, name } = workload;
    const record = {
      namespace: 'shop',
      name: 'r',
      uid,
      resourceVersion: String((this.#version += 1)),
      workloadUid: workload.uid,
      workload: { kind, namespace, name },
      status,
    };
    this.records.set('r', record);
    return record;
  }
  #note(call: string): void {
    this.calls.push(call);
    if (this.failWith !== undefined) throw this.failWith;
  }
}

interface Scene {
  readonly server: Server;
  readonly ledgers: Ledgers;
  readonly problems: () => number;
  readonly save: (workload?: Workload) => Promise<void>;
}

const WEB = aWorkload();
const A = aLedger({ flag: 'a' });
const B = aLedger({ flag: 'b' });

const scene = ({ exists = () => true }: { readonly exists?: (workload: Workload) => boolean } = {}): Scene => {
  const log = createRecordingLog();
  const clock = createFakeClock();
  const server = new Server();
  let problems = 0;
  const ledgers = createLedgers({
    records: createStore<StoredRecord, StoredRecord>({
      keyOf: ({ namespace, name }) => `${namespace}/${name}`,
      keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
      resourceVersionOf: ({ resourceVersion }) => resourceVersion,
      trim: (record) => record,
      log,
    }),
    writer: server,
    queue: createWorkQueue({ name: 'records', clock, random: () => 0.5, log }),
    exists,
    recordName: () => 'r',
    quiet: () => Promise.resolve(),
    onProblem: () => (problems += 1),
    log,
  });
  return {
    server,
    ledgers,
    problems: () => problems,
    save: (workload = WEB) => ledgers.save(workloadKey(workload), signal),
  };
};

describe('a record', () => {
  it('counts at once and is written later', async () => {
    const { server, ledgers, save } = scene();
    assert.equal(ledgers.of(WEB), undefined);
    ledgers.put(WEB, A);
    assert.deepEqual(ledgers.of(WEB), A);
    assert.deepEqual(server.calls, []);
    await save();
    assert.deepEqual(server.calls, ['create']);
    assert.deepEqual(ledgers.of(WEB), A);
  });

  it('is written once for many changes, and not at all for none', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    ledgers.put(WEB, B);
    await save();
    ledgers.put(WEB, aLedger({ flag: 'b' }));
    await save();
    assert.deepEqual(server.calls, ['create']);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
  });

  it('replaces the version that is known', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    await save();
    ledgers.put(WEB, B);
    await save();
    assert.deepEqual(server.calls, ['create', 'replace']);
  });

  it('is written over one that somebody else has touched', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    await save();
    server.touch();
    ledgers.put(WEB, B);
    await save();
    assert.deepEqual(server.calls, ['create', 'replace', 'get', 'replace']);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
  });

  it('is made again where somebody has removed it', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    await save();
    server.records.clear();
    ledgers.put(WEB, B);
    await save();
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
  });

  it('of a workload of the same name that is no more says nothing of the new one, and is replaced', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    await save();
    const again = aWorkload({ uid: 'uid-again' });
    assert.equal(ledgers.of(again), undefined);
    ledgers.put(again, B);
    await save(again);
    assert.deepEqual(server.calls, ['create', 'remove', 'create']);
    assert.equal(server.records.get('r')?.workloadUid, 'uid-again');
  });

  it('of a workload that is gone is not written any more', async () => {
    const { server, ledgers, save } = scene({ exists: () => false });
    ledgers.put(WEB, A);
    await save();
    assert.deepEqual(server.calls, []);
  });

  it('goes when it is to be forgotten', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    await save();
    ledgers.forget(WEB);
    assert.equal(ledgers.of(WEB), undefined);
    await save();
    assert.equal(server.records.size, 0);
  });

  it('that can not be written still counts here, is a problem that is told once, and is written by the next attempt', async () => {
    const { server, ledgers, problems, save } = scene();
    server.failWith = refusal(403);
    ledgers.put(WEB, A);
    await assert.rejects(save(), /403/);
    await assert.rejects(save(), /403/);
    assert.deepEqual([problems(), ledgers.problem(WEB)?.message], [1, 'refused with 403']);
    assert.deepEqual(ledgers.of(WEB), A);
    server.failWith = undefined;
    await save();
    assert.deepEqual([problems(), ledgers.problem(WEB)], [2, undefined]);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(A));
  });

  it('is written at the end', async () => {
    const { server, ledgers } = scene();
    ledgers.put(WEB, A);
    await ledgers.flush();
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(A));
  });

  it('that can not be written at the end keeps nobody', async () => {
    const { server, ledgers } = scene();
    ledgers.put(WEB, A);
    server.failWith = refusal(500);
    await ledgers.flush();
  });
});

describe('a record that is stored first', () => {
  it('is in the API when it is stored, counts, and is not written once more', async () => {
    const { server, ledgers, save } = scene();
    await ledgers.store(WEB, A, signal);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(A));
    assert.deepEqual(ledgers.of(WEB), A);
    await save();
    await ledgers.store(WEB, A, signal);
    assert.deepEqual(server.calls, ['create']);
  });

  it('takes the place of what was still to be written', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    await ledgers.store(WEB, B, signal);
    await save();
    assert.deepEqual(server.calls, ['create']);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
    assert.deepEqual(ledgers.of(WEB), B);
  });

  it('is written though the same content already counts here but has not reached the API', async () => {
    const { server, ledgers } = scene();
    ledgers.put(WEB, A);
    await ledgers.store(WEB, A, signal);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(A));
  });

  it('waits for a save under way, and comes after it', async () => {
    const { server, ledgers, save } = scene();
    const open = Promise.withResolvers<undefined>();
    server.gate = open.promise;
    ledgers.put(WEB, A);
    const saved = save();
    await Promise.resolve();
    const stored = ledgers.store(WEB, B, signal);
    open.resolve(undefined);
    await Promise.all([saved, stored]);
    assert.deepEqual(server.calls, ['create', 'replace']);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
    assert.deepEqual(ledgers.of(WEB), B);
  });

  it('leaves alone what came while it was being written', async () => {
    const { server, ledgers, save } = scene();
    const open = Promise.withResolvers<undefined>();
    server.gate = open.promise;
    const stored = ledgers.store(WEB, A, signal);
    ledgers.put(WEB, B);
    open.resolve(undefined);
    await stored;
    assert.deepEqual(ledgers.of(WEB), B);
    await save();
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
  });

  it('goes over one that somebody has touched or removed', async () => {
    const { server, ledgers } = scene();
    await ledgers.store(WEB, A, signal);
    server.touch();
    await ledgers.store(WEB, B, signal);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(B));
    server.records.clear();
    await ledgers.store(WEB, A, signal);
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(A));
  });

  it('counts for nothing where it can not be written: what counted before still does, and is still written', async () => {
    const { server, ledgers, save } = scene();
    ledgers.put(WEB, A);
    server.failWith = refusal(403);
    await assert.rejects(ledgers.store(WEB, B, signal), /403/);
    assert.deepEqual(ledgers.of(WEB), A);
    server.failWith = undefined;
    await save();
    assert.deepEqual(server.records.get('r')?.status, recordStatusOf(A));
  });

  it('of a workload that is gone is refused', async () => {
    const { server, ledgers } = scene({ exists: () => false });
    await assert.rejects(ledgers.store(WEB, A, signal), WaitingError);
    assert.deepEqual(server.calls, []);
  });

  it('is not begun once it is to stop', async () => {
    const { server, ledgers } = scene();
    await assert.rejects(ledgers.store(WEB, A, AbortSignal.abort()), /abort/);
    assert.deepEqual(server.calls, []);
  });
});
