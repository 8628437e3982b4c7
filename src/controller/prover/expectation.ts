/** What the files of one pod are to be, once a change has arrived: pure. */

import type { Digest } from '../../domain/digest.ts';
import type { SourceId, Workload } from '../../domain/observed.ts';
import type { ProofOrder } from '../../domain/proof.ts';
import { WHOLE } from '../../domain/rules.ts';
import type { PodMount } from '../ports.ts';

export interface ExpectedFile {
  readonly source: SourceId;
  readonly key: string;
  /** The empty string: there is to be no such file. */
  readonly digest: Digest | '';
}

export interface ExpectedVolume {
  readonly volume: string;
  readonly plugin: PodMount['plugin'];
  /** By the path within the volume; the empty one stands for all files of a source of which no values are read. */
  readonly files: ReadonlyMap<string, ExpectedFile>;
}

export interface Expectation {
  readonly volumes: readonly ExpectedVolume[];
  /** By container, and by the path within it; one that ends in a slash stands for all below it. */
  readonly containers: ReadonlyMap<string, ReadonlyMap<string, ExpectedFile>>;
}

/** What a pod mounts, with live objects told as the sources that they are rendered from. */
export const asSources = (mounts: readonly PodMount[], { live }: Pick<Workload, 'live'>): readonly PodMount[] =>
  live === undefined ? mounts : mounts.map((mount) => ({ ...mount, source: live.get(mount.source) ?? mount.source }));

export const expectationOf = (mounts: readonly PodMount[], expected: ProofOrder['expected']): Expectation => {
  const volumes = new Map<string, { plugin: PodMount['plugin']; files: Map<string, ExpectedFile> }>();
  const containers = new Map<string, Map<string, ExpectedFile>>();
  for (const mount of mounts) {
    for (const [path, file] of filesOf(mount, expected)) {
      const volume = volumes.get(mount.volume) ?? { plugin: mount.plugin, files: new Map<string, ExpectedFile>() };
      volumes.set(mount.volume, volume);
      volume.files.set(path, file);
      for (const container of mount.containers) {
        const files = containers.get(container.name) ?? new Map<string, ExpectedFile>();
        containers.set(container.name, files);
        files.set(`${container.path.replace(/\/+$/, '')}/${path}`, file);
      }
    }
  }
  return { volumes: [...volumes].map(([volume, rest]) => ({ volume, ...rest })), containers };
};

/** A later source of a projected volume stands above an earlier one with a file of the same name. */
const filesOf = (
  { source, files }: PodMount,
  expected: ProofOrder['expected'],
): readonly (readonly [path: string, ExpectedFile])[] =>
  [...(expected.get(source) ?? [])].flatMap(([key, digest]) => {
    const file: ExpectedFile = { source, key, digest };
    if (key === WHOLE) return [['', file] as const];
    if (files === undefined) return [[key, file] as const];
    const path = files.get(key);
    return path === undefined ? [] : [[path, file] as const];
  });

/** Equal texts: the same is expected. */
export const fingerprintOf = ({ volumes, containers }: Expectation): string =>
  JSON.stringify([
    volumes.map(({ volume, plugin, files }) => [volume, plugin, [...files].map(([path, file]) => [path, file])]),
    [...containers].map(([name, files]) => [name, [...files.keys()]]),
  ]);

export const isSecret = ({ source }: Pick<ExpectedFile, 'source'>): boolean => source.startsWith('Secret/');
