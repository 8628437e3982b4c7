/** The schema of how a policy wants restarts done: when they may begin, in which order, and what follows a failure. */

import * as z from 'zod';
import { DEFAULTS } from '../defaults.ts';
import {
  duration,
  GROUP_FITS_KIND,
  listMapBy,
  objectName,
  validations,
  workloadGroup,
  workloadKind,
} from './fields.ts';

const window = z
  .object({
    name: z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
      .describe('What status and events call the window.'),
    type: z
      .enum(['Allow', 'Deny'])
      .meta({
        title: 'WindowType',
        description: `Allow: restarts begin only while such a window is open. Deny: none begins while it is. Default ${DEFAULTS['restart.windows[].type']}.`,
      })
      .exactOptional(),
    cron: z
      .string()
      .min(9)
      .max(128)
      .regex(/^[-0-9A-Za-z*,/?#]+( [-0-9A-Za-z*,/?#]+){4}$/)
      .describe('When it opens: minute, hour, day of month, month and day of week, as of a CronJob.'),
    duration: duration('1m', '168h', 'duration').describe('How long it stays open. From 1m to 168h.'),
    timeZone: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z0-9_+/-]+$/)
      .describe(
        `IANA name of the time zone that cron is written in, such as Europe/Berlin. Default ${DEFAULTS['restart.windows[].timeZone']}.`,
      )
      .exactOptional(),
  })
  .meta({ title: 'Window', description: 'A time in which restarts may begin, or may not.' });

const canary = z
  .object({
    workload: z
      .object({
        group: workloadGroup().exactOptional(),
        kind: workloadKind(),
        name: objectName().describe('Name of the workload.'),
      })
      .meta({
        title: 'CanaryWorkload',
        description: 'The workload that goes first. Set this or percent.',
        ...validations(GROUP_FITS_KIND),
      })
      .exactOptional(),
    percent: z
      .int()
      .min(1)
      .max(99)
      .meta({ format: 'int32' })
      .describe('The share of the bound workloads that goes first, by name, rounded up. Set this or workload.')
      .exactOptional(),
  })
  .meta({
    title: 'Canary',
    description: 'Which workloads are restarted before all others; those wait until these have succeeded.',
    ...validations({
      rule: 'has(self.workload) != has(self.percent)',
      message: 'a canary needs exactly one of workload and percent',
    }),
  });

const budget = z
  .object({
    restarts: z.int().min(1).max(100).meta({ format: 'int32' }).describe('How many restarts a workload may have.'),
    period: duration('1m', '168h', 'period').describe('Within this time. From 1m to 168h.'),
  })
  .meta({
    title: 'Budget',
    description:
      'The most restarts that a workload may have in a period; further ones wait, and the policy says so loudly. Restarts that cure a failed one are not held by it, but count.',
  });

export const restart = z
  .object({
    debounce: duration('0s', '10m', 'debounce')
      .describe(
        `How long content must have been still before a restart, so that a burst of edits is one restart. At most 10m; 0s restarts at once. Default ${DEFAULTS['restart.debounce']}.`,
      )
      .exactOptional(),
    cooldown: duration('0s', '24h', 'cooldown')
      .describe(
        `How long after a restart of a workload the next one may begin. At most 24h. Default ${DEFAULTS['restart.cooldown']}.`,
      )
      .exactOptional(),
    progressTimeout: duration('1s', '24h', 'progressTimeout')
      .describe(
        `How long a rollout may take before it counts as TimedOut. From 1s to 24h. Default ${DEFAULTS['restart.progressTimeout']}.`,
      )
      .exactOptional(),
    maxConcurrent: z
      .int()
      .min(1)
      .max(1000)
      .meta({ format: 'int32' })
      .describe('How many workloads of the policy may be rolling out at a time. Default: all of them.')
      .exactOptional(),
    budget: budget.exactOptional(),
    windows: z
      .array(window)
      .max(16)
      .meta({
        ...listMapBy('name'),
        description:
          'When restarts may begin. Several Allow windows add up, and a Deny window wins over them. Without an Allow window every time is allowed. Hot keys do not wait for windows.',
      })
      .exactOptional(),
    approval: z
      .enum(['Automatic', 'Manual'])
      .meta({
        title: 'Approval',
        description: `Manual: a restart waits until somebody approves exactly its content (kubectl reload approve); a newer change needs a new approval. Default ${DEFAULTS['restart.approval']}.`,
      })
      .exactOptional(),
    order: z
      .enum(['Parallel', 'Sequential'])
      .meta({
        title: 'Order',
        description: `Within a wave: all at once, or one after the other in the order of spec.workloads, and by name where that names none. The first failure stops those that are still to come. Default ${DEFAULTS['restart.order']}.`,
      })
      .exactOptional(),
    canary: canary.exactOptional(),
    rollouts: z
      .enum(['Template', 'RestartAt'])
      .meta({
        title: 'RolloutRestart',
        description: `How Argo Rollouts are restarted. Template: by an annotation of the pod template, which is a new revision that takes all canary or blue-green steps. RestartAt: by spec.restartAt, on which Argo Rollouts replaces the pods of the present revision without any steps. Where several policies bind a Rollout, RestartAt takes the word of all. Default ${DEFAULTS['restart.rollouts']}.`,
      })
      .exactOptional(),
    onFailure: z
      .enum(['Report', 'Undo', 'Rollback'])
      .meta({
        title: 'OnFailure',
        description: `What follows a rollout that failed or timed out. Report: it is said. Undo: the template's annotation is put back, so that pods that still run on the earlier content are kept; the source still holds the new one. Rollback (delivery Managed): the content that last succeeded is delivered again, and the workloads are rolled back to it. Default ${DEFAULTS['restart.onFailure']}.`,
      })
      .exactOptional(),
  })
  .meta({ title: 'RestartSettings', description: 'How restarts are done.' });
