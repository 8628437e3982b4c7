import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RECORD_LIMITS } from '../../../src/api/v1alpha1/limits.ts';
import { reloadRecordStatusSchema } from '../../../src/api/v1alpha1/schema.ts';
import { digestContent, type Digest } from '../../../src/domain/digest.ts';
import type {
  Changes,
  Consent,
  Failed,
  Held,
  HistoryEntry,
  Intent,
  Ledger,
  Restart,
  Undo,
} from '../../../src/domain/observed.ts';
import type { Delivery } from '../../../src/domain/proof.ts';
import { ledgerOf, recordStatusOf } from '../../../src/domain/record.ts';
import type { Answer } from '../../../src/domain/requests.ts';
import { aLedger, aRestart, changed, T0 } from '../../support/builders.ts';

const time = fc.integer({ min: T0, max: T0 + 1e9 });
const count = fc.nat({ max: 1_000 });
const key = fc.stringMatching(/^[-._a-zA-Z0-9]{1,12}$/);
const digest: fc.Arbitrary<Digest> = fc.string({ maxLength: 3 }).map((text) => digestContent(text));
const uid = fc.uuid();
const sourceId = fc.stringMatching(/^[a-z]{1,8}$/).map((name) => `ConfigMap/${name}`);
const mapOf = <K, V>(keys: fc.Arbitrary<K>, values: fc.Arbitrary<V>): fc.Arbitrary<ReadonlyMap<K, V>> =>
  fc
    .uniqueArray(fc.tuple(keys, values), { selector: ([each]) => each, maxLength: 4 })
    .map((entries) => new Map(entries));
const changes: fc.Arbitrary<Changes> = mapOf(sourceId, mapOf(key, fc.oneof(digest, fc.constant('' as const))));
const plain = { noNullPrototype: true } as const;

const restart: fc.Arbitrary<Restart> = fc.record(
  {
    n: count,
    digest: key,
    origin: fc.constantFrom('Issued' as const, 'Foreign' as const),
    issuedAt: time,
    templateHash: key,
    phase: fc.constantFrom('InProgress' as const, 'Succeeded' as const, 'Failed' as const, 'TimedOut' as const),
    reason: fc.constantFrom('Complete', 'Paused'),
    message: fc.string(),
    finishedAt: time,
    pods: count,
    replaces: key,
    changes,
  },
  { ...plain, requiredKeys: ['n', 'digest', 'origin', 'issuedAt', 'templateHash', 'phase', 'changes'] },
);
const held: fc.Arbitrary<Held> = fc.record(
  {
    since: time,
    reason: fc.constantFrom('Suspended', 'OutsideWindow'),
    message: fc.string(),
    digest: key,
    until: time,
    changes,
  },
  { ...plain, requiredKeys: ['since', 'reason', 'changes'] },
);
const delivery: fc.Arbitrary<Delivery> = fc.record(
  {
    digest: key,
    proof: fc.constantFrom('Nudged' as const, 'Mounted' as const, 'Loaded' as const),
    startedAt: time,
    phase: fc.constantFrom('InProgress' as const, 'Succeeded' as const, 'TimedOut' as const),
    message: fc.string(),
    finishedAt: time,
    askAgainAt: time,
    places: fc.array(key, { maxLength: RECORD_LIMITS.historyKeys }),
    changes,
  },
  { ...plain, requiredKeys: ['digest', 'proof', 'startedAt', 'phase', 'places', 'changes'] },
);
const entry: fc.Arbitrary<HistoryEntry> = fc.record(
  {
    time,
    action: fc.constantFrom('Hot' as const, 'Restart' as const),
    outcome: fc.constantFrom('Succeeded' as const, 'Failed' as const, 'TimedOut' as const),
    reason: fc.constantFrom('Complete', 'Nudged'),
    message: fc.string(),
    keys: fc.array(key, { maxLength: RECORD_LIMITS.historyKeys }),
    pods: count,
  },
  { ...plain, requiredKeys: ['time', 'action', 'outcome', 'keys', 'pods'] },
);

const snapshots = fc.array(
  fc.record({ source: sourceId, object: key, number: fc.integer({ min: 1, max: 1_000 }) }, plain),
  { maxLength: 2 },
);
const intent: fc.Arbitrary<Intent> = fc.record(
  {
    n: fc.integer({ min: 1, max: 1_000 }),
    digest: key,
    at: time,
    snapshots,
    keys: fc.array(key, { maxLength: RECORD_LIMITS.historyKeys }),
    changes,
  },
  plain,
);
const undo: fc.Arbitrary<Undo> = fc.record(
  {
    mode: fc.constantFrom('Undo' as const, 'Rollback' as const),
    phase: fc.constantFrom('Intended' as const, 'InProgress' as const, 'Succeeded' as const, 'TimedOut' as const),
    at: time,
    snapshots,
    message: fc.string(),
  },
  { ...plain, requiredKeys: ['mode', 'phase', 'at'] },
);
const failed: fc.Arbitrary<Failed> = fc.record(
  { n: count, digest: key, at: time, reason: fc.constant('CrashLoopBackOff'), message: fc.string(), undo, changes },
  { ...plain, requiredKeys: ['n', 'digest', 'at', 'reason', 'changes'] },
);
const consent: fc.Arbitrary<Consent> = fc.record({ digest: key, at: time }, plain);
const answer: fc.Arbitrary<Answer> = fc.record(
  {
    uid,
    phase: fc.constantFrom('Done' as const, 'Refused' as const),
    reason: fc.constant('Superseded'),
    message: fc.string(),
    at: time,
  },
  { ...plain, requiredKeys: ['uid', 'phase', 'at'] },
);

