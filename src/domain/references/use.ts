import type { SourceKind } from '../selection.ts';

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

/** One way in which one container uses a source. There are many of them: they carry no more than is asked for. */
export interface Use {
  readonly source: { readonly kind: SourceKind; readonly name: string };
  /** The one key used; absent: every key. */
  readonly key?: string;
  /** Keys that are not used after all: variables of the same names stand above them. */
  readonly except?: readonly string[];
  readonly way: Way;
  readonly container: string;
  /** An init container that ends before the others start: it has read what it reads. */
  readonly init: boolean;
  /** An init container that runs on beside the others. */
  readonly sidecar?: true;
  /**
   * Where the container finds it: of files the path, without a key that of the folder with a slash at its end (without
   * one, the mount's path: the rest can't be told); of variables the name; of `EnvFrom` the prefix of the names. See
   * `placeOf`.
   */
  readonly at?: string;
  /** Where false, a pod can't start without the object and the keys that `neededKeys` names. */
  readonly optional: boolean;
  /** The keys of all items of the volume that a subPath leads into: without one of them it can't be mounted. */
  readonly items?: readonly string[];
}

/** Whether a use of the key's source takes up the key. */
export const usesKey = ({ key: only, except }: Use, key: string): boolean =>
  only === undefined ? except?.includes(key) !== true : only === key;

/**
 * The keys without which a container that uses them so can't start. A subPath that names no key of a volume without
 * items mounts an empty folder: it keeps no pod from starting.
 */
export const neededKeys = ({ key, way, items, optional }: Use): readonly string[] => {
  if (optional) return [];
  if (way === 'SubPath') return items ?? [];
  return key === undefined ? [] : [key];
};

/** A file that a mount shows under this path, if at all: its subPathExpr decides. */
export const unknownWithin = (mountPath: string): string => `${mountPath} (by its subPathExpr)`;

/** Where a container finds a key that it uses: `/etc/app/config.yaml`, `env FLAG` or `argument via $(FLAG)`. */
export const placeOf = ({ way, at = '', key: only }: Use, key: string): string => {
  switch (way) {
    case 'File':
    case 'SubPath':
      if (only !== undefined) return at;
      return at.endsWith('/') ? `${at}${key}` : unknownWithin(at);
    case 'Env':
      return `env ${at}`;
    case 'EnvFrom':
      return `env ${at}${key}`;
    case 'Args':
      return `argument via $(${at})`;
  }
};

/** `container main`, `sidecar proxy`, `init container setup`. */
export const readerOf = ({ container, init, sidecar }: Pick<Use, 'container' | 'init' | 'sidecar'>): string => {
  if (init) return `init container ${container}`;
  return `${sidecar === true ? 'sidecar' : 'container'} ${container}`;
};
