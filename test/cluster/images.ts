import type { Binaries } from './binaries.ts';
export async function ensureBaseImages(_b: Binaries, _log: (l: string) => void): Promise<string[]> {
  return Promise.resolve([]);
}
export async function ensureOperatorImage(_log: (l: string) => void): Promise<string> {
  return Promise.resolve('');
}