const ledgers: fc.Arbitrary<Ledger> = mapOf(sourceId, mapOf(key, digest)).chain((applied) =>
  fc.record(
    {
      adoptedAt: time,
      applied: fc.constant(applied),
      // A uid is only ever remembered of a source that is recorded.
      immutable: fc
        .subarray([...applied.keys()])
        .chain((ids) => fc.tuple(...ids.map((id) => fc.tuple(fc.constant(id), uid))))
        .map((entries) => new Map(entries)),
      restart,
      held,
      delivery,
      intent,
      failed,
      approved: consent,
      opened: consent,
      restartTimes: fc.array(time, { minLength: 1, maxLength: RECORD_LIMITS.restartTimes }),
      budgetFrom: time,
      answers: fc.array(answer, { minLength: 1, maxLength: RECORD_LIMITS.answers }),
      history: fc.array(entry, { maxLength: RECORD_LIMITS.history }),
    },
    { ...plain, requiredKeys: ['adoptedAt', 'applied', 'immutable', 'history'] },
  ),
);

/** As the API server stores it and hands it back. */
const throughTheWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('a record', () => {
  it('gives back the ledger that it was made of', () => {
    fc.assert(
      fc.property(ledgers, (ledger) => {
        assert.deepEqual(ledgerOf(throughTheWire(recordStatusOf(ledger))), ledger);
      }),
    );
  });

  it('is the same object for the same ledger, in whatever order that was put together', () => {
    const reversed = (map: Ledger['applied']): Ledger['applied'] =>
      new Map([...map].reverse().map(([id, keys]) => [id, new Map([...keys].reverse())]));
    fc.assert(
      fc.property(ledgers, (ledger) => {
        const other = { ...ledger, applied: reversed(ledger.applied) };
        assert.equal(JSON.stringify(recordStatusOf(other)), JSON.stringify(recordStatusOf(ledger)));
      }),
    );
  });

  it('passes the schema that the API server checks it by', () => {
    fc.assert(
      fc.property(ledgers, (ledger) => {
        reloadRecordStatusSchema.parse(throughTheWire(recordStatusOf(ledger)));
      }),
    );
  });

  it('is taken by the API however long the places are that have changed', () => {
    const place = `ConfigMap/app:config.yaml#/${'x'.repeat(10_000)}`;
    const entry = { time: T0, action: 'Restart', outcome: 'Succeeded', keys: [place], pods: 1 } as const;
    const intent = { n: 1, digest: 'x', at: T0, snapshots: [], keys: [place], changes: new Map() };
    reloadRecordStatusSchema.parse(recordStatusOf(aLedger({ a: '1' }, { history: [entry], intent })));
  });

  it('is the same when it comes back, though a message was cut in the middle of a character', () => {
    const message = `${'x'.repeat(RECORD_LIMITS.message - 1)}\u{1f680}`;
    const held = { since: T0, reason: 'Undone', message, changes: changed({ a: '2' }) };
    const status = recordStatusOf(aLedger({ a: '1' }, { held }));
    assert.ok(status.held?.message?.isWellFormed());
  });

  it('is cut down to what the API takes', () => {
    const message = 'x'.repeat(RECORD_LIMITS.message + 1);
    const keys = Array.from({ length: RECORD_LIMITS.historyKeys + 1 }, (_, index) => `key-${index}`);
    const status = recordStatusOf(
      aLedger(
        { a: '1' },
        {
          restart: aRestart({ message }),
          held: { since: T0, reason: 'Paused', message, changes: changed({ a: '2' }) },
          delivery: {
            digest: 'x',
            proof: 'Loaded',
            startedAt: T0,
            phase: 'TimedOut',
            message,
            places: keys,
            changes: changed({ a: '2' }),
          },
          history: [{ time: T0, action: 'Hot', outcome: 'Succeeded', message, keys, pods: 1 }],
        },
      ),
    );
    assert.equal(status.restart?.message?.length, RECORD_LIMITS.message);
    assert.equal(status.held?.message?.length, RECORD_LIMITS.message);
    assert.equal(status.delivery?.message?.length, RECORD_LIMITS.message);
    assert.equal(status.delivery.places.length, RECORD_LIMITS.historyKeys);
    assert.equal(status.history?.[0]?.message?.length, RECORD_LIMITS.message);
    assert.equal(status.history[0].keys.length, RECORD_LIMITS.historyKeys);
    reloadRecordStatusSchema.parse(status);
  });
});
