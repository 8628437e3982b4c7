import type { KubeClient } from '../../src/kube/connect.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Kubectl } from '../support/kubectl.ts';

/** What every act of the demo plays on. */
export interface Stage {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  readonly client: KubeClient;
  /** The user's own cluster (CLUSTER=current), which is not ours to take down. */
  readonly borrowed: boolean;
  /** Prints a line of progress, with the seconds since the start. */
  readonly progress: (line: string) => void;
  /** Prints a line of the report. */
  readonly print: (line?: string) => void;
}

export const OPERATOR_NAMESPACE = 'reload-operator-system';
export const SAMPLE_NAMESPACE = 'signalprocessing';
/** ConfigMap, Deployment, container and ReloadPolicy of the sample all have this name. */
export const SAMPLE = 'signalprocessing';

/** A failure that the user can do something about. */
export class DemoError extends Error {
  readonly wayOut: readonly string[];

  constructor(message: string, wayOut: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.wayOut = wayOut;
  }
}

/** Columns of equal width, two spaces in between. */
export const table = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** What to type to `make` a target for a cluster. */
export const makeLine = (target: string, cluster: string): string =>
  cluster === 'demo' ? `make ${target}` : `make ${target} NAME=${cluster}`;

/** What to type so that `kubectl` means this cluster's. */
export const shellLines = ({ kubeconfig, kubectl }: Pick<Cluster, 'kubeconfig' | 'kubectl'>): readonly string[] => [
  `export KUBECONFIG=${kubeconfig}`,
  `alias kubectl=${kubectl}`,
];
