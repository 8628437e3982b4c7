/**
 * What is said of a key's consumption, held against what real containers see: one ConfigMap and one Secret with the same
 * keys, used in every way that there is. Nothing restarts anything here, and pods are nudged by the test.
 *
 * Each container tells everything that it can see of the content: its files, its environment, its command line. Hot is
 * what it sees anew without a restart, Restart what it sees only after one, Unused what it never sees.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NUDGE_ANNOTATION } from '../../src/api/v1alpha1/names.ts';
import type { EffectiveClass } from '../../src/domain/classify.ts';
import { explain, type Explained, type KeyExplanation, type SourceFacts } from '../../src/domain/explain.ts';
import { parsePolicy } from '../../src/kube/policies.ts';
import { parseWorkload, type RawWorkload } from '../../src/kube/workloads.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { look, textOf, type View } from '../support/consumption/views.ts';
import {
  container,
  content,
  create,
  KEYS,
  KINDS,
  LATE,
  NAMED,
  TEMPLATES,
  writeSource,
} from '../support/consumption/workloads.ts';
import { Stage, type Pod } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

describe('what is said of consumption is what containers see', () => {
  let cluster: Cluster;
  let stage: Stage;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    stage = await Stage.open(cluster, 'consumption');
  });
  after(async () => {
    await stage.end();
    await cluster.stop();
  });

  it('in every combination', async () => {
    await Promise.all(KINDS.map((kind) => writeSource(stage, kind, 1)));
    await Promise.all(Object.entries(TEMPLATES).map(([name, spec]) => create(stage, name, spec)));
    await Promise.all(Object.keys(TEMPLATES).map((name) => stage.rolledOut(name)));
    const said = await explanations(stage, Object.keys(TEMPLATES));
    assert.deepEqual(classesOf(said, 'named'), both(NAMED));
    assert.deepEqual(await placesThatLie(stage, said), []);

    // Twice: when the second change has come to all that is hot, no first one is still on its way.
    for (const round of [2, 3]) {
      await Promise.all(KINDS.map((kind) => writeSource(stage, kind, round)));
      await nudgedUntil(stage, async () => {
        const seen = await Promise.all(Object.keys(TEMPLATES).map((name) => look(stage, name)));
        assert.deepEqual(
          said.filter((each) => each.class === 'Hot').flatMap((each) => notYet(each, seen, round)),
          [],
        );
      });
    }
    const running = await seenBy(stage);
    await Promise.all(Object.keys(TEMPLATES).map((name) => restart(stage, name)));
    await Promise.all(Object.keys(TEMPLATES).map((name) => stage.rolledOut(name)));
    const restarted = await seenBy(stage);

    const lies = said.flatMap(({ name, source, key, class: effective = 'none' }) => {
      const [now, then] = [running.get(name) ?? '', restarted.get(name) ?? ''];
      const isNew = (text: string): boolean => text.includes(content(source.kind, key, 3));
      const isOld = [1, 2].some((round) => now.includes(content(source.kind, key, round)));
      const truth = isNew(now) && !isOld ? 'Hot' : isNew(then) ? 'Restart' : 'Unused';
      return truth === effective ? [] : [`${name} ${source.kind} ${key}: said to be ${effective}, seen as ${truth}`];
    });
    assert.deepEqual(lies, []);
  });

  it('where an immutable object is made again with other content', async () => {
    const path = (name?: string): string => stage.path('/api/v1', 'configmaps', name);
    const make = (value: string): Promise<unknown> =>
      stage.api.request({
        method: 'POST',
        path: path(),
        body: { metadata: { name: 'fixed' }, immutable: true, data: { key: value } },
      });
    await make('<fixed 1>');
    await stage.configMap({ key: '<marker 1>' }, 'marker');
    const volumes = ['fixed', 'marker'].map((name) => ({ name, configMap: { name } }));
    await create(stage, 'fixed', { volumes, containers: [container('main', { mounts: { fixed: {}, marker: {} } })] });
    await stage.rolledOut('fixed');
    const [explanation] = explain(
      await known(stage, 'fixed', {
        'ConfigMap/fixed': { state: 'Present', keys: ['key'], immutable: true },
        'ConfigMap/marker': { state: 'Present', keys: ['key'] },
      }),
      'ConfigMap/fixed:key',
    );
    assert.match(explanation?.why ?? '', /ConfigMap\/fixed is immutable: give new content a new name$/);
    await assert.rejects(stage.edit({ key: '<fixed 2>' }, 'fixed'), /immutable/);

    await stage.api.request({ method: 'DELETE', path: path('fixed') });
    await make('<fixed 2>');
    await stage.edit({ key: '<marker 2>' }, 'marker');
    await nudgedUntil(stage, async () => {
      assert.match(textOf(await look(stage, 'fixed')), /<marker 2>/);
    });
    assert.match(textOf(await look(stage, 'fixed')), /<fixed 1>/);
  });
});

// -- what is said

type Said = KeyExplanation & { readonly name: string };

/** What the operator and the plugin would know: the workload as it is stored, and a policy that declares all hot. */
const known = async (
  stage: Stage,
  name: string,
  sources: Readonly<Record<string, SourceFacts>>,
): Promise<Explained> => {
  const policy = parsePolicy({
    metadata: { namespace: stage.namespace, name: 'policy', uid: 'uid', resourceVersion: '1' },
    spec: {
      sources: Object.keys(sources).map((id) => ({ kind: id.split('/')[0], name: id.split('/')[1] })),
      defaultClass: 'Hot',
    },
  });
  assert.equal(policy.invalid, undefined);
  const raw = await stage.get<RawWorkload>(stage.workloadPath(name));
  return { workload: parseWorkload('Deployment', raw), policies: [policy], sources: new Map(Object.entries(sources)) };
};

