/** What the operator is made of, from outside. */

import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../runtime/clock.ts';
import type { Settings } from '../settings/schema.ts';
import type { RootLogger } from '../telemetry/log.ts';

export interface ReloadOperatorOptions {
  readonly kubeConfig: KubeConfig;
  readonly settings: Settings;
  readonly version: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: RootLogger;
  /** Something the process can't live without has ended. */
  readonly onFatal: (error: Error) => void;
}
