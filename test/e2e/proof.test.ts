/** Hot changes proven in real pods, by applications that are really asked. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installOperator } from '../support/install.ts';
import {
  application,
  applicationCode,
  applicationTemplate,
  CODE,
  importNode,
  type ApplicationOptions,
} from '../support/proof/deploy.ts';
import { stagedTests, type Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

const GPT = 'provider: openai\nmodel: gpt\n';
const CLAUDE = 'provider: anthropic\nmodel: claude\n';
const NOTIFY = { http: { port: 'http' } } as const;
const HOT = { defaultClass: 'Hot' } as const;

type Policy = NonNullable<Parameters<Stage['policy']>[0]>;

describe('proof', { concurrency: 3 }, () => {
  let cluster: Cluster;
  let code: Readonly<Record<string, string>>;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
    await importNode(cluster);
    code = await applicationCode();
  });
  after(() => cluster.stop());

  const staged = stagedTests('proof', () => cluster);

  const set = async (stage: Stage, options: ApplicationOptions, policy: Policy): Promise<void> => {
    await stage.configMap({ 'llm.yaml': GPT });
    await stage.configMap(code, CODE);
    await stage.start(application(options));
    await stage.policy({ ...HOT, ...policy });
    await stage.adopted();
  };

  const logOf = async (stage: Stage, selector = 'app=web'): Promise<readonly string[]> =>
    (await stage.kubectl.run(['-n', stage.namespace, 'logs', '-l', selector, '--tail=-1'])).trim().split('\n');

  const countIn = async (stage: Stage, line: string, selector?: string): Promise<number> =>
    (await logOf(stage, selector)).filter((each) => each.startsWith(line)).length;

  const untilLast = async (stage: Stage, outcome: string, reason?: string): Promise<void> => {
    await untilPasses(
      async () => {
        const [entry] = (await stage.record()).history ?? [];
        assert.equal(entry?.outcome, outcome, JSON.stringify(entry));
        if (reason !== undefined) assert.equal(entry.reason, reason);
      },
      { what: `the history to say ${outcome}`, timeoutMs: 60_000 },
    );
  };

  const missing = async (stage: Stage): Promise<string> =>
    ((await stage.status()).workloads ?? []).flatMap(({ delivery }) => delivery?.missing ?? []).join('\n');

  staged('that three pods have loaded a change comes within moments, and replaces none of them', async (stage) => {
    await set(stage, { replicas: 3 }, { hot: { proof: 'Loaded', notify: NOTIFY } });
    const incarnations = await stage.incarnations();
    const times: number[] = [];
    for (const [index, content] of [CLAUDE, GPT, CLAUDE].entries()) {
      const from = performance.now();
      await stage.edit({ 'llm.yaml': content });
      await eventually(
        async () => {
          const entries = (await stage.record()).history ?? [];
          return entries.filter(({ outcome, reason }) => outcome === 'Succeeded' && reason === 'Loaded').length > index;
        },
        { what: 'the record to say Loaded', timeoutMs: 20_000, intervalMs: 10 },
      );
      times.push(performance.now() - from);
    }
    console.error(`write → Loaded in 3 pods, by the record: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    assert.equal(await countIn(stage, 'loaded provider: anthropic'), 6);
    assert.deepEqual(await stage.incarnations(), incarnations);
    await untilPasses(async () => assert.equal((await stage.status()).last?.pods, 3), { what: 'the status' });
    await stage.until('HotReloaded', 'True');
  });

  staged('content that is refused is told with the reason, and its correction is taken', async (stage) => {
    await set(stage, {}, { hot: { proof: 'Loaded', notify: NOTIFY, timeout: '3s' } });
    await stage.edit({ 'llm.yaml': 'provider: nonsense\n' });
    await untilLast(stage, 'TimedOut', 'ProofTimeout');
    await untilPasses(async () => assert.match(await missing(stage), /\/etc\/app\/llm\.yaml is refused: .*nonsense/), {
      what: 'the status to quote the application',
    });
    assert.equal(await countIn(stage, 'loaded provider: nonsense'), 0);
    await stage.edit({ 'llm.yaml': CLAUDE });
    await untilLast(stage, 'Succeeded', 'Loaded');
    assert.equal(await countIn(stage, 'loaded provider: anthropic'), 1);
  });

  staged('an application that only accepts is asked again, and once more when kubelets have looked', async (stage) => {
    await set(stage, { env: { PLAIN: '1' } }, { hot: { proof: 'Loaded', notify: NOTIFY } });
    await stage.edit({ 'llm.yaml': CLAUDE });
    await untilLast(stage, 'Succeeded', 'Loaded');
    await untilPasses(async () => assert.equal(await countIn(stage, 'asked POST /-/reload'), 3), {
      what: 'three requests',
    });
    await untilPasses(async () => assert.equal((await stage.record()).delivery, undefined), {
      what: 'the record to have nothing open',
      timeoutMs: 130_000,
      intervalMs: 500,
    });
    assert.equal(await countIn(stage, 'asked POST /-/reload'), 4);
  });

  staged('pods of others with copied labels are not asked', async (stage) => {
    await set(stage, {}, { hot: { proof: 'Loaded', notify: NOTIFY } });
    // By its name, its labels and those of its pod, this could be a ReplicaSet of the Deployment.
    const labels = { 'pod-template-hash': 'copied', fake: 'true' };
    await stage.api.request({
      method: 'POST',
      path: stage.path('/apis/apps/v1', 'replicasets'),
      body: {
        metadata: { name: 'web-copied' },
        spec: { selector: { matchLabels: { fake: 'true' } }, template: applicationTemplate({ labels }) },
      },
    });
    await untilPasses(async () => assert.equal(await countIn(stage, 'listening', 'fake=true'), 1), {
      what: 'the other pod',
    });
    await stage.edit({ 'llm.yaml': CLAUDE });
    await untilLast(stage, 'Succeeded', 'Loaded');
    const [entry] = (await stage.record()).history ?? [];
    assert.equal(entry?.pods, 1);
    assert.equal(await countIn(stage, 'asked POST', 'fake=true'), 0);
    assert.ok((await countIn(stage, 'asked POST', 'fake!=true,app=web')) > 0);
  });

  staged("pods on the host's network are not asked, and that is said", async (stage) => {
    const policy = { hot: { proof: 'Loaded', notify: NOTIFY, timeout: '2s' } } as const;
    await set(stage, { hostNetwork: true, port: 18_231 }, policy);
    await stage.edit({ 'llm.yaml': CLAUDE });
    await untilLast(stage, 'TimedOut', 'ProofTimeout');
    await untilPasses(async () => assert.match(await missing(stage), /on the host's network: never asked/), {
      what: 'the status to say so',
    });
    assert.equal(await countIn(stage, 'asked POST'), 0);
  });

  staged('what is not proven in time restarts, where the policy wants it', async (stage) => {
    const hot = { proof: 'Loaded', notify: NOTIFY, timeout: '2s', onTimeout: 'Restart' } as const;
    await set(stage, { env: { FAILS: '1' } }, { hot, restart: { debounce: '0s' } });
    await stage.edit({ 'llm.yaml': CLAUDE });
    await untilPasses(async () => assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./), {
      what: 'the restart',
    });
    await stage.rolledOut();
    await untilPasses(async () => assert.equal((await stage.record()).restart?.phase, 'Succeeded'), {
      what: 'the record to say that it is done',
    });
    assert.match(JSON.stringify((await stage.record()).history), /it answered 500/);
  });

  staged('requests are signed by a Secret that the operator may read, and it says when it may not', async (stage) => {
    const secrets = stage.path('/api/v1', 'secrets');
    const data = { token: Buffer.from('a key of this test').toString('base64') };
    await stage.api.request({ method: 'POST', path: secrets, body: { metadata: { name: 'reload-key' }, data } });
    const http = { port: 'http', signature: { secretRef: { name: 'reload-key', key: 'token' } } };
    const policy = { hot: { proof: 'Loaded', notify: { http }, timeout: '60s' } } as const;
    await set(stage, { env: { SIGNED: '1' }, key: 'reload-key' }, policy);
    await stage.edit({ 'llm.yaml': CLAUDE });
    await untilPasses(async () => assert.match(await missing(stage), /reload-key.* grant it get on this Secret/), {
      what: 'the status to say what is missing',
    });
    assert.equal(await countIn(stage, 'asked POST'), 0);
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['reload-key'], verbs: ['get'] }];
    const metadata = { name: 'reload-key' };
    await stage.api.request({ method: 'POST', path: stage.path(rbac, 'roles'), body: { metadata, rules } });
    await stage.api.request({
      method: 'POST',
      path: stage.path(rbac, 'rolebindings'),
      body: {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reload-key' },
        subjects: [{ kind: 'ServiceAccount', name: 'reload-operator', namespace: 'reload-operator-system' }],
      },
    });
    await untilLast(stage, 'Succeeded', 'Loaded');
    assert.ok((await countIn(stage, 'asked POST')) > 0);
  });
});
