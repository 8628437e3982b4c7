/**
 * The one source of this API: from these schemas come the CRDs in `crds/`, `types.gen.ts` and `docs/api.md`
 * (`make generate`). Descriptions, CEL rules and list types stand in them as metadata.
 */

import * as z from 'zod';
import { API_VERSION, RELOAD_POLICY, RELOAD_RECORD, RELOAD_REQUEST, type KindNames } from './names.ts';
import { reloadPolicySpecSchema } from './schema/policy-spec.ts';
import { reloadPolicyStatusSchema } from './schema/policy-status.ts';
import { reloadRecordSpecSchema, reloadRecordStatusSchema } from './schema/record.ts';
import { reloadRequestSpecSchema, reloadRequestStatusSchema } from './schema/request.ts';

export {
  reloadPolicySpecSchema,
  reloadPolicyStatusSchema,
  reloadRecordSpecSchema,
  reloadRecordStatusSchema,
  reloadRequestSpecSchema,
  reloadRequestStatusSchema,
};

const ownerReferenceSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().exactOptional(),
  blockOwnerDeletion: z.boolean().exactOptional(),
});

/** The part of an object's metadata that the operator reads; what the API server always sets is required. */
export const objectMetaSchema = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.int().exactOptional(),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().exactOptional(),
  labels: z.record(z.string(), z.string()).exactOptional(),
  annotations: z.record(z.string(), z.string()).exactOptional(),
  ownerReferences: z.array(ownerReferenceSchema).exactOptional(),
});

/** A ReloadPolicy as the API server serves it. Unknown fields are dropped, as the API server does. */
export const reloadPolicySchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(RELOAD_POLICY.kind),
  metadata: objectMetaSchema,
  spec: reloadPolicySpecSchema,
  status: reloadPolicyStatusSchema.exactOptional(),
});

/** A ReloadRecord as the API server serves it. Unknown fields are dropped, as the API server does. */
export const reloadRecordSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(RELOAD_RECORD.kind),
  metadata: objectMetaSchema,
  spec: reloadRecordSpecSchema,
  status: reloadRecordStatusSchema.exactOptional(),
});

/** A ReloadRequest as the API server serves it. Unknown fields are dropped, as the API server does. */
export const reloadRequestSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(RELOAD_REQUEST.kind),
  metadata: objectMetaSchema,
  spec: reloadRequestSpecSchema,
  status: reloadRequestStatusSchema.exactOptional(),
});

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 0 is shown always, 1 only by `kubectl get -o wide`. */
  readonly priority?: 0 | 1;
}

/** All that a CustomResourceDefinition is made of. */
export interface KindDefinition {
  readonly names: KindNames;
  readonly description: string;
  readonly spec: z.ZodObject;
  readonly status: z.ZodObject;
  /** Whether status is written through its own subresource, and apart from the rest. */
  readonly statusSubresource: boolean;
  readonly columns: readonly PrinterColumn[];
}

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'When the object was created.',
};

const ready = (field: string): string => `.status.conditions[?(@.type=="Ready")].${field}`;

export const KINDS: readonly KindDefinition[] = [
  {
    names: RELOAD_POLICY,
    description:
      'ReloadPolicy says how a change of configuration reaches the workloads of its namespace: hot, by one rolling restart, or not at all, per key.',
    spec: reloadPolicySpecSchema,
    status: reloadPolicyStatusSchema,
    statusSubresource: true,
    columns: [
      { name: 'Ready', type: 'string', jsonPath: ready('status'), description: 'Whether all is well.' },
      { name: 'Reason', type: 'string', jsonPath: ready('reason'), description: 'Why, in one word.' },
      { name: 'Last', type: 'string', jsonPath: '.status.last.action', description: 'The latest action.' },
      { name: 'Outcome', type: 'string', jsonPath: '.status.last.outcome', description: 'How far it got.' },
      { name: 'Pods', type: 'integer', jsonPath: '.status.last.pods', description: 'How many pods it reached.' },
      { name: 'Changed', type: 'date', jsonPath: '.status.last.time', description: 'When it was.' },
      AGE,
      { name: 'Message', type: 'string', jsonPath: ready('message'), description: 'Why, for people.', priority: 1 },
    ],
  },
  {
    names: RELOAD_RECORD,
    description:
      "ReloadRecord is the operator's memory of one workload: the content that is known to be applied to it, and its latest restart. The operator writes it; people read it.",
    spec: reloadRecordSpecSchema,
    status: reloadRecordStatusSchema,
    // Without a subresource the object and its content are born in one write: there is never a record that knows nothing.
    statusSubresource: false,
    columns: [
      { name: 'Kind', type: 'string', jsonPath: '.spec.workload.kind', description: 'Kind of the workload.' },
      { name: 'Workload', type: 'string', jsonPath: '.spec.workload.name', description: 'Name of the workload.' },
      {
        name: 'Phase',
        type: 'string',
        jsonPath: '.status.restart.phase',
        description: 'How far its latest restart got.',
      },
      { name: 'Reason', type: 'string', jsonPath: '.status.restart.reason', description: 'Why, in one word.' },
      { name: 'N', type: 'integer', jsonPath: '.status.restart.n', description: 'How many restarts there were.' },
      {
        name: 'Held',
        type: 'string',
        jsonPath: '.status.held.reason',
        description: 'What holds a change, if one waits.',
      },
      {
        name: 'Restarted',
        type: 'date',
        jsonPath: '.status.restart.issuedAt',
        description: 'When its latest restart began.',
      },
      AGE,
      {
        name: 'Until',
        type: 'string',
        jsonPath: '.status.held.until',
        description: 'When what waits goes on by itself.',
        priority: 1,
      },
      {
        name: 'Message',
        type: 'string',
        jsonPath: '.status.held.message',
        description: 'What holds a change, for people.',
        priority: 1,
      },
    ],
  },
  {
    names: RELOAD_REQUEST,
    description:
      "ReloadRequest is a person's one-shot wish for one workload: an approval, a rollback. kubectl reload makes them; whoever may create them may let changes through.",
    spec: reloadRequestSpecSchema,
    status: reloadRequestStatusSchema,
    statusSubresource: true,
    columns: [
      { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'What is wished for.' },
      { name: 'Kind', type: 'string', jsonPath: '.spec.workload.kind', description: 'Kind of the workload.' },
      { name: 'Workload', type: 'string', jsonPath: '.spec.workload.name', description: 'Name of the workload.' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'What became of it.' },
      { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Why, in one word.' },
      AGE,
      { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'Why, for people.', priority: 1 },
    ],
  },
];
