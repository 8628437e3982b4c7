/** What proof needs to know of a pod beyond nudging: where it shows sources as files, and who listens where. */

import type { FollowedPod, PodContainer, PodMount } from '../controller/ports.ts';
import type { Container, Volume } from '../domain/references/template.ts';
import { sourceId } from '../domain/observed.ts';
import type { SourceKind } from '../domain/selection.ts';
import type { OwnerReference } from './listwatch.ts';

interface ContainerState {
  readonly running?: { readonly startedAt?: string };
  readonly waiting?: { readonly reason?: string };
  readonly terminated?: { readonly startedAt?: string; readonly reason?: string };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface PodSpecContainer extends Container {
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
}

/** The parts of a pod's spec that are looked at. */
export interface RawPodSpec {
  readonly nodeName?: string;
  readonly hostNetwork?: boolean;
  readonly containers?: readonly PodSpecContainer[];
  readonly initContainers?: readonly PodSpecContainer[];
  readonly volumes?: readonly Volume[];
}

export interface RawPodStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly hostIP?: string;
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

export type PodDetails = Pick<FollowedPod, 'node' | 'address' | 'hostNetwork' | 'controller' | 'mounts' | 'sideBySide'>;

export const podDetails = (spec: RawPodSpec, status: RawPodStatus, owner: OwnerReference | undefined): PodDetails => {
  const sideBySide = [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ];
  const statuses = new Map(
    [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map((each) => [each.name, each]),
  );
  return {
    ...(spec.nodeName !== undefined && { node: spec.nodeName }),
    ...(status.podIP !== undefined && status.podIP !== '' && { address: status.podIP }),
    hostNetwork: spec.hostNetwork === true || (status.podIP !== undefined && status.podIP === status.hostIP),
    controller: { kind: owner?.kind ?? '', name: owner?.name ?? '', uid: owner?.uid ?? '' },
    mounts: (spec.volumes ?? []).flatMap((volume) => mountsOf(volume, sideBySide)),
    sideBySide: sideBySide.map((container) => containerOf(container, statuses.get(container.name))),
  };
};

const containerOf = (
  { name, ports = [] }: PodSpecContainer,
  { ready = false, state = {}, lastState = {} }: Omit<ContainerStatus, 'name'> = {},
): PodContainer => {
  const startedAt = Date.parse(state.running?.startedAt ?? '');
  const reason = state.waiting?.reason ?? state.terminated?.reason;
  const hasRun = state.terminated !== undefined || lastState.terminated !== undefined;
  return {
    name,
    state: state.running !== undefined ? 'Running' : hasRun ? 'Crashed' : 'Waiting',
    ready,
    ...(!Number.isNaN(startedAt) && { startedAt }),
    ...(reason !== undefined && { reason }),
    ports: new Map(
      ports.flatMap(({ name: portName, containerPort, protocol = 'TCP' }) =>
        portName === undefined || protocol !== 'TCP' ? [] : [[portName, containerPort] as const],
      ),
    ),
  };
};

interface Shown {
  readonly kind: SourceKind;
  readonly name: string | undefined;
  readonly items?: readonly { readonly key: string; readonly path: string }[] | undefined;
}

/** A volume that no container has whole is not of interest: the kubelet swaps its files, and nobody sees it. */
const mountsOf = (volume: Volume, sideBySide: readonly PodSpecContainer[]): readonly PodMount[] => {
  const containers = sideBySide.flatMap(({ name, volumeMounts = [] }) =>
    volumeMounts.flatMap(({ name: of, mountPath, subPath = '', subPathExpr = '' }) =>
      of === volume.name && mountPath !== undefined && isWhole(subPath) && isWhole(subPathExpr)
        ? [{ name, path: mountPath }]
        : [],
    ),
  );
  if (containers.length === 0) return [];
  const { plugin, shown } = shownBy(volume);
  return shown.flatMap(({ kind, name, items = [] }): readonly PodMount[] =>
    name === undefined
      ? []
      : [
          {
            volume: volume.name,
            plugin,
            source: sourceId({ kind, name }),
            ...(items.length > 0 && { files: new Map(items.map(({ key, path }) => [key, cleanPath(path)])) }),
            containers,
          },
        ],
  );
};

const shownBy = ({
  configMap,
  secret,
  projected,
}: Volume): { readonly plugin: PodMount['plugin']; readonly shown: readonly Shown[] } => {
  if (configMap !== undefined)
    return {
      plugin: 'kubernetes.io~configmap',
      shown: [{ kind: 'ConfigMap', name: configMap.name, items: configMap.items }],
    };
  if (secret !== undefined)
    return {
      plugin: 'kubernetes.io~secret',
      shown: [{ kind: 'Secret', name: secret.secretName, items: secret.items }],
    };
  return {
    plugin: 'kubernetes.io~projected',
    shown: (projected?.sources ?? []).flatMap((source): readonly Shown[] => [
      ...(source.configMap === undefined
        ? []
        : [{ kind: 'ConfigMap' as const, name: source.configMap.name, items: source.configMap.items }]),
      ...(source.secret === undefined
        ? []
        : [{ kind: 'Secret' as const, name: source.secret.name, items: source.secret.items }]),
    ]),
  };
};

/** `.` and `/` name the folder itself. */
const isWhole = (subPath: string): boolean => cleanPath(subPath) === '';

const cleanPath = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
