/** The schema of what users write into a ReloadPolicy. */

import * as z from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { DURATION_PATTERN } from '../duration.ts';
import { ATOMIC_LIST, atomicMap, objectName, sourceKind, validations, workloadGroup, workloadKind } from './fields.ts';

const reloadClass = () => z.enum(['Hot', 'Restart', 'Ignore']).meta({ title: 'ReloadClass' });

const sourceReference = (description: string) =>
  z
    .object({
      kind: sourceKind(),
      name: objectName().describe("Name of the source, in the policy's namespace."),
    })
    .meta({ title: 'SourceReference', description });

const sources = z
  .array(sourceReference('An object whose keys are watched.'))
  .min(1)
  .max(64)
  .meta({
    ...ATOMIC_LIST,
    ...validations({
      rule: 'self.all(a, self.exists_one(b, a.kind == b.kind && a.name == b.name))',
      message: 'sources names the same object twice: remove the repeated entry',
    }),
    description:
      "The ConfigMaps of the policy's namespace whose changes matter. A source need not exist yet; until it does, the workloads that consume it are not restarted.",
  });

const labelValue = () =>
  z
    .string()
    .max(63)
    .regex(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/)
    .describe('A label value.');

const requirement = z
  .object({
    key: z
      .string()
      .min(1)
      .max(316)
      .regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/)
      .describe('The label that the requirement is about.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .meta({ title: 'LabelSelectorOperator', description: 'How the label relates to the values.' }),
    values: z
      .array(labelValue())
      .min(1)
      .max(64)
      .meta({ ...ATOMIC_LIST, description: 'The values for In and NotIn; left out for Exists and DoesNotExist.' })
      .exactOptional(),
  })
  .meta({
    title: 'LabelSelectorRequirement',
    description: 'One demand on a label.',
    ...validations(
      {
        rule: "!(self.operator in ['In', 'NotIn']) || has(self.values)",
        message: 'operators In and NotIn need values: list at least one',
        reason: 'FieldValueRequired',
      },
      {
        rule: "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values)",
        message: 'operators Exists and DoesNotExist take no values: remove them, or use In or NotIn',
        reason: 'FieldValueForbidden',
      },
    ),
  });

const labelSelector = z
  .object({
    matchLabels: atomicMap(labelValue(), 32)
      .meta({
        title: 'MatchLabels',
        description: 'Labels with the values that a workload must carry.',
        ...validations({
          rule: 'self.all(key, !format.qualifiedName().validate(key).hasValue())',
          message:
            'matchLabels has a key that is no label: write name or prefix/name, at most 63 characters of letters, digits, ".", "_", "-" in the name',
        }),
      })
      .exactOptional(),
    matchExpressions: z
      .array(requirement)
      .min(1)
      .max(32)
      .meta({ ...ATOMIC_LIST, description: "Demands on a workload's labels; all must hold." })
      .exactOptional(),
  })
  .meta({
    title: 'LabelSelector',
    ...validations({
      rule: '(has(self.matchLabels) && self.matchLabels.size() > 0) || has(self.matchExpressions)',
      message: 'an empty selector would bind everything; leave workloads out to bind every consumer',
      reason: 'FieldValueRequired',
    }),
  });

const workloadReference = z
  .object({
    group: workloadGroup()
      .describe(`API group of the workload. Default ${DEFAULTS['workloads[].group']}.`)
      .exactOptional(),
    kind: workloadKind(),
    name: objectName()
      .describe("Name of one workload in the policy's namespace. Set this or selector.")
      .exactOptional(),
    selector: labelSelector
      .describe('Labels of the workloads themselves, not of their pods. Set this or name.')
      .exactOptional(),
  })
  .meta({
    title: 'WorkloadReference',
    description: 'One workload by name, or every workload of a kind by label.',
    ...validations({
      rule: 'has(self.name) != has(self.selector)',
      message: 'a workload needs exactly one of name and selector',
    }),
  });

