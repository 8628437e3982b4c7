/** Kubernaut's services: what is hot is taken by running pods, what is wrong is refused and told, flags come by restart. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { controllerTests, type Controller } from '../support/controller.ts';
import { kubernautImage, provideKubernautImage } from '../support/images.ts';
import { installOperator } from '../support/install.ts';
import { underLoad } from '../support/load.ts';
import type { Pod } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

/** Long before a kubelet would look by itself. */
const SOON_MS = 20_000;

describe("Kubernaut's services", { concurrency: 2 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await provideKubernautImage(cluster);
    await installOperator(cluster);
  });
  after(() => cluster.stop());

  const test = (service: string, what: string, body: (controller: Controller) => Promise<void>): void => {
    controllerTests('kubernaut', () => cluster, {
      folder: join(CHECKOUT, 'config/samples/kubernaut', service),
      image: kubernautImage(),
    })(`${service} ${what}`, async (controller) => {
      await controller.deploy();
      await controller.ready();
      await controller.stage.adopted(service);
      await body(controller);
    });
  };

  /** Every pod gives this answer, soon. */
  const untilAll = async (
    controller: Controller,
    path: string,
    body: unknown,
    expected: unknown,
    timeoutMs = SOON_MS,
  ): Promise<void> => {
    await untilPasses(async () => assert.deepEqual(await askAll(controller, path, body), [expected]), {
      what: `every pod to answer ${path} with ${JSON.stringify(expected)}`,
      timeoutMs,
    });
  };

  /** The status has this content's key and the reason why it is not in force. */
  const untilTold = async ({ stage, name }: Controller, key: RegExp): Promise<void> => {
    await untilPasses(async () => assert.match(JSON.stringify((await stage.status(name)).workloads), key), {
      what: `the status to say ${String(key)}`,
      timeoutMs: SOON_MS,
    });
  };

  const untilLoaded = ({ stage, name }: Controller): Promise<string> =>
    stage.until('HotReloaded', 'True', { reason: 'Loaded', policy: name });

  test(
    'signalprocessing',
    'decides by the policies that are in force, and keeps them when others are refused',
    async (signals) => {
      const { stage, name } = signals;
      const before = await incarnations(signals);
      const warning = { namespace: { name: 'prod-shop' }, signal: { severity: 'warning' } };
      const policy = await keyOf(signals, 'priority.rego');
      await untilAll(signals, '/classify', warning, { environment: 'production', priority: 'P3' });

      const stricter = policy.replace('"critical"', 'input.signal.severity # any');
      await stage.edit({ 'priority.rego': stricter }, name);
      await untilAll(signals, '/classify', warning, { environment: 'production', priority: 'P1' });
      await untilLoaded(signals);

      await stage.edit({ 'priority.rego': `${policy}\nresult := {` }, name);
      await untilTold(signals, /priority\.rego is refused: [^"]*rego_parse_error/);
      await untilAll(signals, '/classify', warning, { environment: 'production', priority: 'P1' });

      const environment = (await keyOf(signals, 'environment.rego')).replace('prod-', 'live-');
      await stage.edit({ 'priority.rego': policy, 'environment.rego': environment }, name);
      const live = { namespace: { name: 'live-shop' }, signal: { severity: 'critical' } };
      await untilAll(signals, '/classify', live, { environment: 'production', priority: 'P1' });
      await untilAll(signals, '/classify', warning, { environment: 'unknown', priority: 'P3' });
      await untilLoaded(signals);
      assert.deepEqual(await incarnations(signals), before);
    },
  );

  test('signalprocessing', 'takes its flags by one restart', async (signals) => {
    const { stage, name } = signals;
    await stage.edit({ 'cooldown-period': '10m' }, name);
    await stage.until('RolledOut', 'True', { reason: 'Complete', policy: name });
    await stage.kubectl.run(['-n', stage.namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=120s'], {
      timeoutMs: 130_000,
    });
    for (const pod of await signals.pods()) {
      const { flags } = await signals.ask<{ readonly flags: object }>('/', { pod });
      assert.deepEqual(flags, { cooldownPeriod: '10m', executionNamespace: 'signalprocessing-jobs' });
    }
  });

  test('aianalysis', 'keeps to its safety and context policies, whichever is in force', async (analysis) => {
    const { stage, name } = analysis;
    const before = await incarnations(analysis);
    const proposal = { context: { app: 'shop', token: 't' }, action: { verb: 'restart', namespace: 'test-shop' } };
    const allowed = { allowed: true, reason: 'restarts are safe outside of production' };
    const refused = { allowed: false, reason: 'not on the list of safe actions' };
    await untilAll(analysis, '/analyse', proposal, { context: { app: 'shop' }, safety: allowed });

    const safety = await keyOf(analysis, 'safety.rego');
    await stage.edit({ 'safety.rego': safety.replace('"prod-"', '"test-"') }, name);
    await untilAll(analysis, '/analyse', proposal, { context: { app: 'shop' }, safety: refused });
    const filter = await keyOf(analysis, 'context-filter.rego');
    await stage.edit({ 'context-filter.rego': filter.replace('"token"', '"token", "app"') }, name);
    await untilAll(analysis, '/analyse', proposal, { context: {}, safety: refused });

    await stage.edit(
      { 'safety.rego': safety.replace('default result := {"allowed": false', 'unused := {"no": false') },
      name,
    );
    await untilTold(analysis, /safety\.rego is refused: [^"]*has no value for an empty input/);
    await untilAll(analysis, '/analyse', proposal, { context: {}, safety: refused });
    await stage.edit({ 'safety.rego': safety }, name);
    await untilAll(analysis, '/analyse', proposal, { context: {}, safety: allowed });
    await untilLoaded(analysis);
    assert.deepEqual(await incarnations(analysis), before);
  });

  test(
    'holmesgpt-api',
    'changes its model while it runs, and stays with it when the provider is unknown',
    async (holmes) => {
      const { stage, name } = holmes;
      const before = await incarnations(holmes);
      const config = (provider: string, model: string): string =>
        JSON.stringify({ llm: { provider, model }, toolsets: { bash: { enabled: true }, git: { enabled: false } } });
      const asked = (provider: string, model: string): object => ({
        wouldAsk: { provider, model, toolsets: ['bash'], question: 'why?' },
      });
      await stage.edit({ 'config.json': config('openai', 'example-large') }, name);
      await untilAll(holmes, '/investigate', { question: 'why?' }, asked('openai', 'example-large'));
      await untilLoaded(holmes);

      await stage.edit({ 'config.json': config('nobody', 'example-new') }, name);
      await untilTold(holmes, /config\.json is refused: [^"]*llm\.provider takes anthropic/);
      await untilAll(holmes, '/investigate', { question: 'why?' }, asked('openai', 'example-large'));

      await stage.edit({ 'config.json': config('anthropic', 'example-new') }, name);
      await untilAll(holmes, '/investigate', { question: 'why?' }, asked('anthropic', 'example-new'));
      await untilLoaded(holmes);
      assert.deepEqual(await incarnations(holmes), before);
    },
  );

  test('gateway', 'moves its limits and adapters under load, without losing or refusing a request', async (gateway) => {
    const { stage, name } = gateway;
    const before = await incarnations(gateway);
    const config = (requestsPerSecond: number, burst: number, events: boolean): string =>
      JSON.stringify({
        rateLimit: { requestsPerSecond, burst },
        adapters: { prometheus: { enabled: true }, 'kubernetes-events': { enabled: events } },
      });
    const pods = await gateway.pods();
    const [from] = pods;
    assert.ok(from);
    const urls = pods.map((pod) => `http://${pod.status?.podIP ?? ''}:8080/signals/prometheus`);
    const load = underLoad(stage, { from: from.metadata.name, urls, rate: 200, seconds: 10 });
    let [isOver, moved] = [false, 0];
    void load.outcomes.finally(() => (isOver = true)).catch(() => undefined);
    await load.begun;
    const limitsOf = async (): Promise<readonly unknown[]> => (await states(gateway)).map(({ limits }) => limits);
    for (const [requestsPerSecond, burst] of [
      [400, 400],
      [800, 150],
      [300, 600],
    ] as const) {
      await stage.edit({ 'config.json': config(requestsPerSecond, burst, burst > 200) }, name);
      await untilPasses(
        async () =>
          assert.deepEqual(
            await limitsOf(),
            pods.map(() => ({ requestsPerSecond, burst })),
          ),
        {
          what: `the limiters in use to go by ${requestsPerSecond} a second`,
          timeoutMs: SOON_MS,
        },
      );
      moved += isOver ? 0 : 1;
    }
    assert.ok(moved > 0, 'the load was over before anything had moved');
    assert.deepEqual(await load.outcomes, { '202': 2_000 });

    // What the limiter goes by, it enforces; and an adapter that is on takes signals in.
    await untilPasses(async () => gateway.ask('/signals/kubernetes-events', { body: {} }), { what: 'the new adapter' });
    await stage.edit({ 'config.json': config(1, 1, false) }, name);
    await untilLoaded(gateway);
    const tight = await underLoad(stage, { from: from.metadata.name, urls, rate: 50, seconds: 2 }).outcomes;
    assert.ok((tight['429'] ?? 0) > 50 && (tight['202'] ?? 0) >= 2, JSON.stringify(tight));
    await assert.rejects(gateway.ask('/signals/kubernetes-events', { body: {} }), { status: 404 });
    assert.deepEqual(await incarnations(gateway), before);
  });

  test('workflowexecution', 'fails fast on a bad flag, and its policy says so in its own words', async (workflows) => {
    const { stage, name } = workflows;
    const before = await incarnations(workflows);
    await stage.edit({ 'cooldown-period': '-1' }, name);
    const message = await stage.until('Ready', 'False', { reason: 'RolloutFailed', policy: name });
    assert.match(
      message,
      /exit code 2: workflowexecution: --cooldown-period is "-1", but it takes a duration such as 30s/,
    );
    const saidAt = Date.now();
    const crashedAt = secondEndOf(await workflows.pods());
    console.error(`second end → Failed in the status: ${((saidAt - crashedAt) / 1_000).toFixed(1)} s`);
    assert.ok(saidAt - crashedAt < 15_000);
    await stage.until('Stalled', 'True', { policy: name });
    // The old pods stay, but for those that the rollout may take away.
    const kept = await incarnations(workflows);
    assert.ok(kept.some((each) => before.includes(each)));

    await stage.edit({ 'cooldown-period': '5m' }, name);
    await stage.until('Ready', 'True', { reason: 'UpToDate', policy: name });
    await workflows.ready();
    await stage.edit({ 'cooldown-period': '7m', 'execution-namespace': 'night-jobs' }, name);
    const flags = { cooldownPeriod: '7m', executionNamespace: 'night-jobs' };
    await untilPasses(
      async () =>
        assert.deepEqual(
          (await states(workflows)).map((state) => state.flags),
          [flags, flags],
        ),
      { what: 'both flags to be those of the ConfigMap', timeoutMs: 60_000, intervalMs: 200 },
    );
    await stage.until('RolledOut', 'True', { reason: 'Complete', policy: name });
  });
});

interface State {
  readonly flags?: object;
  readonly limits?: object;
}

const states = async (controller: Controller): Promise<readonly State[]> =>
  Promise.all((await controller.pods()).map((pod) => controller.ask<State>('/', { pod })));

/** The answers of all pods, each once. */
const askAll = async (controller: Controller, path: string, body: unknown): Promise<readonly unknown[]> => {
  const pods = await controller.pods();
  const answers = await Promise.all(pods.map((pod) => controller.ask(path, { body, pod })));
  return [...new Set(answers.map((answer) => JSON.stringify(answer)))].map((answer) => JSON.parse(answer) as unknown);
};

const keyOf = async ({ stage, name }: Controller, key: string): Promise<string> => {
  const { data } = await stage.get<{ readonly data: Readonly<Record<string, string>> }>(
    stage.path('/api/v1', 'configmaps', name),
  );
  const text = data[key];
  assert.ok(text, `the ConfigMap has no key ${key}`);
  return text;
};

/** Names the running containers: equal means that nothing was replaced or restarted. */
const incarnations = async ({ stage, name }: Controller): Promise<readonly string[]> =>
  (await stage.list<Pod>(stage.path('/api/v1', 'pods'), { labelSelector: `app.kubernetes.io/name=${name}` }))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, status }) =>
      [metadata.uid, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)].join(' '),
    )
    .sort();

/** When a container had first ended twice, by the node's clock: never later than its latest end but one start. */
const secondEndOf = (pods: readonly Pod[]): number => {
  const ends = pods.flatMap(({ status }) =>
    (status?.containerStatuses ?? []).flatMap(({ state, lastState, restartCount }) => {
      const finishedAt = Date.parse(state?.terminated?.finishedAt ?? lastState?.terminated?.finishedAt ?? '');
      return restartCount > 0 && !Number.isNaN(finishedAt) ? [finishedAt] : [];
    }),
  );
  assert.ok(ends.length > 0, 'no container has ended twice');
  return Math.min(...ends);
};
