/** The answer of `/-/reload`, version v1: what is loaded, never its content. */

import type { WatchedFile, WatchStatus } from './types.ts';

export interface Answer {
  /** 200 where everything watched is loaded, else 422. */
  readonly code: 200 | 422;
  readonly body: string;
}

/** In bytes. */
const LONGEST = 64 * 1024;

/** Where there are more files than the answer may hold, those without an error are left out first, and `omitted` tells how many. */
export function answerOf(statuses: readonly WatchStatus[]): Answer {
  const code = statuses.every(({ state }) => state === 'Loaded') ? 200 : 422;
  const files = statuses.flatMap((status) => status.files);
  const whole = bodyOf(files, 0);
  if (Buffer.byteLength(whole) <= LONGEST) return { code, body: whole };
  const kept: WatchedFile[] = [];
  // Room for what is around the files.
  let room = LONGEST - 100;
  for (const file of [...files].sort((a, b) => Number(b.error !== undefined) - Number(a.error !== undefined))) {
    room -= Buffer.byteLength(JSON.stringify(file)) + 1;
    if (room < 0) break;
    kept.push(file);
  }
  return { code, body: bodyOf(kept, files.length - kept.length) };
}

const bodyOf = (files: readonly WatchedFile[], omitted: number): string =>
  `${JSON.stringify({ reload: 'v1', files, ...(omitted > 0 && { omitted }) })}\n`;
