/**
 * What a pod template uses of ConfigMaps: which keys, in which container, by which way.
 * Only the way decides whether a change can be hot: a mounted file is refreshed by the kubelet, everything
 * else is fixed when the container starts.
 */

import type { SourceKind } from './selection.ts';

/** How a container gets at a key. */
export type Way =
  /** A file of a volume, which the kubelet keeps fresh. */
  | 'File'
  /** A file by `subPath` or `subPathExpr`: bound once, when the container starts. */
  | 'SubPath'
  /** An environment variable of `env.valueFrom`. */
  | 'Env'
  /** All keys as environment variables. */
  | 'EnvFrom'
  /** An environment variable that the command line takes up by `$(NAME)`. */
  | 'Args';

export interface Use {
  readonly source: { readonly kind: SourceKind; readonly name: string };
  /** The one key used; absent: every key. */
  readonly key?: string;
  readonly way: Way;
  readonly container: string;
  /** An init container that ends before the others start: it has read what it reads. */
  readonly init: boolean;
  /** Where false, a pod can't start without the object and the keys that `neededKeys` names. */
  readonly optional: boolean;
  /** The keys of all items of the volume that a subPath leads into: without one of them it can't be mounted. */
  readonly items?: readonly string[];
}

/**
 * The keys without which a container that uses them so can't start. A subPath that names no key of a volume without
 * items mounts an empty folder: it keeps no pod from starting.
 */
export const neededKeys = ({ key, way, items, optional }: Use): readonly string[] => {
  if (optional) return [];
  if (way === 'SubPath') return items ?? [];
  return key === undefined ? [] : [key];
};

/** The parts of a pod template that are looked at, as the API carries them. */
export interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly Volume[];
  };
}

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly configMapKeyRef?: KeyRef };
  }[];
  readonly envFrom?: readonly { readonly prefix?: string; readonly configMapRef?: ObjectRef }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly subPath?: string;
    readonly subPathExpr?: string;
  }[];
}
interface ObjectRef {
  readonly name?: string;
  readonly optional?: boolean;
}
interface KeyRef extends ObjectRef {
  readonly key: string;
}
interface ConfigMapProjection extends ObjectRef {
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}
interface Volume {
  readonly name: string;
  readonly configMap?: ConfigMapProjection;
  readonly projected?: { readonly sources?: readonly { readonly configMap?: ConfigMapProjection }[] };
}

/** Everything that a pod template uses of ConfigMaps. Ephemeral containers are never in a template. */
export const findUses = (template: PodTemplate): readonly Use[] => {
  const volumes = new Map((template.spec?.volumes ?? []).map((volume) => [volume.name, volume]));
  const usesOf = (container: Container, init: boolean): readonly Use[] => [
    ...fileUses(container, volumes, init),
    ...environmentUses(container, init),
  ];
  return [
    // A restartable init container (a sidecar) runs on beside the others.
    ...(template.spec?.initContainers ?? []).flatMap((container) =>
      usesOf(container, container.restartPolicy !== 'Always'),
    ),
    ...(template.spec?.containers ?? []).flatMap((container) => usesOf(container, false)),
  ];
};

const fileUses = (container: Container, volumes: ReadonlyMap<string, Volume>, init: boolean): readonly Use[] =>
  (container.volumeMounts ?? []).flatMap((mount) => {
    const subPath = cleanPath(mount.subPath ?? '');
    const way: Way = (mount.subPath ?? '') !== '' || (mount.subPathExpr ?? '') !== '' ? 'SubPath' : 'File';
    return projections(volumes.get(mount.name)).flatMap(({ name, optional = false, items }) => {
      if (name === undefined) return [];
      const use = { source: { kind: 'ConfigMap', name }, way, container: container.name, init, optional } as const;
      if (items !== undefined && items.length > 0) {
        // A subPath that names one item's file (or a folder above it) uses that item alone, but needs them all.
        const all = way === 'SubPath' ? { items: items.map(({ key }) => key) } : {};
        return items
          .filter(({ path }) => subPath === '' || `${cleanPath(path)}/`.startsWith(`${subPath}/`))
          .map(({ key }) => ({ ...use, key, ...all }));
      }
      return [subPath === '' ? use : { ...use, key: subPath }];
    });
  });

/** As the kubelet joins it to the volume's folder: `./a//b/` is `a/b`. The API refuses `..`. */
const cleanPath = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');

const projections = (volume: Volume | undefined): readonly ConfigMapProjection[] => [
  ...(volume?.configMap === undefined ? [] : [volume.configMap]),
  ...(volume?.projected?.sources ?? []).flatMap(({ configMap }) => (configMap === undefined ? [] : [configMap])),
];

const environmentUses = (container: Container, init: boolean): readonly Use[] => {
  const inArguments = expandedNames(container);
  const common = { container: container.name, init };
  const named = (container.env ?? []).flatMap(({ name: variable, valueFrom }): readonly Use[] => {
    const { name, key, optional = false } = valueFrom?.configMapKeyRef ?? {};
    if (name === undefined || key === undefined) return [];
    const way: Way = inArguments.has(variable) ? 'Args' : 'Env';
    return [{ ...common, source: { kind: 'ConfigMap', name }, key, way, optional }];
  });
  const whole = (container.envFrom ?? []).flatMap(({ prefix = '', configMapRef }): readonly Use[] => {
    const { name, optional = false } = configMapRef ?? {};
    if (name === undefined) return [];
    const source = { kind: 'ConfigMap', name } as const;
    const expanded = [...inArguments].filter((variable) => variable.startsWith(prefix));
    return [
      // Which of them the object holds is its own affair: a name that it lacks uses nothing.
      ...expanded.map(
        (variable) => ({ ...common, source, key: variable.slice(prefix.length), way: 'Args', optional: true }) as const,
      ),
      { ...common, source, way: 'EnvFrom', optional },
    ];
  });
  return [...named, ...whole];
};

/** The variables that `$(NAME)` in command, args or other variables' values takes up; `$$(NAME)` is an escape. */
const expandedNames = ({ command = [], args = [], env = [] }: Container): ReadonlySet<string> => {
  const names = new Set([...command, ...args].flatMap(namesIn));
  // A variable may be built from earlier ones: follow them back, the last first.
  for (const { name, value } of [...env].reverse()) {
    if (names.has(name) && value !== undefined) for (const inner of namesIn(value)) names.add(inner);
  }
  return names;
};

const namesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\$\$|\$\(([^()]*)\)/g)].flatMap(([, name]) => (name === undefined ? [] : [name]));
