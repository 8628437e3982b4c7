import type { Cluster } from '../cluster/cluster.ts';
import type { Api } from './api.ts';
import type { Operator } from './operator.ts';
import type { Peer } from './peer.ts';

/** What every section is given. */
export interface Bench {
  readonly cluster: Cluster;
  readonly api: Api;
  readonly operator: Operator;
  /** Undefined: none was given. */
  readonly peer: Peer | undefined;
  /** Undefined: each section's own number. */
  readonly samples: number | undefined;
  /** A folder for secrets that goes with the run. */
  readonly scratch: string;
  readonly log: (line: string) => void;
}
