/**
 * The operator's side of the agents as a process of its own, which a test starts in the network of the node: pods can't be
 * reached from elsewhere. It acts as the account of the kubeconfig that it is given, and answers questions by IPC.
 *
 *   node test/support/agent-asker.ts KUBECONFIG AGENT_NAMESPACE ACCOUNT_NAMESPACE ACCOUNT
 */

import { createAgents } from '../../src/kube/agents.ts';
import { connect, loadKubeConfig } from '../../src/kube/connect.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { Asked, AskerAnswer } from './agents.ts';

const [kubeconfig, namespace = '', accountNamespace = '', name = ''] = process.argv.slice(2);
const quiet = (fields: object, message: string): void => {
  console.error(
    message,
    JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value)),
  );
};
const client = connect({ kubeConfig: loadKubeConfig({ kubeconfig }), userAgent: 'reload-operator-test' });
const found = createAgents({
  client,
  namespace,
  account: { namespace: accountNamespace, name },
  clock: systemClock,
  random: Math.random,
  log: { debug: () => undefined, info: () => undefined, warn: quiet, error: quiet },
  idleMs: 90_000,
});
const ending = new AbortController();
const running = found.reflector.run(ending.signal);
await found.reflector.synced;

process.on('message', (message) => {
  const { id, pod, question, waitMs } = message as Asked;
  const { files, key, ...rest } = question;
  const begun = performance.now();
  void found.agents
    .mounted(
      pod,
      {
        ...rest,
        files: new Map(files.map(([path, digest]) => [path, digest ?? undefined])),
        ...(key !== undefined && { key: Buffer.from(key, 'base64url') }),
      },
      waitMs,
      ending.signal,
    )
    .then((answer) => {
      process.send?.({ id, answer, ms: performance.now() - begun } satisfies AskerAnswer);
    });
});
process.once('disconnect', () => {
  void found.close();
  ending.abort(new Error('the test has ended'));
  void running.then(() => client.close());
});
process.send?.('ready');