const workloads = z
  .array(workloadReference)
  .max(64)
  .meta({
    ...ATOMIC_LIST,
    ...validations(
      {
        rule: 'self.size() > 0',
        message: 'an empty list would bind nothing; leave workloads out to bind every workload that consumes a source',
        reason: 'FieldValueRequired',
      },
      {
        rule: 'self.all(a, !has(a.name) || self.exists_one(b, has(b.name) && a.kind == b.kind && a.name == b.name))',
        message: 'workloads names the same workload twice: remove the repeated entry',
      },
    ),
    description:
      'The workloads that the policy binds. Left out: every workload of the namespace that consumes one of the sources.',
  });

const rule = z
  .object({
    keys: z
      .array(
        z
          .string()
          .min(1)
          .max(253)
          .regex(/^[-._a-zA-Z0-9*?]+$/)
          .describe('A key, or a glob: * stands for any characters, ? for one.'),
      )
      .min(1)
      .max(64)
      .meta({
        ...ATOMIC_LIST,
        description: 'The keys that the rule is about, whole keys only: "*.yaml" matches "app.yaml".',
      }),
    class: reloadClass().describe(
      'What a change of such a key needs: Hot (refresh the files of running pods), Restart (a rolling restart) or Ignore (nothing).',
    ),
    from: z
      .array(sourceReference('One of spec.sources.'))
      .min(1)
      .max(64)
      .meta({ ...ATOMIC_LIST, description: 'Only keys of these sources. Left out: keys of every source.' })
      .exactOptional(),
  })
  .meta({ title: 'ReloadRule', description: 'Gives keys a class.' });

/** `min` and `max` are durations too; the API server refuses what lies outside. */
const duration = (min: string, max: string, field: string) =>
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

const hot = z
  .object({
    onImpossible: z
      .enum(['Restart', 'Report'])
      .meta({
        title: 'OnImpossible',
        description: `What to do with a changed Hot key that a workload can't take hot, because it reads it through an environment variable, an argument, a subPath or an init container: Restart it, or only Report. Default ${DEFAULTS['hot.onImpossible']}.`,
      })
      .exactOptional(),
  })
  .meta({ title: 'HotSettings', description: 'How changes of class Hot are delivered.' });

const restart = z
  .object({
    debounce: duration('0s', '10m', 'debounce')
      .describe(
        `How long content must have been still before a restart, so that a burst of edits is one restart. At most 10m; 0s restarts at once. Default ${DEFAULTS['restart.debounce']}.`,
      )
      .exactOptional(),
    progressTimeout: duration('1s', '24h', 'progressTimeout')
      .describe(
        `How long a rollout may take before it counts as TimedOut. From 1s to 24h. Default ${DEFAULTS['restart.progressTimeout']}.`,
      )
      .exactOptional(),
  })
  .meta({ title: 'RestartSettings', description: 'How restarts are done.' });

export const reloadPolicySpecSchema = z
  .object({
    sources,
    workloads: workloads.exactOptional(),
    rules: z
      .array(rule)
      .max(64)
      .meta({
        ...ATOMIC_LIST,
        description: 'For each key the first rule that matches counts. At most 256 globs in all.',
        ...validations({
          rule: 'self.map(r, r.keys.size()).sum() <= 256',
          message: 'the rules have more than 256 globs in all: use fewer, wider ones, or several policies',
        }),
      })
      .exactOptional(),
    defaultClass: reloadClass().describe('The class of keys that no rule matches.').default('Restart'),
    suspend: z
      .boolean()
      .describe(
        'While true nothing is done for this policy. What changed meanwhile is acted on when it is false again.',
      )
      .default(false),
    hot: hot.exactOptional(),
    restart: restart.exactOptional(),
  })
  .meta({
    title: 'ReloadPolicySpec',
    description: 'What to watch, what to bind, and what a change of each key needs.',
    ...validations({
      rule: '!has(self.rules) || self.rules.all(r, !has(r.from) || r.from.all(f, dyn(f) in dyn(self.sources)))',
      message: "a rule's from names an object that is not in sources: add it there, or correct the name",
    }),
  });
