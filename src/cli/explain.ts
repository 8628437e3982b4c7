/** kubectl reload explain */

import type { ClusterFlags } from './cluster.ts';
import { Failure } from './exit.ts';
import { parseWorkloadName } from './names.ts';
import type { DataFormat } from './output.ts';
import type { Terminal } from './terminal.ts';

export interface ExplainFlags extends ClusterFlags {
  readonly key?: string;
  readonly against?: string;
  readonly output: 'text' | DataFormat;
}

export const explain = (workload: string, _flags: ExplainFlags, _terminal: Terminal): Promise<number> => {
  parseWorkloadName(workload);
  return Promise.reject(new Failure('not yet'));
};
