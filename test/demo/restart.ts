/** The second act: a key that takes a restart. */

import { eventually } from '../support/wait.ts';
import { argumentsIn, deploymentOf, podsOf, readKeys, replicaSetOf, settled, writeKey } from './sample.ts';
import { DemoError, SAMPLE, SAMPLE_NAMESPACE, seconds, type Stage } from './stage.ts';

const KEY = 'cooldown-period';
const FLAG = `--${KEY}`;

export const showRestart = async (stage: Stage): Promise<void> => {
  const { client, kubectl, print } = stage;
  const from = (await readKeys(client))[KEY] ?? '';
  const to = from === '5m' ? '10m' : '5m';
  const before = await deploymentOf(client);
  const podsBefore = await podsOf(client);
  const oldSet = await replicaSetOf(client, before.revision);
  print(`2. A flag key: ${KEY}, ${from} -> ${to}`);
  print();

  const sentAt = await writeKey(client, KEY, to);
  const annotated = await eventually(
    async () => {
      const now = await deploymentOf(client);
      return now.restartAnnotation === before.restartAnnotation ? undefined : now;
    },
    { what: `the restart annotation of Deployment ${SAMPLE} to change`, intervalMs: 10 },
  );
  print(`   ${seconds(performance.now() - sentAt)}  template annotated (0.5 s of it is the debounce)`);
  print(`             ${before.restartAnnotation} -> ${annotated.restartAnnotation}`);

  await kubectl.run(['-n', SAMPLE_NAMESPACE, 'rollout', 'status', `deployment/${SAMPLE}`, '--timeout=120s'], {
    timeoutMs: 130_000,
  });
  print(`   ${seconds(performance.now() - sentAt)}  rollout complete`);
  const after = await deploymentOf(client);
  const pods = await podsOf(client);
  const kept = pods.filter(({ uid }) => podsBefore.some((pod) => pod.uid === uid));
  print(`             ReplicaSet ${oldSet} -> ${await replicaSetOf(client, after.revision)}`);
  print(`             ${pods.length} pods, ${kept.length === 0 ? 'all new' : `${kept.length} of them old`}`);

  const policy = await settled(stage, (last) => last?.action === 'Restart' && last.outcome === 'Succeeded');
  const { action, outcome, pods: count } = policy.status?.last ?? { action: '', outcome: '', pods: 0 };
  print(
    `   ${seconds(performance.now() - sentAt)}  outcome in the policy's status: ${action} ${outcome}, ${count} pods`,
  );

  const [pod] = pods;
  const shown = pod === undefined ? [] : await argumentsIn(kubectl, pod.name);
  print(`   The process in ${pod?.name ?? 'no pod'} now runs with`);
  print(`             ${shown.join(' ')}`);
  if (!shown.includes(`${FLAG}=${to}`)) {
    throw new DemoError(`the new process does not have ${FLAG}=${to}`, [
      `kubectl -n ${SAMPLE_NAMESPACE} get deployment ${SAMPLE} -o yaml`,
    ]);
  }
};
