/** The types of this API, as the API server serves its objects: with defaults filled in. */

import type { z } from 'zod';
import type { API_VERSION, RELOAD_POLICY, RELOAD_RECORD, RELOAD_REQUEST } from './names.ts';
import type {
  objectMetaSchema,
  reloadPolicySchema,
  reloadPolicySpecSchema,
  reloadRecordSchema,
  reloadRequestSchema,
} from './schema.ts';
import type * as generated from './types.gen.ts';

export type * from './types.gen.ts';

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The part of an object's metadata that the operator reads. */
export type ObjectMeta = DeepReadonly<z.output<typeof objectMetaSchema>>;

export interface ReloadPolicy {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof RELOAD_POLICY.kind;
  readonly metadata: ObjectMeta;
  readonly spec: generated.ReloadPolicySpec;
  readonly status?: generated.ReloadPolicyStatus;
}

export interface ReloadRecord {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof RELOAD_RECORD.kind;
  readonly metadata: ObjectMeta;
  readonly spec: generated.ReloadRecordSpec;
  readonly status?: generated.ReloadRecordStatus;
}

export interface ReloadRequest {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof RELOAD_REQUEST.kind;
  readonly metadata: ObjectMeta;
  readonly spec: generated.ReloadRequestSpec;
  readonly status?: generated.ReloadRequestStatus;
}

/** A policy's spec as people write it: what has a default may be left out. */
export type ReloadPolicySpecInput = DeepReadonly<z.input<typeof reloadPolicySpecSchema>>;

type ParsedPolicy = DeepReadonly<z.output<typeof reloadPolicySchema>>;
type ParsedRecord = DeepReadonly<z.output<typeof reloadRecordSchema>>;

type ParsedRequest = DeepReadonly<z.output<typeof reloadRequestSchema>>;

type AllRequired<T> = T extends object ? { readonly [K in keyof T]-?: AllRequired<T[K]> } : T;

/** True only if `A` can stand for `B`, and has every optional field that `B` has. */
type Covers<A, B> = [A] extends [B] ? ([AllRequired<A>] extends [AllRequired<B>] ? true : false) : false;
type Prove<T extends true> = T;

/** Compiles only while the schema and the types that were generated from its CRD say the same. */
export type Proof = [
  Prove<Covers<ParsedPolicy, ReloadPolicy>>,
  Prove<Covers<ReloadPolicy, ParsedPolicy>>,
  Prove<Covers<ParsedRecord, ReloadRecord>>,
  Prove<Covers<ReloadRecord, ParsedRecord>>,
  Prove<Covers<ParsedRequest, ReloadRequest>>,
  Prove<Covers<ReloadRequest, ParsedRequest>>,
];
