import type { KeyInspection } from '../domain/inspection.ts';

/** What the worker says. It is told requests, one at a time. */
export type Answer =
  | { readonly type: 'Ready' }
  | { readonly type: 'Inspected'; readonly inspection: KeyInspection }
  /** An error of ours, not of the content: its name and where it was thrown. */
  | { readonly type: 'Failed'; readonly at: string };
