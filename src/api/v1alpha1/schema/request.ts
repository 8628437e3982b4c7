/** The schema of a person's one-shot wish. Who may create such objects may let changes through: a right of its own. */

import * as z from 'zod';
import {
  GROUP_FITS_KIND,
  digest,
  int32,
  message,
  objectName,
  reason,
  time,
  validations,
  workloadGroup,
  workloadKind,
} from './fields.ts';

export const reloadRequestSpecSchema = z
  .object({
    type: z.enum(['Approve', 'RunNow', 'Retry', 'Rollback', 'ResetBudget']).meta({
      title: 'RequestType',
      description:
        'Approve: let the restart for this content begin as far as approval goes. RunNow: open every gate for it once (not suspend, and nothing that is blocked). Retry: try content again that failed. Rollback (delivery Managed): go back to a snapshot. ResetBudget: forget the restarts so far.',
    }),
    workload: z
      .object({
        group: workloadGroup().exactOptional(),
        kind: workloadKind(),
        name: objectName().describe('Its name.'),
      })
      .meta({
        title: 'RequestedWorkload',
        description: "The workload, in the request's namespace.",
        ...validations(GROUP_FITS_KIND),
      }),
    digest: digest()
      .min(1)
      .regex(/^[0-9A-Za-z_-]+$/)
      .describe(
        'For Approve, RunNow and Retry: the content that is meant, as status.held.digest or status.failed.digest of the record names it. For other content the request counts for nothing.',
      )
      .exactOptional(),
    snapshot: int32(1).describe('For Rollback: the number of the snapshot.').exactOptional(),
    object: objectName()
      .describe(
        'For Rollback: name of the live object that is to go back. Each has numbers of its own: without it, only one of those that the workload reads may have a snapshot of that number.',
      )
      .exactOptional(),
  })
  .meta({
    title: 'ReloadRequestSpec',
    description: 'What is wished for.',
    ...validations(
      { rule: 'self == oldSelf', message: 'a request is never changed: create another one' },
      {
        rule: "has(self.digest) == (self.type in ['Approve', 'RunNow', 'Retry'])",
        message: 'Approve, RunNow and Retry need a digest, and the other types take none',
      },
      {
        rule: "has(self.snapshot) == (self.type == 'Rollback')",
        message: 'Rollback needs a snapshot, and the other types take none',
      },
      {
        rule: "!has(self.object) || self.type == 'Rollback'",
        message: 'object is for type Rollback',
      },
    ),
  });

export const reloadRequestStatusSchema = z
  .object({
    phase: z.enum(['Pending', 'Done', 'Refused']).meta({
      title: 'RequestPhase',
      description: 'Pending: it waits for something; Done: it has had its effect; Refused: it can have none.',
    }),
    reason: reason().describe('Why, in one CamelCase word.').exactOptional(),
    message: message().describe('The same for people.').exactOptional(),
    time: time().describe('When it came into that phase.'),
  })
  .meta({
    title: 'ReloadRequestStatus',
    description: 'What became of it. The object is removed an hour after it was Done or Refused.',
  });
