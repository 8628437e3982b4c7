/** The CEL rules about how restarts are done and what is delivered, each in JavaScript, by its text in the schema. */

import { liveSourcesIn } from '../api/v1alpha1/schema/delivery.ts';

interface Named {
  readonly kind?: string;
  readonly name?: string;
  readonly selector?: unknown;
}

interface Spec {
  readonly sources: readonly Named[];
  readonly workloads?: readonly { readonly wave?: number }[];
  readonly restart?: { readonly onFailure?: string; readonly order?: string; readonly canary?: unknown };
  readonly delivery?: {
    readonly mode?: string;
    readonly objects?: readonly { readonly source: Named; readonly workloads: readonly unknown[] }[];
  };
}

const isManaged = ({ delivery }: Spec): boolean => delivery?.mode === 'Managed';
/** No live object has several workloads. */
const isUnshared = ({ delivery }: Spec): boolean =>
  (delivery?.objects ?? []).every(({ workloads }) => workloads.length === 1);

export const RESTART_AND_DELIVERY_PREDICATES: readonly (readonly [rule: string, (self: never) => boolean])[] = [
  [
    'has(self.workload) != has(self.percent)',
    ({ workload, percent }: { readonly workload?: unknown; readonly percent?: unknown }) =>
      (workload === undefined) !== (percent === undefined),
  ],
  [
    'self.name != self.source.name',
    ({ name, source }: { readonly name: string; readonly source: Named }) => name !== source.name,
  ],
  ...(['ConfigMap', 'Secret'] as const).map(
    (of) =>
      [
        liveSourcesIn(of),
        ({ delivery, sources }: Spec): boolean =>
          sources.some(({ kind, selector }) => kind === of && selector !== undefined) ||
          (delivery?.objects ?? []).every(
            ({ source }) =>
              source.kind !== of || sources.some(({ kind, name }) => kind === source.kind && name === source.name),
          ),
      ] as const,
  ),
  [
    "(has(self.delivery) && has(self.delivery.mode) && self.delivery.mode == 'Managed') == (has(self.delivery) && has(self.delivery.objects) && self.delivery.objects.size() > 0)",
    (self: Spec) => isManaged(self) === (self.delivery?.objects ?? []).length > 0,
  ],
  [
    "!has(self.restart) || !has(self.restart.onFailure) || self.restart.onFailure != 'Rollback' || (has(self.delivery) && has(self.delivery.mode) && self.delivery.mode == 'Managed')",
    (self: Spec) => self.restart?.onFailure !== 'Rollback' || isManaged(self),
  ],
  [
    "!has(self.restart) || !has(self.restart.onFailure) || self.restart.onFailure != 'Undo' || !(has(self.delivery) && has(self.delivery.mode) && self.delivery.mode == 'Managed')",
    (self: Spec) => self.restart?.onFailure !== 'Undo' || !isManaged(self),
  ],
  [
    '!has(self.delivery) || !has(self.delivery.objects) || self.delivery.objects.all(o, o.workloads.size() == 1) || !has(self.restart) || ((!has(self.restart.order) || self.restart.order == "Parallel") && !has(self.restart.canary))',
    (self: Spec) =>
      isUnshared(self) || ((self.restart?.order ?? 'Parallel') === 'Parallel' && self.restart?.canary === undefined),
  ],
  [
    '!has(self.delivery) || !has(self.delivery.objects) || self.delivery.objects.all(o, o.workloads.size() == 1) || !has(self.workloads) || self.workloads.all(w, !has(w.wave) || w.wave == 0)',
    (self: Spec) => isUnshared(self) || (self.workloads ?? []).every(({ wave = 0 }) => wave === 0),
  ],
];
