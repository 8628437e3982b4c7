/** The Open Policy Agent as the sample runs it: what it decides is its own answer. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { ensureOpaImage } from '../cluster/software.ts';
import { installOperator } from '../support/install.ts';
import { applySample, untilAnswers, type Sample } from '../support/samples.ts';
import { settled } from '../support/sentinel.ts';
import { stagedTests } from '../support/stage.ts';
import { eventually } from '../support/wait.ts';

const POLICY = `package authz

default allow := false

allow if input.user in data.admins
`;

describe('OPA', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
  });
  after(() => cluster.stop());

  stagedTests('opa', () => cluster)(
    'decides by new policies and data at once, keeps to the old while the new are invalid, and is never restarted',
    async (stage) => {
      const opa = await applySample(stage, {
        name: 'opa',
        images: { 'docker.io/openpolicyagent/opa': ensureOpaImage },
      });
      const incarnations = await opa.incarnations();
      assert.equal(incarnations.length, 2);
      await untilAllowed(opa, 'alice', true);
      await untilAllowed(opa, 'bob', false);

      await stage.edit({ 'data.yaml': 'admins: [bob]\n' }, 'opa');
      await untilAllowed(opa, 'bob', true);
      await untilAllowed(opa, 'alice', false);
      await stage.until('HotReloaded', 'True', { policy: 'opa', reason: 'Nudged' });

      await stage.edit(
        { 'authz.rego': POLICY.replace('if input', 'unless input'), 'data.yaml': 'admins: []\n' },
        'opa',
      );
      await untilRefused(opa);
      assert.deepEqual(await decisions(opa, 'bob'), [true, true], 'nothing of the new is in force, data included');

      await stage.edit({ 'authz.rego': POLICY, 'data.yaml': 'admins: [carol]\n' }, 'opa');
      await untilAllowed(opa, 'carol', true);
      await untilAllowed(opa, 'bob', false);

      await settled(stage);
      assert.deepEqual(await opa.incarnations(), incarnations);
    },
  );
});

const decisions = async (opa: Sample, user: string): Promise<readonly unknown[]> => {
  const answers = (await opa.ask(8181, '/v1/data/authz/allow', { input: { user } })) as readonly {
    readonly result?: unknown;
  }[];
  return answers.map(({ result }) => result);
};

const untilAllowed = (opa: Sample, user: string, expected: boolean): Promise<void> =>
  untilAnswers(() => decisions(opa, user), expected, `OPA to say ${expected} of ${user} in all pods`);

/** OPA says so in its log only. */
const untilRefused = (opa: Sample): Promise<unknown> =>
  eventually(
    async () => {
      const refusals = (await opa.logs('opa')).split('\n').filter((line) => line.includes('rego_parse_error'));
      return new Set(refusals.map((line) => line.split(' ', 1)[0])).size === 2;
    },
    { what: 'OPA to refuse the policy in both pods', timeoutMs: 15_000 },
  );
