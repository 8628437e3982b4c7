/** The schema of the operator's memory of one workload. */

import * as z from 'zod';
import { RECORD_LIMITS, STATUS_LIMITS } from '../limits.ts';
import {
  ATOMIC_LIST,
  atomicMap,
  deliveryPhase,
  digest,
  historyFields,
  hotProof,
  int32,
  int64,
  listMapBy,
  message,
  objectName,
  reason,
  sourceKind,
  time,
  validations,
  workloadGroup,
  workloadKind,
} from './fields.ts';

const keyDigests = (description: string) =>
  atomicMap(digest(), RECORD_LIMITS.keys).meta({ title: 'KeyDigests', description });

const sourceName = () => z.string().max(253).describe('Name of the source.');

const recordedSource = z
  .object({
    kind: sourceKind(),
    name: sourceName(),
    keys: keyDigests('The digest of each key that is known to be applied.'),
    immutableUid: z
      .string()
      .max(64)
      .describe('The uid of the source if it was immutable: kubelets never look at such an object again.')
      .exactOptional(),
  })
  .meta({ title: 'RecordedSource', description: 'The content of one source that is known to be applied.' });

const changes = z
  .array(
    z
      .object({
        kind: sourceKind(),
        name: sourceName(),
        keys: keyDigests('The digest that each key has moved to; an empty string means that the key is gone.'),
      })
      .meta({ title: 'SourceChange', description: 'Keys of one source that differ from what is applied.' }),
  )
  .max(RECORD_LIMITS.sources);

const restart = z
  .object({
    n: int64(0).describe(
      'Counts the restarts of the workload, as in the annotation of its pod template; 0: none was issued yet.',
    ),
    digest: digest().describe('Digest of what the restart carries, as in the annotation.'),
    origin: z.enum(['Issued', 'Foreign']).meta({
      title: 'RestartOrigin',
      description: "Issued by the operator, or Foreign: somebody else's rollout that carries the change.",
    }),
    issuedAt: time().describe('When the rollout began.'),
    carriesSince: time()
      .describe('What its containers must have started after to carry the change, where that is not issuedAt.')
      .exactOptional(),
    templateHash: z
      .string()
      .max(128)
      .describe('Hash of the pod template without the restart annotation, as it was then.'),
    phase: z
      .enum(['InProgress', 'Succeeded', 'Failed', 'TimedOut'])
      .meta({ title: 'RestartPhase', description: 'How far the rollout got.' }),
    reason: reason().describe('Why it is in that phase, in one CamelCase word.').exactOptional(),
    message: message().describe('The same for people.').exactOptional(),
    finishedAt: time().describe('When it ended.').exactOptional(),
    pods: int32(0).describe('How many pods run the new revision.').exactOptional(),
    changes: changes.meta({
      ...ATOMIC_LIST,
      description: 'What it carries beyond status.sources; it moves there when the rollout has succeeded.',
    }),
  })
  .meta({ title: 'RecordedRestart', description: 'The latest restart.' });

const held = z
  .object({
    since: time().describe('Since when content is known to differ from what is applied.'),
    changedAfter: time()
      .describe('It changed while nobody watched, at some time after this one; absent: it changed at `since`.')
      .exactOptional(),
    reason: reason().describe('What holds it, in one CamelCase word.'),
    message: message().describe('The same for people.').exactOptional(),
    changes: changes.meta({ ...ATOMIC_LIST, description: 'What waits.' }),
  })
  .meta({ title: 'RecordedHold', description: 'A change that waits.' });

const delivery = z
  .object({
    digest: digest().describe('Digest of the content that is delivered.'),
    proof: hotProof().describe('The proof that is demanded.'),
    startedAt: time().describe('When pods were told of it: its time runs from here.'),
    phase: deliveryPhase(),
    message: message().describe('Why it is in that phase, for people.').exactOptional(),
    finishedAt: time().describe('When it was proven, or its time was over.').exactOptional(),
    askAgainAt: time()
      .describe(
        'When applications are asked once more that may have read their files before those were refreshed: they can not tell what they have loaded, and nobody saw the files.',
      )
      .exactOptional(),
    places: z
      .array(z.string().max(STATUS_LIMITS.key).describe('A key, or a place in it, as in the history.'))
      .max(RECORD_LIMITS.historyKeys)
      .meta({ ...ATOMIC_LIST, description: 'The first 20 keys or places whose change it carries, for people.' }),
    changes: changes.meta({ ...ATOMIC_LIST, description: 'What it delivers.' }),
  })
  .meta({ title: 'RecordedDelivery', description: 'A hot change that is to be proven, or was not.' });

export const reloadRecordSpecSchema = z
  .object({
    workload: z
      .object({
        group: workloadGroup(),
        kind: workloadKind(),
        name: objectName().describe('Name of the workload.'),
        uid: z.string().min(1).max(64).describe('Its uid: a new uid is a new workload.'),
      })
      .meta({
        title: 'RecordedWorkload',
        description: 'The workload that the record is about.',
        ...validations({
          rule: 'self == oldSelf',
          message: 'a record belongs to one workload for good: delete it instead, the operator makes a new one',
        }),
      }),
  })
  .meta({ title: 'ReloadRecordSpec', description: 'Which workload the record is about.' });

export const reloadRecordStatusSchema = z
  .object({
    adoptedAt: time().describe('When the operator first saw the workload and took its content as applied.'),
    sources: z
      .array(recordedSource)
      .max(RECORD_LIMITS.sources)
      .meta({ ...listMapBy('kind', 'name'), description: 'The content that is known to be applied.' }),
    restart: restart.exactOptional(),
    held: held.exactOptional(),
    delivery: delivery.exactOptional(),
    history: z
      .array(z.object(historyFields).meta({ title: 'RecordedHistoryEntry', description: 'A past action.' }))
      .max(RECORD_LIMITS.history)
      .meta({ ...ATOMIC_LIST, description: 'The latest 5 actions, newest first.' })
      .exactOptional(),
  })
  .meta({
    title: 'ReloadRecordStatus',
    description: "The operator's memory. Deleting it makes the operator take the workload as it is, as at first sight.",
  });
