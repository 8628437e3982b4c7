/** The node agents, where the operator has been told of any. */

import { DEFAULT_NAMESPACE, SERVICE_ACCOUNT } from '../api/v1alpha1/names.ts';
import { createAgents, type FoundAgents } from '../kube/agents.ts';
import { connect } from '../kube/connect.ts';
import { podNamespace } from '../kube/kubeconfig.ts';
import type { Settings } from '../settings/schema.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ReloadOperatorOptions } from './options.ts';

/** To find agents, and to prove and find out who is who; beside `--max-in-flight`. */
const AGENT_REQUESTS = 8;

/** Undefined: the operator has been told of none. */
export const findAgents = (options: ReloadOperatorOptions, metrics: Metrics): FoundAgents | undefined => {
  const { settings, kubeConfig, version, clock, random, log } = options;
  if (settings.agentNamespace === undefined) return undefined;
  // With slots of its own: to ask is in order when pods have been nudged, not when the last one's nudge is through.
  const client = connect({
    kubeConfig,
    userAgent: `reload-operator/${version}`,
    maxInFlight: AGENT_REQUESTS,
    onRequest: (report) => {
      metrics.request(report);
    },
    clock,
  });
  const found = createAgents({
    client,
    namespace: settings.agentNamespace,
    account: { namespace: ownNamespace(settings), name: SERVICE_ACCOUNT },
    clock,
    random,
    log,
    idleMs: settings.watchIdleSeconds * 1_000,
  });
  return {
    ...found,
    close: async () => {
      await found.close();
      await client.close();
    },
  };
};

export const ownNamespace = ({ operatorNamespace }: Settings): string =>
  operatorNamespace ?? podNamespace() ?? DEFAULT_NAMESPACE;