const explanations = async (stage: Stage, names: readonly string[]): Promise<readonly Said[]> => {
  const held: SourceFacts = { state: 'Present', keys: KEYS };
  const found = await Promise.all(
    names.map(async (name) =>
      explain(await known(stage, name, { 'ConfigMap/app': held, 'Secret/app': held })).map((each) => ({
        ...each,
        name,
      })),
    ),
  );
  return found.flat();
};

const classesOf = (said: readonly Said[], of: string): Readonly<Record<string, EffectiveClass | undefined>> =>
  Object.fromEntries(
    said.flatMap(({ name, source, key, class: effective }) =>
      name === of ? [[`${source.kind} ${key}`, effective] as const] : [],
    ),
  );

const both = (classes: typeof NAMED): typeof NAMED =>
  Object.fromEntries(KINDS.flatMap((kind) => Object.entries(classes).map(([key, as]) => [`${kind} ${key}`, as])));

// -- what is seen

const seenBy = async (stage: Stage): Promise<ReadonlyMap<string, string>> =>
  new Map(
    await Promise.all(Object.keys(TEMPLATES).map(async (name) => [name, textOf(await look(stage, name))] as const)),
  );

/** Hot keys that are not all of this round yet. */
const notYet = ({ name, source, key }: Said, seen: readonly (readonly View[])[], round: number): readonly string[] => {
  const text = textOf(seen.flat().filter((view) => view.name === name));
  return text.includes(content(source.kind, key, round)) && !text.includes(content(source.kind, key, round - 1))
    ? []
    : [`${name} ${source.kind} ${key}`];
};

/** Places where a running container is said to find a key, but does not. */
const placesThatLie = async (stage: Stage, said: readonly Said[]): Promise<readonly string[]> => {
  const views = (await Promise.all(Object.keys(TEMPLATES).map((name) => look(stage, name)))).flat();
  return said.flatMap(({ name, source, key, consumption }) =>
    consumption.flatMap(({ container: reader, init, where }) => {
      if (init || LATE.includes(key) || where.endsWith('(by its subPathExpr)')) return [];
      const places = views.find((view) => view.name === name && view.container === reader)?.places;
      const place = where.startsWith('argument') ? 'arguments' : where;
      return places?.get(place)?.includes(content(source.kind, key, 1)) === true
        ? []
        : [`${name} ${source.kind} ${key}: ${reader} ${where}`];
    }),
  );
};

/** The kubelet looks at a pod's volumes when the pod changes; tried again, since its own watch may be late. */
const nudgedUntil = async (stage: Stage, check: () => Promise<void>): Promise<void> => {
  let count = 0;
  await untilPasses(
    async () => {
      count += 1;
      const pods = await stage.list<Pod>(stage.path('/api/v1', 'pods'));
      await Promise.all(
        pods.map(({ metadata }) =>
          stage.patch(`${stage.path('/api/v1', 'pods', metadata.name)}/status`, {
            metadata: { annotations: { [NUDGE_ANNOTATION]: String(count) } },
          }),
        ),
      );
      await check();
    },
    { what: 'hot keys to arrive', timeoutMs: 30_000, intervalMs: 1_000 },
  );
};

const restart = (stage: Stage, name: string): Promise<unknown> =>
  stage.patch(stage.workloadPath(name), {
    spec: { template: { metadata: { annotations: { 'test.reload-operator.dev/restarted': 'true' } } } },
  });
