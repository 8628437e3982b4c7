/** How a pod is, as its status tells it. */

import { RESTART_ANNOTATION } from '../api/v1alpha1/names.ts';
import { parseRestartAnnotation } from '../domain/annotation.ts';
import type { ContainerEnd, ContainerReport, PodReport } from '../domain/rollout-cause.ts';
import type { ObjectMeta } from './listwatch.ts';

interface RawEnd {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: RawEnd;
  };
  readonly lastState?: { readonly terminated?: RawEnd };
}

/** The parts of a pod that a report is made of. */
export interface ReportedPod {
  readonly metadata: ObjectMeta;
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export const podReport = ({ metadata, status = {} }: ReportedPod): PodReport => {
  // Who wrote it makes no difference here: it is compared with that of the template.
  const restart = parseRestartAnnotation(metadata.annotations?.[RESTART_ANNOTATION], false);
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  const { phase, reason = '', message = '' } = status;
  return {
    name: metadata.name,
    uid: metadata.uid,
    ...(restart !== undefined && { restart: { n: restart.n, digest: restart.digest } }),
    ...(scheduled?.status === 'False' && { unschedulable: scheduled.message ?? scheduled.reason ?? '' }),
    ...(phase === 'Failed' && { failed: [reason, message].filter((each) => each !== '').join(': ') }),
    containers: [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(containerReport),
  };
};

const containerReport = ({
  name,
  ready = false,
  restartCount = 0,
  state = {},
  lastState = {},
}: ContainerStatus): ContainerReport => {
  const end = state.terminated ?? lastState.terminated;
  const { waiting } = state;
  return {
    name,
    state: state.terminated !== undefined ? 'Ended' : state.running !== undefined ? 'Running' : 'Waiting',
    ready,
    restarts: restartCount,
    ...(waiting?.reason !== undefined && {
      waiting: { reason: waiting.reason, ...(waiting.message !== undefined && { message: waiting.message }) },
    }),
    ...(end !== undefined && { end: endOf(end) }),
  };
};

const endOf = ({ exitCode, reason, message }: RawEnd): ContainerEnd => ({
  exitCode,
  ...(reason !== undefined && { reason }),
  ...(message !== undefined && { message }),
});
