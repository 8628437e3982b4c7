import { bareDigest, type Digest } from './digest.ts';

/** The value of the restart annotation of a pod template, `v1.<n>.<digest>`. */
export interface RestartAnnotation {
  /** Counts the restarts that were issued for a workload: content that comes back still gets a new value. */
  readonly n: number;
  /** What the restart carried: a digest without its version. */
  readonly digest: string;
  /** Whether our own field manager put it there, not a person or another tool. */
  readonly ours: boolean;
}

const PATTERN = /^v1\.([0-9]{1,15})\.([0-9A-Za-z_-]{1,64})$/;

/** Reads the annotation's value; undefined where it is none of ours by form. */
export const parseRestartAnnotation = (value: string | undefined, ours: boolean): RestartAnnotation | undefined => {
  const [, n, digest] = PATTERN.exec(value ?? '') ?? [];
  return n === undefined || digest === undefined ? undefined : { n: Number(n), digest, ours };
};

export const formatRestartAnnotation = (n: number, digest: Digest): string => `v1.${n}.${bareDigest(digest)}`;
