/** What coming, going and being away of the operator does. One after the other. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { installOperator, startOperator, stopOperator } from '../support/install.ts';
import { installed } from '../support/installed.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { untilPasses } from '../support/wait.ts';

describe('the operator in its cluster', () => {
  const staged = installed('life', { stops: true });

  staged('acts once on what changed while it was stopped', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.configMap({ 'policy.rego': 'one' }, 'policies');
    await stage.start({ flags: ['flag'], name: 'cold' });
    await stage.start({ name: 'hot', configMap: 'policies' });
    const sources = ['app', 'policies'].map((name) => ({ kind: 'ConfigMap', name }) as const);
    await stage.policy({ sources, rules: [{ keys: ['*.rego'], class: 'Hot' }] });
    await stage.adopted('cold');
    await stage.adopted('hot');
    const hot = await stage.incarnations('hot');

    await stopOperator(stage.cluster);
    await stage.edit({ flag: 'two' });
    await stage.edit({ 'policy.rego': 'two' }, 'policies');
    await startOperator(stage.cluster);

    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut('cold');
    assert.deepEqual(await stage.argumentsIn('cold'), ['--flag=two']);
    assert.equal((await stage.replicaSets('cold')).length, 2);
    assert.match((await stage.restartAnnotation('cold')) ?? '', /^v1\.1\./);
    await untilPasses(async () => assert.deepEqual(await stage.filesIn('policy.rego', 'hot'), ['two']), {
      what: 'the hot file',
      timeoutMs: 15_000,
    });
    assert.deepEqual(await stage.incarnations('hot'), hot);
  });

  staged('writes nothing after a restart with nothing changed', async (stage) => {
    await stage.configMap({ flag: 'one', 'policy.rego': 'one' });
    await stage.start({ flags: ['flag'] });
    await stage.policy({ rules: [{ keys: ['*.rego'], class: 'Hot' }] });
    await stage.adopted();
    await stage.edit({ flag: 'two' });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    await stage.edit({ 'policy.rego': 'two' });
    await stage.until('HotReloaded', 'True', { reason: 'Nudged' });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await stopOperator(stage.cluster);
    const before = { ...(await stage.versions()), record: JSON.stringify(await stage.record()) };

    await startOperator(stage.cluster);
    // Ready means that everything has been listed; a change that is made now is dealt with after all that.
    await stage.configMap({ key: 'one' }, 'marker');
    await stage.policy({ sources: [{ kind: 'ConfigMap', name: 'marker' }] }, 'marker');
    await stage.until('Ready', 'True', { policy: 'marker' });
    await stage.api.request({ method: 'DELETE', path: stage.policyPath('marker') });

    assert.deepEqual({ ...(await stage.versions()), record: JSON.stringify(await stage.record()) }, before);
  });

  staged('installed on a cluster with 20 bound workloads, changes nothing', async (stage) => {
    await stopOperator(stage.cluster);
    await stage.configMap({ flag: 'one', 'policy.rego': 'one' });
    const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);
    await Promise.all(names.map((name) => stage.create({ name, flags: ['flag'] })));
    for (const name of names) await stage.rolledOut(name);
    // The content has moved since the pods started, and nobody can tell which keys.
    await stage.kubectl.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'app', namespace: stage.namespace },
      data: { flag: 'two', 'policy.rego': 'two' },
    });
    await stage.policy({ rules: [{ keys: ['*.rego'], class: 'Hot' }] });
    const incarnations = await Promise.all(names.map((name) => stage.incarnations(name)));

    await startOperator(stage.cluster);
    await Promise.all(names.map((name) => stage.adopted(name)));

    assert.match(await stage.until('Ready', 'True', { reason: 'UpToDate' }), /20 workloads/);
    const { workloads = [] } = await stage.status();
    assert.deepEqual([...new Set(workloads.map(({ state }) => state))], ['Adopted']);
    assert.match(workloads[0]?.message ?? '', /kubectl rollout restart deployment\/web-0/);
    assert.deepEqual(await Promise.all(names.map((name) => stage.incarnations(name))), incarnations);
    for (const name of names) assert.equal(await stage.restartAnnotation(name), undefined);
    assert.deepEqual(await stage.ourEvents('web-0'), []);
  });

  staged('uninstalled, restarts nothing', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
    await stage.policy();
    await stage.adopted();
    await stage.edit({ flag: 'two' });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    const incarnations = await stage.incarnations();
    const annotation = await stage.restartAnnotation();

    const kubectl = kubectlFor(stage.cluster);
    await kubectl.run(['delete', '-k', 'config/default', '--timeout=300s'], { timeoutMs: 330_000 });

    assert.equal(await stage.restartAnnotation(), annotation);
    assert.deepEqual(await stage.incarnations(), incarnations);
    await installOperator(stage.cluster);
    assert.equal(await stage.restartAnnotation(), annotation);
    assert.deepEqual(await stage.incarnations(), incarnations);
  });
});
