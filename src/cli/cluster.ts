/** The one place where commands connect to a cluster. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type KubeClient } from '../kube/connect.ts';
import { ConnectionError, KubeError } from '../kube/errors.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import { VERSION } from '../version.ts';
import { Failure, usage } from './exit.ts';
import type { Terminal } from './terminal.ts';

export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
}

export interface Cluster {
  readonly client: KubeClient;
  /** The namespace asked for; where none was, that of the context. */
  readonly namespace: string;
  /** The same, or undefined for all of them. */
  readonly scope: string | undefined;
}

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Connects, and cuts every connection when `use` has ended. Failures come out as sentences for people. */
export const withCluster = async <T>(
  flags: ClusterFlags,
  terminal: Terminal,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> => {
  const { namespace: wanted } = flags;
  if (wanted !== undefined && !NAMESPACE.test(wanted))
    throw usage(`${JSON.stringify(wanted)} is no name of a namespace: check --namespace`);
  const home = terminal.env['HOME'];
  const kubeConfig = loading(() =>
    loadKubeConfig({
      kubeconfig: flags.kubeconfig ?? terminal.env['KUBECONFIG'],
      context: flags.context,
      home,
      // As kubectl: the service account of a pod is what is left when there is no file.
      ...(home !== undefined && existsSync(join(home, '.kube', 'config')) && { inCluster: false }),
    }),
  );
  const context = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  const namespace = wanted ?? (context?.namespace || 'default');
  const client = loading(() => connect({ kubeConfig, userAgent: `kubectl-reload/${VERSION}` }));
  try {
    return await use({ client, namespace, scope: flags.allNamespaces === true ? undefined : namespace });
  } catch (error) {
    throw explained(error);
  } finally {
    await client.close();
  }
};

const loading = <T>(load: () => T): T => {
  try {
    return load();
  } catch (cause) {
    throw new Failure(cause instanceof Error ? cause.message : String(cause), undefined, { cause });
  }
};

/** Adds to what the cluster said what can be done about it. */
export const explained = (error: unknown): unknown => {
  if (error instanceof KubeError) {
    const advice = ADVICE[error.status];
    return new Failure(advice === undefined ? error.message : `${error.message}; ${advice}`, undefined, {
      cause: error,
    });
  }
  if (error instanceof ConnectionError)
    return new Failure(`${error.message}; check --context and --kubeconfig`, undefined, { cause: error });
  return error;
};

const ADVICE: Readonly<Record<number, string>> = {
  401: 'log in to the cluster again, or choose another --context',
  403: 'ask for the right, which the ClusterRole reload-operator-view and the right to read the sources give',
};
