/** The schema of what workloads mount: the user's own objects, or objects that the operator renders from them. */

import * as z from 'zod';
import { DEFAULTS } from '../defaults.ts';
import {
  ATOMIC_LIST,
  GROUP_FITS_KIND,
  listMapBy,
  objectName,
  sourceKind,
  validations,
  workloadGroup,
  workloadKind,
  type CelRule,
} from './fields.ts';

const liveObject = z
  .object({
    name: objectName().describe(
      'Name of the object that workloads mount. The operator makes it, of the kind of its source; one of that name that is not of its making is never touched.',
    ),
    source: z
      .object({ kind: sourceKind(), name: objectName().describe('Name of a source of the policy.') })
      .meta({ title: 'LiveSource', description: 'The source that it is rendered from; one of spec.sources.' }),
    workloads: z
      .array(
        z
          .object({
            group: workloadGroup().exactOptional(),
            kind: workloadKind(),
            name: objectName().describe('Name of the workload.'),
          })
          .meta({
            title: 'LiveWorkload',
            description: 'A workload that mounts the object.',
            ...validations(GROUP_FITS_KIND),
          }),
      )
      .min(1)
      .max(32)
      .meta({
        ...ATOMIC_LIST,
        description:
          'The workloads that mount it. Several of them are restarted together, since they get the content together.',
      }),
  })
  .meta({
    title: 'LiveObject',
    description: 'An object that the operator renders from a source.',
    ...validations({
      rule: 'self.name != self.source.name',
      message: 'a live object needs a name of its own: that of its source is the object that you write',
    }),
  });

export const delivery = z
  .object({
    mode: z
      .enum(['Direct', 'Managed'])
      .meta({
        title: 'DeliveryMode',
        description: `Direct: workloads mount the sources, and the kubelets deliver every change whatever the operator decides. Managed: workloads mount objects that the operator renders, into which a change comes only when it may. Default ${DEFAULTS['delivery.mode']}.`,
      })
      .exactOptional(),
    objects: z
      .array(liveObject)
      .max(32)
      .meta({ ...listMapBy('name'), description: 'The objects to render; for mode Managed.' })
      .exactOptional(),
    snapshots: z
      .int()
      .min(1)
      .max(20)
      .meta({ format: 'int32' })
      .describe(
        `How many of the applied contents of each object are kept, as immutable objects beside it, to go back to. Of Secrets one is kept unless rollbackSecrets is set. Default ${DEFAULTS['delivery.snapshots']}.`,
      )
      .exactOptional(),
    rollbackSecrets: z
      .boolean()
      .describe('Whether earlier contents of Secrets are kept, too, and may be gone back to.')
      .exactOptional(),
  })
  .meta({ title: 'DeliverySettings', description: 'What workloads mount.' });

const NOT_IN_SOURCES = 'a live object has a source that is not in sources: add it there, or correct the name';

/** What a selector finds is known only later. */
export const liveSourcesIn = (kind: 'ConfigMap' | 'Secret'): string =>
  `!has(self.delivery) || !has(self.delivery.objects) || self.sources.exists(s, has(s.selector) && s.kind == '${kind}') || self.delivery.objects.all(o, o.source.kind != '${kind}' || dyn(o.source) in dyn(self.sources))`;

/** What delivery demands of the rest of a spec. */
export const DELIVERY_RULES: readonly CelRule[] = [
  {
    rule: liveSourcesIn('ConfigMap'),
    message: NOT_IN_SOURCES,
  },
  // Each kind by itself: whoever may select ConfigMaps may not have Secrets rendered for that.
  { rule: liveSourcesIn('Secret'), message: NOT_IN_SOURCES },
  {
    rule: "(has(self.delivery) && has(self.delivery.mode) && self.delivery.mode == 'Managed') == (has(self.delivery) && has(self.delivery.objects) && self.delivery.objects.size() > 0)",
    message: 'delivery mode Managed and delivery.objects go together: set both or neither',
  },
  {
    rule: "!has(self.restart) || !has(self.restart.onFailure) || self.restart.onFailure != 'Rollback' || (has(self.delivery) && has(self.delivery.mode) && self.delivery.mode == 'Managed')",
    message: 'onFailure Rollback needs delivery mode Managed: what workloads mount directly is never written',
  },
  {
    rule: "!has(self.restart) || !has(self.restart.onFailure) || self.restart.onFailure != 'Undo' || !(has(self.delivery) && has(self.delivery.mode) && self.delivery.mode == 'Managed')",
    message:
      'onFailure Undo is for delivery mode Direct: with Managed use Rollback, which brings the content back, too',
  },
  {
    rule: '!has(self.delivery) || !has(self.delivery.objects) || self.delivery.objects.all(o, o.workloads.size() == 1) || !has(self.restart) || ((!has(self.restart.order) || self.restart.order == "Parallel") && !has(self.restart.canary))',
    message:
      'workloads that share a live object get its content together: neither order Sequential nor a canary can hold between them; give each its own live object',
  },
  {
    rule: '!has(self.delivery) || !has(self.delivery.objects) || self.delivery.objects.all(o, o.workloads.size() == 1) || !has(self.workloads) || self.workloads.all(w, !has(w.wave) || w.wave == 0)',
    message:
      'workloads that share a live object get its content together: waves can not hold between them; give each its own live object',
  },
];
