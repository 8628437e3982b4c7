/**
 * What a pod template uses of ConfigMaps and Secrets: which keys, in which container, by which way.
 * Only the way decides whether a change can be hot: a mounted file is refreshed by the kubelet, everything
 * else is fixed when the container starts.
 */

import { environmentUses, type Reader } from './references/environment.ts';
import { fileUses } from './references/files.ts';
import type { Container, PodTemplate } from './references/template.ts';
import type { Use } from './references/use.ts';

export type { PodTemplate } from './references/template.ts';
export { neededKeys, placeOf, readerOf, usesKey, type Use, type Way } from './references/use.ts';

/**
 * Everything that a pod template uses of ConfigMaps and Secrets. Ephemeral containers are never in a template, and
 * imagePullSecrets are credentials of the kubelet's, not content.
 */
export const findUses = ({ spec = {} }: PodTemplate): readonly Use[] => {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return containersOf(spec).flatMap(([container, reader]) => [
    ...fileUses(container, volumes, reader),
    ...environmentUses(container, reader),
  ]);
};

const containersOf = ({
  initContainers = [],
  containers = [],
}: NonNullable<PodTemplate['spec']>): readonly (readonly [Container, Reader])[] => [
  ...initContainers.map((container) => [container, initReader(container)] as const),
  ...containers.map((container) => [container, { container: container.name, init: false }] as const),
];

/** A restartable init container (a sidecar) runs on beside the others. */
const initReader = ({ name, restartPolicy }: Container): Reader =>
  restartPolicy === 'Always' ? { container: name, init: false, sidecar: true } : { container: name, init: true };

/** The names of the TCP ports that containers declare, by container; those that declare none are left out. */
export const findPorts = ({ spec = {} }: PodTemplate): ReadonlyMap<string, readonly string[]> =>
  new Map(
    containersOf(spec).flatMap(([{ name, ports = [] }]) => {
      const named = ports.flatMap((port) =>
        port.name === undefined || (port.protocol ?? 'TCP') !== 'TCP' ? [] : [port.name],
      );
      return named.length === 0 ? [] : [[name, named] as const];
    }),
  );

/** The secrets-store drivers, also as cloud providers name theirs. */
const DELIVERS_SECRETS = /^secrets-store[-.]/;

/**
 * What a pod template gets delivered from elsewhere, in sentences: no watch of ours sees it change.
 * Volumes that no container mounts deliver nothing.
 */
export const findUnfollowed = ({ spec = {} }: PodTemplate): readonly string[] => {
  const mounted = new Set(
    containersOf(spec).flatMap(([{ volumeMounts = [] }]) => volumeMounts.map(({ name }) => name)),
  );
  return (spec.volumes ?? []).flatMap(({ name, csi }) =>
    csi !== undefined && mounted.has(name) && DELIVERS_SECRETS.test(csi.driver)
      ? [`volume ${name} (CSI driver ${csi.driver}) is not followed: changes of what it delivers are not seen`]
      : [],
  );
};
