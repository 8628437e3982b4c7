import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createNamedWorkloads } from '../../../src/controller/named-workloads.ts';
import type { StoredPolicy, StoredRecord, WorkloadScope } from '../../../src/controller/ports.ts';
import type { WorkloadBinding } from '../../../src/domain/selection.ts';
import type { Sink } from '../../../src/runtime/reflector.ts';
import { createStore, type FedStore } from '../../../src/runtime/store.ts';
import { aPolicy } from '../../support/builders.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

interface Shown {
  readonly key: string;
}

const storeOf = <V extends { readonly name: string; readonly resourceVersion: string }>(): FedStore<V, V> =>
  createStore<V, V>({
    keyOf: ({ name }) => `shop/${name}`,
    keyOfValue: ({ name }) => `shop/${name}`,
    resourceVersionOf: ({ resourceVersion }) => resourceVersion,
    trim: (value) => value,
    log: createRecordingLog(),
  });

const POD = 'Pod/shop/web';

const setUp = () => {
  const policies = storeOf<StoredPolicy>();
  const records = storeOf<StoredRecord>();
  const running = new Map<string, Sink<Shown>>();
  const held = new Set<string>();
  const begun: string[] = [];
  createNamedWorkloads<Shown>({
    stores: { policies, records },
    watcher: {
      watch: (scope, sink) => {
        const name = nameOf(scope);
        begun.push(name);
        running.set(name, sink);
        return () => {
          running.delete(name);
        };
      },
    },
    keep: ({ key }) => {
      held.add(key);
    },
    drop: (key) => {
      held.delete(key);
    },
  });
  let version = 0;
  return {
    running: () => [...running.keys()].sort(),
    held: () => [...held].sort(),
    begun,
    sink: (name: string): Sink<Shown> => {
      const sink = running.get(name);
      assert.ok(sink, `nothing watches ${name}`);
      return sink;
    },
    policy: (name: string, workloads: readonly WorkloadBinding[] | undefined) => {
      const { workloads: _, ...plain } = aPolicy({ name });
      policies.upsert({
        ...plain,
        ...(workloads !== undefined && { workloads }),
        resourceVersion: String(++version),
        status: {},
      });
    },
    forgetPolicy: (name: string) => {
      policies.remove({ ...aPolicy({ name }), resourceVersion: String(++version), status: {} });
    },
    record: (name: string, there: boolean) => {
      const workload = { kind: 'Pod', namespace: 'shop', name } as const;
      const resourceVersion = String(++version);
      const record = { namespace: 'shop', name, uid: 'r', resourceVersion, workloadUid: 'u', workload };
      if (there) records.upsert(record);
      else records.remove(record);
    },
  };
};

const nameOf = ({ kind, namespace, name, selector }: WorkloadScope): string =>
  `${kind}/${namespace}/${name ?? Object.values(selector?.matchLabels ?? {}).join()}`;

const listed = (sink: Sink<Shown>, ...keys: readonly string[]): void => {
  sink.listing();
  for (const key of keys) sink.upsert({ key });
  sink.listed();
};

describe('watches of workloads that have to be named', () => {
  it('begin with the first policy that names one, and end with the last', () => {
    const world = setUp();
    world.policy('a', [{ kind: 'Pod', name: 'web' }]);
    world.policy('b', [
      { kind: 'Pod', name: 'web' },
      { kind: 'Rollout', name: 'slow' },
    ]);
    assert.deepEqual(world.running(), ['Pod/shop/web', 'Rollout/shop/slow']);
    world.forgetPolicy('a');
    assert.deepEqual(world.running(), ['Pod/shop/web', 'Rollout/shop/slow']);
    world.policy('b', [{ kind: 'Rollout', name: 'slow' }]);
    assert.deepEqual(world.running(), ['Rollout/shop/slow']);
    world.forgetPolicy('b');
    assert.deepEqual(world.running(), []);
    assert.deepEqual(world.begun, ['Pod/shop/web', 'Rollout/shop/slow']);
  });

  it('are none for a policy that binds consumers, or kinds that are watched anyway', () => {
    const world = setUp();
    world.policy('a', undefined);
    world.policy('b', [
      { kind: 'Deployment', name: 'web' },
      { kind: 'CronJob', selector: { matchLabels: { a: 'b' } } },
    ]);
    assert.deepEqual(world.begun, []);
  });

  it('keep what they show, and drop it when it is gone or nobody looks any more', () => {
    const world = setUp();
    world.policy('a', [{ kind: 'Pod', selector: { matchLabels: { team: 'red' } } }]);
    const sink = world.sink('Pod/shop/red');
    listed(sink, POD, 'Pod/shop/api');
    assert.deepEqual(world.held(), ['Pod/shop/api', POD]);
    sink.remove({ key: 'Pod/shop/api' });
    assert.deepEqual(world.held(), [POD]);
    listed(sink, 'Pod/shop/new');
    assert.deepEqual(world.held(), ['Pod/shop/new']);
    world.forgetPolicy('a');
    assert.deepEqual(world.held(), []);
    // What comes in late is nobody's.
    sink.upsert({ key: POD });
    assert.deepEqual(world.held(), []);
  });

  it('drop nothing that another one still shows', () => {
    const world = setUp();
    world.policy('a', [{ kind: 'Pod', name: 'web' }]);
    world.policy('b', [{ kind: 'Pod', selector: { matchLabels: { team: 'red' } } }]);
    listed(world.sink('Pod/shop/web'), POD);
    listed(world.sink('Pod/shop/red'), POD);
    world.sink('Pod/shop/red').remove({ key: POD });
    assert.deepEqual(world.held(), [POD]);
    listed(world.sink('Pod/shop/red'), POD);
    world.forgetPolicy('a');
    assert.deepEqual(world.held(), [POD]);
    listed(world.sink('Pod/shop/red'));
    assert.deepEqual(world.held(), []);
  });

  it('go on as long as there is a record to be taken away', () => {
    const world = setUp();
    world.policy('a', [{ kind: 'Pod', selector: { matchLabels: { team: 'red' } } }]);
    listed(world.sink('Pod/shop/red'), POD);
    world.record('web', true);
    listed(world.sink('Pod/shop/web'), POD);
    world.forgetPolicy('a');
    assert.deepEqual([world.running(), world.held()], [['Pod/shop/web'], [POD]]);
    world.record('web', false);
    assert.deepEqual([world.running(), world.held()], [[], []]);
  });
});
