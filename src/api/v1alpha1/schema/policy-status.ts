/** The schema of what the operator reports about a ReloadPolicy. It is derived: wiping it has no effect. */

import * as z from 'zod';
import { STATUS_LIMITS } from '../limits.ts';
import {
  ATOMIC_LIST,
  action,
  deliveryPhase,
  digest,
  historyFields,
  hotProof,
  int32,
  int64,
  listMapBy,
  message,
  outcome,
  reason,
  sourceKind,
  time,
  workloadGroup,
  workloadKind,
} from './fields.ts';

const condition = z
  .object({
    type: z
      .string()
      .max(316)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
      )
      .describe('Type of the condition, in CamelCase.'),
    status: z
      .enum(['True', 'False', 'Unknown'])
      .meta({ title: 'ConditionStatus', description: 'Whether the condition holds.' }),
    observedGeneration: int64(0).describe('The metadata.generation that the condition was set for.').exactOptional(),
    lastTransitionTime: time().describe('When the status of the condition last moved.'),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe('Why the condition has its status, in one CamelCase word.'),
    message: z.string().max(STATUS_LIMITS.conditionMessage).describe('The same for people; may be empty.'),
  })
  .meta({ title: 'Condition', description: 'One aspect of the present state.' });

const lastAction = z
  .object({
    action: action(),
    outcome: outcome(),
    pods: int32(0).describe('How many pods it reached.'),
    time: time().describe('When it began, or when its outcome was last seen to change.'),
  })
  .meta({ title: 'LastAction', description: 'The latest action for any workload of the policy.' });

const sourceStatus = z
  .object({
    kind: sourceKind(),
    name: z.string().max(253).describe('Name of the source.'),
    state: z.enum(['Present', 'Invalid', 'Missing', 'Unreadable', 'Ignored', 'Unknown']).meta({
      title: 'SourceState',
      description:
        'Present; Invalid (its content is not what spec.validation demands); Missing (it does not exist); Unreadable (reading it failed); Ignored (its annotation opts it out); Unknown (not read yet).',
    }),
    digest: digest().describe('Digest of all its keys and their content.').exactOptional(),
    keys: int32(0).describe('How many keys it has.').exactOptional(),
    problems: z
      .array(
        z.string().max(STATUS_LIMITS.problem).describe('A key, a place in it where there is one, and what is wrong.'),
      )
      .max(STATUS_LIMITS.problems)
      .meta({
        ...ATOMIC_LIST,
        description:
          'The first 10 things that are wrong with its content: what spec.validation refuses, and documents that rules look into but that do not parse.',
      })
      .exactOptional(),
  })
  .meta({ title: 'SourceStatus', description: 'What is known of one source.' });

const delivery = z
  .object({
    digest: digest().describe('Digest of the content that is delivered.'),
    proof: hotProof().describe('The proof that is demanded.'),
    phase: deliveryPhase(),
    pods: int32(0).describe(
      'How many pods it is about. While it is InProgress, the counts below move in steps of a tenth of them.',
    ),
    mounted: int32(0).describe('How many have the content in their files, for certain.').exactOptional(),
    notified: int32(0).describe('How many were asked to reload and accepted.').exactOptional(),
    loaded: int32(0).describe('How many run on the content, as they say.').exactOptional(),
    missing: z
      .array(z.string().max(STATUS_LIMITS.missingPod).describe('A pod, and what stands in the way.'))
      .max(STATUS_LIMITS.missing)
      .meta({
        ...ATOMIC_LIST,
        description:
          'The first 10 pods that are not proven, each with the reason; while it is InProgress, those for which something stands in the way.',
      })
      .exactOptional(),
  })
  .meta({
    title: 'DeliveryStatus',
    description: 'How far a hot change has got that is to be proven; gone once it is.',
  });

