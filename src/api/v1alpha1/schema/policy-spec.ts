/** The schema of what users write into a ReloadPolicy. */

import * as z from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { DOCUMENT_FORMATS, PATH_PATTERN } from '../documents.ts';
import {
  GROUP_FITS_KIND,
  ATOMIC_LIST,
  atomicMap,
  duration,
  hotProof,
  int32,
  objectName,
  sourceKind,
  validations,
  workloadGroup,
  workloadKind,
} from './fields.ts';
import { delivery, DELIVERY_RULES } from './delivery.ts';
import { restart } from './restart.ts';

const documentFormat = () => z.enum(DOCUMENT_FORMATS).meta({ title: 'DocumentFormat' });

const reloadClass = () => z.enum(['Hot', 'Restart', 'Ignore']).meta({ title: 'ReloadClass' });

const sourceReference = (description: string) =>
  z
    .object({
      kind: sourceKind(),
      name: objectName().describe("Name of the source, in the policy's namespace."),
    })
    .meta({ title: 'SourceReference', description });

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

const labelSelector = (what: string, instead: string) =>
  z
    .object({
      matchLabels: atomicMap(labelValue(), 32)
        .meta({
          title: 'MatchLabels',
          description: 'Labels with the values that it must carry.',
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
        .meta({ ...ATOMIC_LIST, description: 'Demands on its labels; all must hold.' })
        .exactOptional(),
    })
    .meta({
      title: 'LabelSelector',
      ...validations({
        rule: '(has(self.matchLabels) && self.matchLabels.size() > 0) || has(self.matchExpressions)',
        message: `an empty selector would ${what}; ${instead}`,
        reason: 'FieldValueRequired',
      }),
    });

const sourceBinding = z
  .object({
    kind: sourceKind(),
    name: objectName().describe("Name of one source, in the policy's namespace. Set this or selector.").exactOptional(),
    selector: labelSelector('watch everything of the kind', 'name the labels that the sources carry')
      .describe(
        'Labels of the sources: every object of the kind that carries them, also one that comes later. Set this or name.',
      )
      .exactOptional(),
  })
  .meta({
    title: 'SourceBinding',
    description: 'One source by name, or every source of a kind by label.',
    ...validations({
      rule: 'has(self.name) != has(self.selector)',
      message: 'a source needs exactly one of name and selector',
    }),
  });

const sources = z
  .array(sourceBinding)
  .min(1)
  .max(64)
  .meta({
    ...ATOMIC_LIST,
    ...validations({
      rule: 'self.all(a, !has(a.name) || self.exists_one(b, has(b.name) && a.kind == b.kind && a.name == b.name))',
      message: 'sources names the same object twice: remove the repeated entry',
    }),
    description:
      "The ConfigMaps and Secrets of the policy's namespace whose changes matter. A source need not exist yet; until it does, the workloads that require it are not restarted.",
  });

const workloadReference = z
  .object({
    group: workloadGroup().describe('API group of the workload. Default: that of its kind.').exactOptional(),
    kind: workloadKind(),
    name: objectName()
      .describe("Name of one workload in the policy's namespace. Set this or selector.")
      .exactOptional(),
    selector: labelSelector('bind everything', 'leave workloads out to bind every consumer')
      .describe('Labels of the workloads themselves, not of their pods. Set this or name.')
      .exactOptional(),
    wave: z
      .int()
      .min(0)
      .max(1000)
      .meta({ format: 'int32' })
      .describe(
        'Restarts of the same number go together, lower ones first: a wave begins when all of the earlier ones have succeeded. Default 0.',
      )
      .exactOptional(),
  })
  .meta({
    title: 'WorkloadReference',
    description: 'One workload by name, or every workload of a kind by label.',
    ...validations(
      {
        rule: 'has(self.name) != has(self.selector)',
        message: 'a workload needs exactly one of name and selector',
      },
      GROUP_FITS_KIND,
    ),
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
      'The workloads that the policy binds. Left out: every Deployment, StatefulSet, DaemonSet and CronJob of the namespace that consumes one of the sources. Rollouts, ReplicaSets and Pods are bound only where they are named or selected here.',
  });

const keyGlobs = (description: string) =>
  z
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
    .meta({ ...ATOMIC_LIST, description });

const rule = z
  .object({
    keys: keyGlobs('The keys that the rule is about, whole keys only: "*.yaml" matches "app.yaml".'),
    paths: z
      .array(
        z
          .string()
          .min(1)
          .max(512)
          .regex(PATH_PATTERN)
          .describe(
            'A JSON Pointer (RFC 6901) in which * stands for one name or list index and ** for any number of them, also none: /rateLimits/**.',
          ),
      )
      .min(1)
      .max(64)
      .meta({
        ...ATOMIC_LIST,
        description:
          'Only these places inside the document that a key holds. What no path of a rule matches falls through to the next rules.',
      })
      .exactOptional(),
    format: documentFormat()
      .describe(
        'How the document is written, where paths or comparison Meaning need to know. Left out: by the ending of the key (.yaml, .yml, .json, .toml, .properties, .env, .ini, .conf is none).',
      )
      .exactOptional(),
    comparison: z
      .enum(['Meaning', 'Bytes'])
      .meta({
        title: 'Comparison',
        description: `What counts as a change: Meaning leaves order of keys, comments, quoting and indentation aside; with Bytes they count, too. Default Meaning for rules with paths, and for one that takes what the paths of others leave; Bytes for all others.`,
      })
      .exactOptional(),
    class: reloadClass().describe(
      'What a change of such a key needs: Hot (refresh the files of running pods), Restart (a rolling restart) or Ignore (nothing).',
    ),
    from: z
      .array(sourceReference('A source of the policy.'))
      .min(1)
      .max(64)
      .meta({ ...ATOMIC_LIST, description: 'Only keys of these sources. Left out: keys of every source.' })
      .exactOptional(),
  })
  .meta({ title: 'ReloadRule', description: 'Gives keys, or places inside of them, a class.' });

const validation = z
  .object({
    keys: keyGlobs('The keys that are checked.'),
    required: z
      .boolean()
      .describe('Whether each of the keys must be there; of a glob, at least one that it matches.')
      .exactOptional(),
    format: z
      .enum([...DOCUMENT_FORMATS, 'Pattern', 'Number', 'Duration', 'Quantity', 'Enum', 'URL', 'PEM'])
      .meta({
        title: 'ContentFormat',
        description:
          'What the content must be: a document (YAML, JSON, TOML, Properties, Dotenv, INI), or a text that matches pattern, a Number, a Duration (as 1h30m), a Quantity (as 100Mi), one of values (Enum), an absolute URL, or PEM blocks. Whitespace around a text is left aside.',
      })
      .exactOptional(),
    pattern: z
      .string()
      .min(1)
      .max(1024)
      .describe('For format Pattern: a regular expression (RE2) that the content must match, anywhere in it.')
      .exactOptional(),
    minimum: z.number().describe('For format Number: the least value.').exactOptional(),
    maximum: z.number().describe('For format Number: the greatest value.').exactOptional(),
    values: z
      .array(z.string().max(1024).describe('A value.'))
      .min(1)
      .max(64)
      .meta({ ...ATOMIC_LIST, description: 'For format Enum: what the content may be.' })
      .exactOptional(),
    schema: z
      .string()
      .min(2)
      .max(65_536)
      .describe(
        'A JSON Schema (2020-12) as JSON or YAML, for the parsed document. References lead only inside of it. Of Secrets it is used only where the Secret allows it by annotation.',
      )
      .exactOptional(),
    maxBytes: int32(0).describe('The most bytes that the content may have.').exactOptional(),
  })
  .meta({
    title: 'Validation',
    description: 'What the content of keys must be before any pod is told of it, or started on it.',
    ...validations(
      {
        rule: "has(self.pattern) == (has(self.format) && self.format == 'Pattern')",
        message: 'format Pattern and pattern go together: set both or neither',
      },
      {
        rule: "has(self.values) == (has(self.format) && self.format == 'Enum')",
        message: 'format Enum and values go together: set both or neither',
      },
      {
        rule: "!(has(self.minimum) || has(self.maximum)) || (has(self.format) && self.format == 'Number')",
        message: 'minimum and maximum need format: Number',
      },
      {
        rule: '!(has(self.minimum) && has(self.maximum)) || self.minimum <= self.maximum',
        message: 'minimum is greater than maximum',
      },
      {
        rule: 'has(self.required) || has(self.format) || has(self.schema) || has(self.maxBytes)',
        message: 'a validation must demand something: set required, format, schema or maxBytes',
        reason: 'FieldValueRequired',
      },
    ),
  });

/** `min` and `max` are durations too; the API server refuses what lies outside. */
const secretKeyReference = z
  .object({
    name: objectName().describe("Name of the Secret, in the policy's namespace."),
    key: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[-._a-zA-Z0-9]+$/)
      .describe('The key that holds the signing key, as it is.'),
  })
  .meta({ title: 'SecretKeyReference' });

const notify = z
  .object({
    http: z
      .object({
        port: z
          .string()
          .min(1)
          .max(15)
          .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
          .describe(
            'Name of a port of the containers that mount the source: only containers that declare a port of this name are asked.',
          ),
        path: z
          .string()
          .min(1)
          .max(256)
          .regex(/^\/[-A-Za-z0-9._~!$&'()*+,;=:@%/]*$/)
          .describe(`Where the application listens. Default ${DEFAULTS['hot.notify.http.path']}.`)
          .exactOptional(),
        signature: z
          .object({
            secretRef: secretKeyReference.describe(
              'The Secret with the key that requests are signed with: HMAC-SHA256, in the header Reload-Signature.',
            ),
          })
          .meta({
            title: 'NotifySignature',
            description: 'Lets the application tell our requests from those of others.',
          })
          .exactOptional(),
      })
      .meta({ title: 'NotifyHTTP', description: 'A POST without a body to each container.' }),
  })
  .meta({
    title: 'NotifySettings',
    description:
      'Asks each ready container that mounts the source to reload, after its files are refreshed. 2xx counts; anything else is tried again until hot.timeout.',
  });

const hot = z
  .object({
    proof: hotProof()
      .describe(
        `How far a hot change must be known to have got before it counts as done: Nudged (kubelets were told), Mounted (the files of each pod have the content; needs the node agent) or Loaded (each application says that it runs on it; needs notify). Default ${DEFAULTS['hot.proof']}.`,
      )
      .exactOptional(),
    timeout: duration('1s', '1h', 'timeout')
      .describe(`How long a proof, and the notification, may take. From 1s to 1h. Default ${DEFAULTS['hot.timeout']}.`)
      .exactOptional(),
    onTimeout: z
      .enum(['Restart', 'Report'])
      .meta({
        title: 'OnTimeout',
        description: `What to do with a hot change that is not proven in time: Restart the workload, or only Report. Default ${DEFAULTS['hot.onTimeout']}.`,
      })
      .exactOptional(),
    onImpossible: z
      .enum(['Restart', 'Report'])
      .meta({
        title: 'OnImpossible',
        description: `What to do with a changed Hot key that a workload can't take hot, because it reads it through an environment variable, an argument, a subPath or an init container: Restart it, or only Report. Default ${DEFAULTS['hot.onImpossible']}.`,
      })
      .exactOptional(),
    notify: notify.exactOptional(),
  })
  .meta({
    title: 'HotSettings',
    description: 'How changes of class Hot are delivered.',
    ...validations({
      rule: "!has(self.proof) || self.proof != 'Loaded' || has(self.notify)",
      message: 'only the application can tell that it has loaded something: proof Loaded needs notify',
      reason: 'FieldValueRequired',
    }),
  });

export const reloadPolicySpecSchema = z
  .object({
    sources,
    workloads: workloads.exactOptional(),
    rules: z
      .array(rule)
      .max(64)
      .meta({
        ...ATOMIC_LIST,
        description:
          'For each key, and for each place inside of it, the first rule that matches counts. At most 256 globs and 256 paths in all.',
        ...validations(
          {
            rule: 'self.map(r, r.keys.size()).sum() <= 256',
            message: 'the rules have more than 256 globs in all: use fewer, wider ones, or several policies',
          },
          {
            rule: 'self.map(r, has(r.paths) ? r.paths.size() : 0).sum() <= 256',
            message: 'the rules have more than 256 paths in all: use fewer, wider ones, or several policies',
          },
        ),
      })
      .exactOptional(),
    defaultClass: reloadClass().describe('The class of keys that no rule matches.').default('Restart'),
    mode: z
      .enum(['Enforce', 'Observe'])
      .meta({
        title: 'Mode',
        description:
          'Enforce acts; Observe only says, in status and events, what would have been done, and then counts it as done.',
      })
      .default('Enforce'),
    validation: z
      .array(validation)
      .max(64)
      .meta({
        ...ATOMIC_LIST,
        description:
          'What the content of keys must be. While any of it is not so, the workloads that consume the source are left alone: none is restarted for any change, and no pod is told of any. All entries that match a key apply.',
      })
      .exactOptional(),
    suspend: z
      .boolean()
      .describe(
        'While true nothing is done for this policy. What changed meanwhile is acted on when it is false again.',
      )
      .default(false),
    hot: hot.exactOptional(),
    restart: restart.exactOptional(),
    delivery: delivery.exactOptional(),
  })
  .meta({
    title: 'ReloadPolicySpec',
    description: 'What to watch, what to bind, and what a change of each key needs.',
    ...validations(...DELIVERY_RULES, {
      // `in`, for a comparison of names one by one is estimated to be too costly.
      rule: '!has(self.rules) || self.sources.exists(s, has(s.selector)) || self.rules.all(r, !has(r.from) || r.from.all(f, dyn(f) in dyn(self.sources)))',
      message: "a rule's from names an object that is not in sources: add it there, or correct the name",
    }),
  });
