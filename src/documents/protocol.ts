import type { KeyInspection, KeyRequest } from '../domain/inspection.ts';

/** What the worker is told, one at a time. */
export interface Task {
  readonly request: KeyRequest;
  /** Why the content is not to be looked into: what is to be answered for that reason. */
  readonly refused?: string;
}

/** What the worker says. */
export type Answer =
  | { readonly type: 'Ready' }
  | { readonly type: 'Inspected'; readonly inspection: KeyInspection }
  /** An error of ours, not of the content: its name and where it was thrown. */
  | { readonly type: 'Failed'; readonly at: string };
