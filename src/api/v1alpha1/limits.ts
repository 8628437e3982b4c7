/** Limits of lists and texts in a status, for whoever writes one: the API server refuses what is over them. */

export const STATUS_LIMITS = {
  /** Longest `message` of a workload or of a history entry, in characters. */
  message: 1024,
  /** Longest `message` of a condition, in characters. */
  conditionMessage: 32_768,
  conditions: 16,
  sources: 64,
  /** Workloads listed; `workloadCount` tells how many there are. */
  workloads: 50,
  history: 10,
  /** Keys named by one history entry. */
  keys: 20,
  /** Longest entry of a history's `keys`, in characters. */
  key: 600,
  /** Keys of one workload listed as impossible to deliver hot. */
  impossible: 20,
  /** Longest entry of `impossible`, in characters. */
  impossibleKey: 1024,
  /** Things that are wrong with one source. */
  problems: 10,
  /** Longest of them, in characters. */
  problem: 1024,
  /** Pods of one workload listed as not proven. */
  missing: 10,
  /** Longest entry of them, in characters. */
  missingPod: 600,
  conflicts: 20,
  /** As many as a policy may render. */
  liveObjects: 32,
  notes: 5,
} as const;

export const RECORD_LIMITS = {
  sources: 256,
  /** Keys of one source. */
  keys: 20_000,
  history: 5,
  /** Keys named by one history entry. */
  historyKeys: 20,
  /** Times of restarts that are remembered, at most for the longest period of a budget. */
  restartTimes: 100,
  /** Requests whose answer is remembered, so that none takes effect twice. */
  answers: 10,
  /** Longest `message`, in characters. */
  message: 1024,
} as const;
