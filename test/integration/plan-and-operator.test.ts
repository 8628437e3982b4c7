/**
 * What `kubectl reload plan` says of an edit, and what the operator then does: equal, for every edit of every real
 * document, there and back again. Nothing runs: there is no node.
 */

import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { digestContent } from '../../src/domain/digest.ts';
import type { PlannedEffect, WorkloadPlan } from '../../src/domain/plan.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { cases, type DocumentCase, type DocumentEdit } from '../documents/cases.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { reload } from '../support/reload.ts';
import { settled } from '../support/sentinel.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

const EXIT: Readonly<Partial<Record<PlannedEffect, number>>> = { Nothing: 0, Hot: 10, Restart: 20 };

const expectedOf = ({ classes }: DocumentEdit): PlannedEffect =>
  classes.includes('Restart') ? 'Restart' : classes.includes('Hot') ? 'Hot' : 'Nothing';

const placesOf = ({ keys }: WorkloadPlan): readonly string[] =>
  keys.flatMap(({ key }) => (key.includes('#') ? [key] : []));

/** The places of the suite, as they are told. */
const placesIn = ({ name }: Scene, { key }: DocumentCase, { paths = [] }: DocumentEdit): readonly string[] =>
  paths.map((path) => `ConfigMap/${name}:${key}#${path}`).sort();

/** What an action is said to have been for: a restart carries the hot changes too. */
const carriedBy = ({ effect, keys }: WorkloadPlan): readonly string[] => {
  const due = keys.filter((each) => each.effect === effect || (effect === 'Restart' && each.effect === 'Hot'));
  const names = [...new Set(due.map(({ key }) => key))];
  // A part that has changed without a place of its own goes by the key, unless a place of the key is named.
  return names.filter((name) => !names.some((other) => other.startsWith(`${name}#`)));
};

describe('a plan says what the operator then does', () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  const stages = new Map<DocumentCase, Stage>();
  const scenes: Scene[] = [];

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    await Promise.all(cases.map(async (each) => stages.set(each, await Stage.open(cluster, 'plan'))));
    operator = await startOperator({ cluster, namespaces: [...stages.values()].map(({ namespace }) => namespace) });
  });
  after(async () => {
    await operator.stop();
    await Promise.all([...stages.values()].map((stage) => stage.end()));
    await cluster.stop();
  });

  describe('there and back', { concurrency: 8 }, () => {
    for (const document of cases) {
      for (const [index, edit] of document.edits.entries()) {
        it(`${document.name}, ${edit.what}: ${expectedOf(edit)}`, async () => {
          const stage = stages.get(document);
          assert.ok(stage);
          const scene = await Scene.open(stage, document, `edit-${index}`);
          scenes.push(scene);
          const edited = edit.edit(document.text);

          const there = await scene.planned(edited);
          assert.equal(there.effect, expectedOf(edit));
          assert.deepEqual(placesOf(there), placesIn(scene, document, edit));
          await scene.acts(there, edited);

          const back = await scene.planned(document.text);
          assert.equal(back.effect, there.effect);
          await scene.acts(back, document.text);
        });
      }
    }
  });

  it('and nothing comes after it', async () => {
    await Promise.all([...stages.values()].map((stage) => settled(stage)));
    for (const scene of scenes) await scene.isAsItWas();
  });
});

const aFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'reload-plan-'));

/** A document in a ConfigMap, a Deployment that mounts it, and a policy about it, in files and on the cluster. */
class Scene {
  readonly name: string;
  readonly #stage: Stage;
  readonly #key: string;
  /** What stands for the cluster. */
  readonly #folder: string;
  readonly #apart: string;
  #restarts = 0;
  #history: readonly unknown[] = [];

  private constructor(stage: Stage, name: string, key: string, [folder, apart]: readonly [string, string]) {
    this.#stage = stage;
    this.name = name;
    this.#key = key;
    this.#folder = folder;
    this.#apart = apart;
  }

