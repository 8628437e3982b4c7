/** What people ask for, once each, of one workload (ReloadRequest). */

/** A request that has not been answered in its own status. */
export interface Request {
  readonly name: string;
  readonly uid: string;
  readonly createdAt: number;
  readonly type: 'Approve' | 'RunNow' | 'Retry' | 'Rollback' | 'ResetBudget';
  /** For Approve, RunNow and Retry: the content that is meant. */
  readonly digest?: string;
  /** For Rollback. */
  readonly snapshot?: number;
  /** For Rollback: the live object that is meant; absent: the only one that has the snapshot. */
  readonly object?: string;
}

/** What became of a request. It is recorded before its status is written, so that it never has its effect twice. */
export interface Answer {
  readonly uid: string;
  readonly phase: 'Done' | 'Refused';
  readonly reason?: string;
  readonly message?: string;
  readonly at: number;
}
