/** A folder with the pods' volumes of a node, as an agent sees it. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestContent } from '../../src/domain/digest.ts';
import type { Question } from '../../src/agent/protocol.ts';
import { createAtomicWriter, type AtomicWriter } from './atomic-writer.ts';

export const POD = '0b5d7f0e-3f1a-4c39-9a34-7a1d2a1c9f10';

export interface Volumes {
  readonly podsFolder: string;
  volume(name?: string, plugin?: Question['plugin']): { readonly folder: string; readonly writer: AtomicWriter };
  remove(): void;
}

export const createVolumes = (): Volumes => {
  const podsFolder = realpathSync(mkdtempSync(join(tmpdir(), 'pods-')));
  return {
    podsFolder,
    volume: (name = 'config', plugin = 'kubernetes.io~configmap') => {
      const folder = join(podsFolder, POD, 'volumes', plugin, name);
      mkdirSync(folder, { recursive: true });
      return { folder, writer: createAtomicWriter(folder) };
    },
    remove: () => {
      rmSync(podsFolder, { recursive: true });
    },
  };
};

/** Hoped-for files by their content; null: there is to be no such file. */
export const aQuestion = (
  files: Readonly<Record<string, string | null>>,
  rest: Partial<Omit<Question, 'files'>> = {},
): Question => ({
  pod: POD,
  volume: 'config',
  plugin: 'kubernetes.io~configmap',
  waitMs: 0,
  ...rest,
  files: Object.entries(files).map(([path, content]) => [path, content === null ? null : digestContent(content)]),
});