  static async open(stage: Stage, { key, text, rules, defaultClass }: DocumentCase, name: string): Promise<Scene> {
    const scene = new Scene(stage, name, key, [await aFolder(), await aFolder()]);
    const policy = {
      apiVersion: 'reload-operator.dev/v1alpha1',
      kind: 'ReloadPolicy',
      metadata: { name },
      spec: { sources: [{ kind: 'ConfigMap', name }], rules, defaultClass, restart: { debounce: '50ms' } },
    };
    const objects = [
      ['/api/v1', 'configmaps', scene.#configMap(text)],
      ['/apis/apps/v1', 'deployments', stage.manifest({ name, configMap: name, replicas: 0 })],
      ['/apis/reload-operator.dev/v1alpha1', 'reloadpolicies', policy],
    ] as const;
    for (const [root, plural, body] of objects) {
      await writeFile(join(scene.#folder, `${plural}.yaml`), stringify(body));
      await stage.api.request({ method: 'POST', path: stage.path(root, plural), body });
    }
    await stage.adopted(name);
    await untilPasses(async () => assert.equal(await scene.#applied(), digestContent(text)), { what: 'the baseline' });
    return scene;
  }

  #configMap(text: string): object {
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: this.name }, data: { [this.#key]: text } };
  }

  /** What the plan says, by the files alone and by the cluster alike. */
  async planned(text: string): Promise<WorkloadPlan> {
    const changed = join(this.#apart, 'changed.yaml');
    await writeFile(changed, stringify(this.#configMap(text)));
    const args = ['plan', '-f', changed, '-o', 'json', '-n', this.#stage.namespace];
    const [offline, online] = await Promise.all([
      reload([...args, '--against', this.#folder]),
      reload([...args, '--kubeconfig', this.#stage.cluster.kubeconfig]),
    ]);
    const [answer, same] = [offline, online].map(({ code, stdout, stderr }) => {
      assert.equal(stderr, '');
      const { workloads } = JSON.parse(stdout) as { readonly workloads: readonly WorkloadPlan[] };
      const own = workloads.find(({ name }) => name === this.name);
      assert.ok(own, stdout);
      assert.equal(code, EXIT[own.effect]);
      return own;
    });
    assert.ok(answer);
    assert.deepEqual(same, answer);
    return answer;
  }

  /** Makes the change, and asserts that the operator does what was planned, and nothing else. */
  async acts(plan: WorkloadPlan, text: string): Promise<void> {
    const before = await this.#stage.workload(this.name);
    await writeFile(join(this.#folder, 'configmaps.yaml'), stringify(this.#configMap(text)));
    await this.#stage.edit({ [this.#key]: text }, this.name);
    await untilPasses(async () => assert.equal(await this.#applied(), digestContent(text)), {
      what: `the change to be applied, or found to be none: ${plan.effect}`,
      timeoutMs: 60_000,
    });
    const { effect } = plan;
    const entry = { action: effect, outcome: 'Succeeded', keys: carriedBy(plan) };
    if (effect !== 'Nothing') this.#history = [entry, ...this.#history];
    if (effect === 'Restart') this.#restarts += 1;
    await this.isAsItWas();
    const { metadata } = await this.#stage.workload(this.name);
    assert.equal(metadata.generation - before.metadata.generation, effect === 'Restart' ? 1 : 0);
  }

  /** The operator has done what was planned so far, and no more. */
  async isAsItWas(): Promise<void> {
    const { history = [], held } = await this.#stage.record(this.name);
    assert.deepEqual(
      history.map(({ action, outcome, keys }) => ({ action, outcome, keys })),
      this.#history,
    );
    assert.equal(held, undefined);
    const annotation = await this.#stage.restartAnnotation(this.name);
    assert.equal(/^v1\.(\d+)\./.exec(annotation ?? 'v1.0.')?.[1], String(this.#restarts));
  }

  /** The digest of the whole content that the record has as applied. */
  async #applied(): Promise<string | undefined> {
    const { sources } = await this.#stage.record(this.name);
    return sources.find(({ name }) => name === this.name)?.keys[this.#key];
  }
}
