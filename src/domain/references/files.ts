/** What a container uses as files. A volume that no container mounts is not even set up by the kubelet. */

import type { SourceKind } from '../selection.ts';
import { literalValues, type Reader } from './environment.ts';
import { expand } from './expansion.ts';
import type { Container, Volume, VolumeMount } from './template.ts';
import { unknownWithin, type Use, type Way } from './use.ts';

export const fileUses = (container: Container, volumes: ReadonlyMap<string, Volume>, reader: Reader): readonly Use[] =>
  (container.volumeMounts ?? []).flatMap((mount) =>
    projections(volumes.get(mount.name)).flatMap((projection) =>
      projectionUses(projection, mount, partOf(mount, container), reader),
    ),
  );

interface Projected {
  readonly kind: SourceKind;
  readonly name: string;
  readonly optional: boolean;
  readonly items: readonly { readonly key: string; readonly path: string }[];
}

/** The part of a volume that a mount shows. */
interface Part {
  /** Below the volume's folder; the empty string: all of it. */
  readonly path: string;
  /** Bound when the container starts. The folder itself, by whatever name, is where the kubelet swaps files. */
  readonly fixed: boolean;
  /** Which part it is can't be told from the template. */
  readonly unknown?: true;
}

const projectionUses = (
  { kind, name, optional, items }: Projected,
  { mountPath = '' }: VolumeMount,
  { path, fixed, unknown }: Part,
  reader: Reader,
): readonly Use[] => {
  const way: Way = fixed ? 'SubPath' : 'File';
  const use = { ...reader, source: { kind, name }, way, optional } as const;
  if (items.length === 0) {
    if (path !== '') return [{ ...use, key: path, at: mountPath }];
    return [{ ...use, at: unknown === true ? mountPath : join(mountPath, '') }];
  }
  // A subPath that names one item's file (or a folder above it) uses that item alone, but needs them all.
  const all = fixed ? { items: items.map(({ key }) => key) } : {};
  return items.flatMap((item): readonly Use[] => {
    const file = cleanPath(item.path);
    if (path !== '' && !`${file}/`.startsWith(`${path}/`)) return [];
    const below = path === '' ? file : file.slice(path.length + 1);
    const at = unknown === true ? unknownWithin(mountPath) : below === '' ? mountPath : join(mountPath, below);
    return [{ ...use, key: item.key, at, ...all }];
  });
};

/** The kubelet's own link within a volume, to the folder of its present files. */
const PRESENT = /^\.\.data(\/|$)/;

const partOf = ({ subPath = '', subPathExpr = '' }: VolumeMount, container: Container): Part => {
  const values = subPathExpr === '' ? undefined : literalValues(container);
  const whole = values === undefined ? subPath : expand(subPathExpr, (name) => values.get(name));
  if (whole === undefined) return { path: '', fixed: true, unknown: true };
  const path = cleanPath(whole);
  return { path: path.replace(PRESENT, ''), fixed: path !== '' };
};

/** As the kubelet joins it to the volume's folder: `./a//b/` is `a/b`. The API refuses `..`. */
const cleanPath = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');

const join = (folder: string, path: string): string => `${folder.replace(/\/$/, '')}/${path}`;

const projections = (volume: Volume | undefined): readonly Projected[] => {
  if (volume === undefined) return [];
  const { configMap, secret, projected } = volume;
  return [
    ...projectedOf('ConfigMap', configMap),
    ...projectedOf('Secret', secret && { ...secret, name: secret.secretName }),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...projectedOf('ConfigMap', source.configMap),
      ...projectedOf('Secret', source.secret),
    ]),
  ];
};

const projectedOf = (
  kind: SourceKind,
  projection:
    | { readonly name?: string | undefined; readonly optional?: boolean; readonly items?: Projected['items'] }
    | undefined,
): readonly Projected[] => {
  const { name, optional = false, items = [] } = projection ?? {};
  return name === undefined ? [] : [{ kind, name, optional, items }];
};
