import type { LeafTable } from './documents.ts';
/** PLACEHOLDER */
export const changedPaths = (
  _before: LeafTable,
  _after: LeafTable,
  _most: number,
): { readonly paths: readonly string[]; readonly count: number } => ({ paths: [], count: 0 });
