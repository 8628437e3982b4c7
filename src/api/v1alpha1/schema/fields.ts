/** Field schemas that several kinds share, each with the bounds that keep CEL rules and objects affordable. */

import * as z from 'zod';
import { DURATION_PATTERN } from '../duration.ts';
import { infoOf, KINDS, WORKLOAD_KINDS, type WorkloadKindName } from '../kinds.ts';
import { STATUS_LIMITS } from '../limits.ts';

/**
 * A CEL rule of the API server: what it demands of `self`, and the message that says what to do instead.
 * The reason FieldValueDuplicate is not among the choices: with it the API server leaves the message out.
 */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueForbidden';
}

export const validations = (...rules: readonly CelRule[]): Record<string, unknown> => ({
  'x-kubernetes-validations': rules,
});

/** A list that is replaced as a whole by whoever applies it. */
export const ATOMIC_LIST = { 'x-kubernetes-list-type': 'atomic' } as const;
/** A map that is replaced as a whole by whoever applies it, of at most `max` entries. */
export const atomicMap = (value: z.ZodString, max: number) =>
  z
    .record(z.string(), value)
    .refine((map) => Object.keys(map).length <= max, { error: `must have at most ${max} items` })
    .meta({ 'x-kubernetes-map-type': 'atomic', maxProperties: max });

/** A list whose items are told apart by these fields, so that appliers may own single items. */
export const listMapBy = (...keys: readonly string[]): Record<string, unknown> => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});

export const int32 = (min: number) => z.int().min(min).max(2_147_483_647).meta({ format: 'int32' });
export const int64 = (min: number) => z.int().min(min).max(Number.MAX_SAFE_INTEGER).meta({ format: 'int64' });

/** A duration between two others, which CEL compares. */
export const duration = (min: string, max: string, field: string) =>
  z
    .string()
    .max(24)
    .regex(DURATION_PATTERN)
    .meta({
      title: 'Duration',
      ...validations({
        rule: `duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
        message: `${field} must be between ${min} and ${max}`,
      }),
    });

/** RFC 3339, with a zone. */
export const time = () => z.iso.datetime({ offset: true }).max(64);

/** The name of an object: a DNS subdomain (RFC 1123), as Kubernetes demands of workloads and of ConfigMaps. */
export const objectName = () =>
  z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);

export const digest = () => z.string().max(64).describe('A digest, which begins with the version of its form.');
export const reason = () => z.string().max(128);
export const message = () => z.string().max(STATUS_LIMITS.message);

export const sourceKind = () =>
  z.enum(['ConfigMap', 'Secret']).meta({ title: 'SourceKind', description: 'Kind of the source.' });
export const workloadGroup = () =>
  z
    .enum([...new Set(Object.values(KINDS).map(({ group }) => group))])
    .meta({ title: 'WorkloadGroup', description: 'API group of the workload; the empty one of pods.' });
export const workloadKind = () =>
  z
    .enum(WORKLOAD_KINDS as readonly [WorkloadKindName, ...WorkloadKindName[]])
    .meta({ title: 'WorkloadKind', description: 'Kind of the workload.' });

/** For objects with a `kind` and, perhaps, a `group` of a workload. */
export const GROUP_FITS_KIND: CelRule = {
  rule: `!has(self.group) || self.group == {${WORKLOAD_KINDS.map((kind) => `'${kind}': '${infoOf(kind).group}'`).join(', ')}}[self.kind]`,
  message: 'group is not the API group of kind: leave group out',
};

export const action = () =>
  z.enum(['Hot', 'Restart']).meta({
    title: 'Action',
    description: 'What was done: Hot refreshed files of running pods, Restart began a rolling restart.',
  });
export const outcome = () =>
  z.enum(['InProgress', 'Succeeded', 'Failed', 'TimedOut', 'Blocked', 'Held', 'Observed']).meta({
    title: 'Outcome',
    description:
      'How far it got: InProgress, Succeeded, Failed, TimedOut, Blocked (something must be put right first), Held (it waits) or Observed (mode Observe: it was only said).',
  });

export const hotProof = () =>
  z.enum(['Nudged', 'Mounted', 'Loaded']).meta({
    title: 'HotProof',
    description:
      'How far a hot change must be known to have got before it counts as done: Nudged (kubelets were told), Mounted (the files of each pod have the content; needs the node agent) or Loaded (each application says that it runs on it; needs hot.notify).',
  });
export const deliveryPhase = () =>
  z.enum(['InProgress', 'Succeeded', 'TimedOut']).meta({
    title: 'DeliveryPhase',
    description: 'How far a hot change has got on its way to its proof.',
  });

/** The fields of a past action, shared by a policy's history and a record's. */
export const historyFields = {
  time: time().describe('When the action began, or when its outcome was last seen to change.'),
  action: action(),
  outcome: outcome(),
  reason: reason().describe('Why it ended so, in one CamelCase word.').exactOptional(),
  message: message().describe('Why it ended so, for people.').exactOptional(),
  keys: z
    .array(
      z
        .string()
        .max(STATUS_LIMITS.key)
        .describe('A key, as kind/source:key, or a place in it, as kind/source:key#/path.'),
    )
    .max(STATUS_LIMITS.keys)
    .meta({
      ...ATOMIC_LIST,
      description:
        'The first 20 keys or places whose change it carried: ConfigMap/app:flag, ConfigMap/app:config.yaml#/logging/level.',
    }),
  pods: int32(0).describe('How many pods it reached.'),
} as const;
