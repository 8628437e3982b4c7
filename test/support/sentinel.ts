/**
 * For tests of what must not happen: a second source and workload in the same namespace. A watch tells of changes in
 * their order, so when a later change of the sentinel has been acted on, an earlier one of anything else has been seen,
 * and would have been acted on as well.
 */

import assert from 'node:assert/strict';
import { eventually } from './wait.ts';
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
      await stage.edit({ flag: String(passes) }, NAME);
      await eventually(async () => (await stage.restartAnnotation(NAME))?.startsWith(`v1.${passes}.`), {
        what: `restart ${passes} of the sentinel`,
      });
      await stage.until('RolledOut', 'True', { policy: NAME });
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