const workloadStatus = z
  .object({
    group: workloadGroup(),
    kind: workloadKind(),
    name: z.string().max(253).describe('Name of the workload.'),
    state: z
      .enum([
        'Adopted',
        'UpToDate',
        'Pending',
        'Restarting',
        'Reloading',
        'Held',
        'Blocked',
        'Failed',
        'TimedOut',
        'Unmatched',
        'Ignored',
        'Error',
      ])
      .meta({
        title: 'WorkloadState',
        description:
          'Adopted (taken as it was found); UpToDate; Pending (a change is debounced); Restarting; Reloading; Held (a change waits); Blocked (something must be put right first); Failed or TimedOut (the latest rollout, or a hot change that was not proven in time); Unmatched (named by the policy but not found, or it consumes no source); Ignored (its annotation opts it out); Error.',
      }),
    reason: reason().describe('Why it is in that state, in one CamelCase word.').exactOptional(),
    message: message().describe('The same for people.').exactOptional(),
    until: time().describe('Held: when it will go on by itself.').exactOptional(),
    hot: int32(0).describe('How many keys reach it hot.').exactOptional(),
    restart: int32(0).describe('How many keys need a restart of it.').exactOptional(),
    impossible: z
      .array(z.string().max(STATUS_LIMITS.impossibleKey).describe('A key and what stands in the way.'))
      .max(STATUS_LIMITS.impossible)
      .meta({
        ...ATOMIC_LIST,
        description:
          "The first 20 keys declared Hot that can't be hot here, with the reason: ConfigMap/app:flag: env of container main.",
      })
      .exactOptional(),
    delivery: delivery.exactOptional(),
    conflicts: z
      .array(z.string().max(STATUS_LIMITS.impossibleKey).describe('A key, and what each policy declares.'))
      .max(STATUS_LIMITS.conflicts)
      .meta({
        ...ATOMIC_LIST,
        description:
          'The first 20 keys for which another policy that binds the workload declares another class. The stricter one decides: Restart before Hot before Ignore.',
      })
      .exactOptional(),
    notes: z
      .array(z.string().max(STATUS_LIMITS.impossibleKey).describe('A sentence.'))
      .max(STATUS_LIMITS.notes)
      .meta({
        ...ATOMIC_LIST,
        description: 'What is not followed: CSI volumes with secrets, for one.',
      })
      .exactOptional(),
  })
  .meta({ title: 'WorkloadStatus', description: 'What is known of one bound workload.' });

const liveObjectStatus = z
  .object({
    kind: sourceKind(),
    name: z.string().max(253).describe('Name of the live object.'),
    state: z.enum(['Rendered', 'Missing', 'Contested', 'Blocked']).meta({
      title: 'LiveObjectState',
      description:
        'Rendered (it holds what it is to hold, or is about to); Missing (it is about to be made); Contested (somebody else keeps changing it, and it is put back less and less often); Blocked (it can not be rendered).',
    }),
    message: message().describe('What stands in the way, for people.').exactOptional(),
    snapshot: int32(0).describe('Number of the snapshot that it is of.').exactOptional(),
    putBack: z
      .object({
        change: z.enum(['Edited', 'Deleted']).meta({ title: 'LiveObjectChange', description: 'What was done to it.' }),
        by: z.string().max(128).describe('Who did it: the name of a field manager.').exactOptional(),
        time: time().describe('When it was put back.'),
        times: int32(1).describe('How often in a row it had to be.'),
      })
      .meta({
        title: 'PutBack',
        description: 'The latest time that somebody else had edited or deleted it, and it was put back.',
      })
      .exactOptional(),
  })
  .meta({ title: 'LiveObjectStatus', description: 'What is known of one object that the operator renders.' });

const historyEntry = z
  .object({
    ...historyFields,
    workload: z.string().max(270).describe('The workload, as kind/name.'),
  })
  .meta({ title: 'HistoryEntry', description: 'A past action.' });

export const reloadPolicyStatusSchema = z
  .object({
    observedGeneration: int64(0).describe('The metadata.generation that the status is about.').exactOptional(),
    conditions: z
      .array(condition)
      .max(STATUS_LIMITS.conditions)
      .meta({
        ...listMapBy('type'),
        description:
          'Ready sums up; SourcesValid, HotReloaded and RolledOut tell its parts. Reconciling and Stalled are there only while True.',
      })
      .exactOptional(),
    last: lastAction.exactOptional(),
    sources: z
      .array(sourceStatus)
      .max(STATUS_LIMITS.sources)
      .meta({ ...listMapBy('kind', 'name'), description: 'What is known of each source.' })
      .exactOptional(),
    liveObjects: z
      .array(liveObjectStatus)
      .max(STATUS_LIMITS.liveObjects)
      .meta({
        ...listMapBy('kind', 'name'),
        description: 'What is known of each object that is rendered; delivery Managed.',
      })
      .exactOptional(),
    workloadCount: int32(0).describe('How many workloads the policy binds.').exactOptional(),
    workloads: z
      .array(workloadStatus)
      .max(STATUS_LIMITS.workloads)
      .meta({
        ...listMapBy('group', 'kind', 'name'),
        description: 'The first 50 workloads, those that need attention before the others.',
      })
      .exactOptional(),
    history: z
      .array(historyEntry)
      .max(STATUS_LIMITS.history)
      .meta({ ...ATOMIC_LIST, description: 'The latest 10 actions, newest first.' })
      .exactOptional(),
  })
  .meta({
    title: 'ReloadPolicyStatus',
    description: 'What the operator sees and does, derived from the records of the workloads. Wiping it has no effect.',
  });
