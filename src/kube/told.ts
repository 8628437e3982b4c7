/** The answer of an application that tells what it has loaded: the protocol `v1` of `/-/reload`. */

import type { NotifyAnswer } from '../controller/ports.ts';

type Told = Extract<NotifyAnswer, { readonly type: 'Told' }>;

const VERSION = 'v1';
const SHA256 = /^[0-9a-f]{64}$/i;

/** Undefined: it is something else. Entries that are not what the protocol says are left out. */
export const parseTold = (text: string): Told | undefined => {
  const answer = parseJson(text);
  if (!isRecord(answer) || answer['reload'] !== VERSION || !Array.isArray(answer['files'])) return undefined;
  const entries = answer['files'].flatMap((entry: unknown) => {
    if (!isRecord(entry) || typeof entry['path'] !== 'string') return [];
    const { path, sha256, error } = entry;
    const file = {
      ...(typeof sha256 === 'string' && SHA256.test(sha256) && { sha256 }),
      ...(typeof error === 'string' && { error }),
    };
    return [[path, file] as const];
  });
  return { type: 'Told', files: new Map(entries) };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
