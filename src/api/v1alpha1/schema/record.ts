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
    replaces: z
      .string()
      .max(253)
      .describe("The value that the template's annotation had before, which an undo puts back; absent: there was none.")
      .exactOptional(),
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
    digest: digest()
      .describe('Names the content that the restart would carry: what an approval is given for.')
      .exactOptional(),
    until: time().describe('When it will go on by itself; absent: when somebody or something acts.').exactOptional(),
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
    awaits: z
      .object({
        reason: reason().describe('What holds the restart, in one CamelCase word.'),
        digest: digest().describe('Names the content that the restart would carry: what an approval is given for.'),
      })
      .meta({
        title: 'AwaitedRestart',
        description: 'It was not proven in time, and a restart is due for it, which waits.',
      })
      .exactOptional(),
    places: z
      .array(z.string().max(STATUS_LIMITS.key).describe('A key, or a place in it, as in the history.'))
      .max(RECORD_LIMITS.historyKeys)
      .meta({ ...ATOMIC_LIST, description: 'The first 20 keys or places whose change it carries, for people.' }),
    changes: changes.meta({ ...ATOMIC_LIST, description: 'What it delivers.' }),
  })
  .meta({ title: 'RecordedDelivery', description: 'A hot change that is to be proven, or was not.' });

const snapshots = z
  .array(
    z
      .object({
        kind: sourceKind(),
        name: sourceName(),
        object: z.string().max(253).describe('Name of the live object.'),
        number: int64(1).describe('Number of the snapshot.'),
      })
      .meta({ title: 'SnapshotReference', description: 'One snapshot of a live object, and its source.' }),
  )
  .max(32);

const intent = z
  .object({
    n: int64(1).describe('The number of the restart, as it will stand in the annotation.'),
    digest: digest().describe('What it carries, as it will stand in the annotation.'),
    at: time().describe('When it was decided.'),
    snapshots: snapshots.meta({ ...ATOMIC_LIST, description: 'The contents that are being delivered.' }),
    keys: z
      .array(z.string().max(STATUS_LIMITS.key).describe('A key, or a place in it, as in the history.'))
      .max(RECORD_LIMITS.historyKeys)
      .meta({ ...ATOMIC_LIST, description: 'The first 20 keys or places that have changed, for people.' }),
    changes: changes.meta({ ...ATOMIC_LIST, description: 'What it carries.' }),
  })
  .meta({
    title: 'RecordedIntent',
    description: 'A restart with managed delivery that has begun: it is completed even if a gate closes.',
  });

const failed = z
  .object({
    n: int64(0).describe('The restart that failed.'),
    digest: digest().describe('Its content, which is not tried again by itself.'),
    at: time().describe('When it had failed.'),
    reason: reason().describe('Why, in one CamelCase word.'),
    message: message().describe('The same for people.').exactOptional(),
    undo: z
      .object({
        mode: z
          .enum(['Undo', 'Rollback'])
          .meta({ title: 'UndoMode', description: 'Undo: of the template alone; Rollback: of the content, too.' }),
        phase: z
          .enum(['Intended', 'InProgress', 'Succeeded', 'TimedOut'])
          .meta({ title: 'UndoPhase', description: 'How far it is.' }),
        at: time().describe('When it was decided.'),
        snapshots: snapshots
          .meta({ ...ATOMIC_LIST, description: 'For Rollback: the contents that are gone back to.' })
          .exactOptional(),
        message: message().describe('How it stands, for people.').exactOptional(),
      })
      .meta({ title: 'RecordedUndo', description: 'What was done about it.' })
      .exactOptional(),
    changes: changes.meta({ ...ATOMIC_LIST, description: 'What it carried.' }),
  })
  .meta({
    title: 'RecordedFailure',
    description: 'Content that failed and was undone: until it changes, or somebody asks for it, it is left alone.',
  });

const consent = (description: string) =>
  z
    .object({ digest: digest().describe('The content that is meant.'), at: time().describe('When it was seen.') })
    .meta({ title: 'RecordedConsent', description });

const answer = z
  .object({
    uid: z.string().max(64).describe('Uid of the ReloadRequest.'),
    phase: z.enum(['Done', 'Refused']).meta({ title: 'AnswerPhase', description: 'What became of it.' }),
    reason: reason().describe('Why, in one CamelCase word.').exactOptional(),
    message: message().describe('The same for people.').exactOptional(),
    at: time().describe('When.'),
  })
  .meta({ title: 'RecordedAnswer', description: 'A request that has had its effect, so that it never has it twice.' });

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
    intent: intent.exactOptional(),
    failed: failed.exactOptional(),
    approved: consent('Content that somebody has approved.').exactOptional(),
    opened: consent('Content for which somebody has opened every gate once.').exactOptional(),
    restartTimes: z
      .array(time().describe('When a restart was issued.'))
      .max(RECORD_LIMITS.restartTimes)
      .meta({ ...ATOMIC_LIST, description: 'The latest restarts, newest first, for cooldown and budget.' })
      .exactOptional(),
    budgetFrom: time()
      .describe('Restarts before this do not count for the budget: somebody has reset it.')
      .exactOptional(),
    answers: z
      .array(answer)
      .max(RECORD_LIMITS.answers)
      .meta({ ...ATOMIC_LIST, description: 'The latest requests that have had their effect, newest first.' })
      .exactOptional(),
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
