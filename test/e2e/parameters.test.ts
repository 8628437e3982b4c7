/** Controllers with other parameters than they are shipped with: WorkflowExecution's, and the operator's own. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { KubeError } from '../../src/kube/errors.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { controllerTests, type Controller } from '../support/controller.ts';
import { kubernautImage, operatorImage, provideKubernautImage } from '../support/images.ts';
import { installOperator, startOperator, stopOperator } from '../support/install.ts';
import { Stage } from '../support/stage.ts';

describe('controllers with parameters', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await provideKubernautImage(cluster);
    await installOperator(cluster);
    // The one for the whole cluster would do the work of those that are deployed here.
    await stopOperator(cluster);
  });
  after(async () => {
    await startOperator(cluster);
    await cluster.stop();
  });

  describe('WorkflowExecution', { concurrency: 4 }, () => {
    const controller = controllerTests('workflow', () => cluster, {
      folder: join(CHECKOUT, 'config/samples/kubernaut/workflowexecution'),
      image: kubernautImage(),
      without: ['ReloadPolicy'],
    });

    controller('runs with what it is shipped with', async (workflows) => {
      await workflows.deploy();
      await workflows.ready();
      assert.deepEqual(await flagsOf(workflows), { cooldownPeriod: '5m', executionNamespace: 'workflows' });
    });

    controller('keeps to a custom cooldown period', async (workflows) => {
      await workflows.deploy({ replicas: 1, args: ['--cooldown-period=2s'] });
      await workflows.ready();
      assert.equal((await flagsOf(workflows)).cooldownPeriod, '2s');
      await execute(workflows, 'db');
      await assert.rejects(execute(workflows, 'db'), (error: unknown) => isStatus(error, 409));
      await execute(workflows, 'web');
    });

    controller('has no cooldown where the period is 0s', async (workflows) => {
      await workflows.deploy({ replicas: 1, config: { workflowexecution: { 'cooldown-period': '0s' } } });
      await workflows.ready();
      await execute(workflows, 'db');
      await execute(workflows, 'db');
    });

    controller('executes in a custom namespace', async (workflows) => {
      await workflows.deploy({ replicas: 1, config: { workflowexecution: { 'execution-namespace': 'night-jobs' } } });
      await workflows.ready();
      assert.deepEqual(await execute(workflows, 'db'), { namespace: 'night-jobs', target: 'db' });
    });

    const invalid: readonly (readonly [flag: string, sentence: RegExp])[] = [
      [
        '--cooldown-period=-1',
        /^workflowexecution: --cooldown-period is "-1", but it takes a duration such as 30s[^\n]*\n?$/,
      ],
      ['--cooldown-period=', /^workflowexecution: --cooldown-period is "", but it takes a duration[^\n]*\n?$/],
      [
        '--execution-namespace=No_Name',
        /^workflowexecution: --execution-namespace is "No_Name", but it takes [^\n]*\n?$/,
      ],
      ['--cool-down=5m', /^workflowexecution: Unknown option '--cool-down'[^\n]*\n?$/],
    ];
    for (const [flag, sentence] of invalid) {
      controller(`fails at once with ${flag}, with one sentence`, async (workflows) => {
        await workflows.deploy({ replicas: 1, args: [flag] });
        await workflows.failed(sentence);
      });
    }

    controller('fails where its configuration is not there, and runs when it is', async (workflows) => {
      await workflows.deploy({ replicas: 1, env: { COOLDOWN_PERIOD: 'soon' } });
      await workflows.failed(/--cooldown-period is "soon"/);
      await workflows.deploy({ replicas: 1, env: { COOLDOWN_PERIOD: '1m' } });
      await workflows.ready();
      assert.equal((await flagsOf(workflows)).cooldownPeriod, '1m');
    });
  });

  describe('the operator, in a namespace with a Role alone', { concurrency: 3 }, () => {
    const operator = controllerTests('operator', () => cluster, {
      folder: join(CHECKOUT, 'config/namespaced'),
      image: operatorImage(),
    });

    const invalid: readonly (readonly [arg: string, sentence: RegExp])[] = [
      ['--workers=0', /^reload-operator: --workers [^\n]* a whole number from 1 to 256[^\n]*\n?$/],
      ['--log-level=loud', /^reload-operator: --log-level [^\n]* debug, info, warn or error[^\n]*\n?$/],
      ['--watch-idle-timeout=1', /^reload-operator: --watch-idle-timeout [^\n]* from 5 to 150[^\n]*\n?$/],
    ];
    for (const [arg, sentence] of invalid) {
      operator(`fails at once with ${arg}, with one sentence`, async (ours) => {
        await ours.deploy({ args: [arg] });
        await ours.failed(sentence);
      });
    }

    operator('fails at once with a variable that is wrong', async (ours) => {
      await ours.deploy({ env: { WORKERS: 'many' } });
      await ours.failed(/^reload-operator: WORKERS [^\n]* a whole number from 1 to 256[^\n]*\n?$/);
    });

    operator('works in its own namespace, and in no other', async (ours) => {
      const { stage } = ours;
      const elsewhere = await Stage.open(cluster, 'elsewhere');
      try {
        await ours.deploy({ args: ['--workers=2', '--log-level=debug'] });
        await ours.ready();
        for (const each of [stage, elsewhere]) {
          await each.configMap({ flag: 'one' });
          await each.start({ flags: ['flag'] });
          await each.policy();
        }
        await stage.adopted();
        for (const each of [stage, elsewhere]) await each.edit({ flag: 'two' });
        await stage.until('RolledOut', 'True', { reason: 'Complete' });
        assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
        // What it would do there, it would have done by now.
        assert.equal(await elsewhere.restartAnnotation(), undefined);
        assert.deepEqual(await elsewhere.status(), {});
      } finally {
        await elsewhere.end();
      }
    });

    operator('says what it may not do where it is to work in a namespace without a Role', async (ours) => {
      const elsewhere = await Stage.open(cluster, 'elsewhere');
      try {
        await ours.deploy({ args: [`--namespaces=${ours.stage.namespace},${elsewhere.namespace}`] });
        await ours.stage.configMap({ flag: 'one' });
        await ours.stage.start({ flags: ['flag'] });
        await ours.stage.policy();
        // What it has no rights for elsewhere does not keep it from its work here.
        await ours.stage.adopted();
        const log = await ours.stage.kubectl.run(['-n', ours.stage.namespace, 'logs', `deployment/${ours.name}`]);
        assert.match(
          log,
          new RegExp(`[Ff]orbidden[^\n]*${elsewhere.namespace}|${elsewhere.namespace}[^\n]*[Ff]orbidden`),
        );
      } finally {
        await elsewhere.end();
      }
    });
  });
});

interface Flags {
  readonly cooldownPeriod: string;
  readonly executionNamespace: string;
}

const flagsOf = async (workflows: Controller): Promise<Flags> =>
  (await workflows.ask<{ readonly flags: Flags }>('/')).flags;

const execute = (workflows: Controller, target: string): Promise<unknown> =>
  workflows.ask('/executions', { body: { target } });

const isStatus = (error: unknown, status: number): boolean => error instanceof KubeError && error.status === status;
