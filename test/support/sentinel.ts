/**
 * For tests of what must not happen: a second source and workload in the same namespace. A watch tells of changes in
 * their order, so when a later change of the sentinel has been acted on, an earlier one of anything else has been seen,
 * and would have been acted on as well.
 */

import assert from 'node:assert/strict';
import { untilPasses } from './wait.ts';
import type { Stage } from './stage.ts';

const NAME = 'sentinel';

export interface Sentinel {
  /** Resolves when everything that was done before has been seen by the operator, and what it had to do is done. */
  pass(): Promise<void>;
}

export const aSentinel = async (stage: Stage): Promise<Sentinel> => {
  let passes = 0;
  await stage.configMap({ flag: '0' }, NAME);
  await stage.create({ name: NAME, configMap: NAME, replicas: 0, flags: ['flag'] });
  await stage.policy(
    { sources: [{ kind: 'ConfigMap', name: NAME }], workloads: [{ kind: 'Deployment', name: NAME }] },
    NAME,
  );
  await stage.adopted(NAME);
  return {
    pass: async () => {
      passes += 1;
      const { last: before } = await stage.status(NAME);
      await stage.edit({ flag: String(passes) }, NAME);
      await untilPasses(
        async () => {
          const { restart } = await stage.record(NAME);
          assert.deepEqual([restart?.n, restart?.phase], [passes, 'Succeeded']);
        },
        { what: `restart ${passes} of the sentinel to be recorded as complete`, timeoutMs: 60_000 },
      );
      // The last that is written about it. What the status said of the restart before may still stand there.
      await untilPasses(
        async () => {
          const { last } = await stage.status(NAME);
          assert.equal(last?.outcome, 'Succeeded');
          assert.notEqual(last.time, before?.time);
        },
        { what: `the status of the sentinel to tell of restart ${passes}`, timeoutMs: 60_000 },
      );
      await stage.until('Ready', 'True', { reason: 'UpToDate', policy: NAME });
    },
  };
};

/** Everything that is written about the namespace, but for the sentinel. */
const worldOf = async (stage: Stage): Promise<Readonly<Record<string, unknown>>> => {
  const versions = Object.entries(await stage.versions()).filter(([path]) => !path.endsWith(`/${NAME}`));
  const { metadata, status } = await stage.get<{
    readonly metadata: { readonly uid: string };
    readonly status?: unknown;
  }>(stage.policyPath());
  return { ...Object.fromEntries(versions), policy: { uid: metadata.uid, status } };
};

/** Runs what must have no effect, and asserts that neither workload nor pod, event or status was written. */
export const assertNoEffect = async (stage: Stage, sentinel: Sentinel, run: () => Promise<unknown>): Promise<void> => {
  await sentinel.pass();
  const before = await worldOf(stage);
  await run();
  await sentinel.pass();
  assert.deepEqual(await worldOf(stage), before);
};

/**
 * Waits until a change that is made now has been acted on: whatever earlier ones cause is there by now. Once per stage.
 *
 * @param debounce at least as long as that of what must not happen; default: longer than the policies' own
 */
export const settled = async (stage: Stage, debounce = '1s'): Promise<void> => {
  const name = 'marker';
  await stage.configMap({ key: 'one' }, name);
  await stage.create({ name, configMap: name, replicas: 0 });
  await stage.policy({ sources: [{ kind: 'ConfigMap', name }], restart: { debounce } }, name);
  await stage.adopted(name);
  await stage.edit({ key: 'two' }, name);
  await stage.until('RolledOut', 'True', { policy: name, reason: 'NoReplicas' });
  await stage.api.request({ method: 'DELETE', path: stage.policyPath(name) });
  await stage.api.request({ method: 'DELETE', path: stage.workloadPath(name) });
};
