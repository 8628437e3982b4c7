import fc from 'fast-check';
import { DOCUMENT_FORMATS } from '../../../src/api/v1alpha1/documents.ts';
import type { ReloadPolicySpecInput, SourceReference } from '../../../src/api/v1alpha1/types.ts';

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const sourceKind = fc.constantFrom('ConfigMap', 'Secret');
const source: fc.Arbitrary<SourceReference> = fc.record({ kind: sourceKind, name });
const labelKey = fc.stringMatching(/^([a-z]{1,8}\.[a-z]{2,3}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?$/);
const labelValue = fc.stringMatching(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?$/);
const kind = fc.constantFrom('Deployment', 'StatefulSet', 'DaemonSet');
const reloadClass = fc.constantFrom('Hot', 'Restart', 'Ignore');
const group = fc.option(fc.constant('apps' as const), { nil: undefined });

/** Drops what is undefined: in a manifest a field is there or is not. */
const present = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  JSON.parse(JSON.stringify(value)) as { [K in keyof T]: Exclude<T[K], undefined> };

const requirement = fc.oneof(
  fc.record({
    key: labelKey,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.array(labelValue, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ key: labelKey, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);

const selector = fc
  .record(
    {
      matchLabels: fc.dictionary(labelKey, labelValue, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
      matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: [] },
  )
  .filter((fields) => Object.keys(fields).length > 0);

const workloads = fc.uniqueArray(
  fc.oneof(fc.record({ group, kind, name }), fc.record({ group, kind, selector })).map(present),
  {
    minLength: 1,
    maxLength: 6,
    selector: (workload) => JSON.stringify([workload.kind, 'name' in workload ? workload.name : workload]),
  },
);

const documentFormat = fc.constantFrom(...DOCUMENT_FORMATS);

const text = fc.string({ minLength: 1, maxLength: 20 });
const check = fc
  .tuple(
    fc.record(
      { required: fc.boolean(), maxBytes: fc.nat(), schema: fc.constantFrom('{}', 'type: object') },
      { requiredKeys: ['required'] },
    ),
    fc.oneof(
      fc.constant({}),
      fc.record({ format: documentFormat }),
      fc.record({ format: fc.constant('Pattern' as const), pattern: text }),
      fc.record({ format: fc.constant('Number' as const), minimum: fc.integer({ max: 0 }), maximum: fc.nat() }),
      fc.record({ format: fc.constant('Enum' as const), values: fc.array(text, { minLength: 1, maxLength: 4 }) }),
      fc.record({ format: fc.constantFrom('Duration', 'Quantity', 'URL', 'PEM') }),
    ),
  )
  .map(([common, format]) => ({ keys: ['*'], ...common, ...format }));

const rulesOver = (sources: readonly SourceReference[]) =>
  fc.array(
    fc.record(
      {
        keys: fc.array(fc.stringMatching(/^[-._a-zA-Z0-9*?]{1,40}$/), { minLength: 1, maxLength: 5 }),
        class: reloadClass,
        paths: fc.array(fc.stringMatching(/^(\/([-a-z0-9]{1,9}|~[012]|\*|\*\*)){1,6}$/), {
          minLength: 1,
          maxLength: 4,
        }),
        format: documentFormat,
        comparison: fc.constantFrom('Meaning', 'Bytes'),
        from: fc.subarray([...sources], { minLength: 1 }),
      },
      { requiredKeys: ['keys', 'class'] },
    ),
    { maxLength: 6 },
  );

/** A duration between `min` and `max` ms, in one or two units. */
const durationBetween = (min: number, max: number): fc.Arbitrary<string> =>
  fc.tuple(fc.integer({ min, max }), fc.boolean()).map(([ms, split]) => {
    const seconds = Math.floor(ms / 1_000);
    return split ? `${seconds}s${ms % 1_000}ms` : `${ms}ms`;
  });

const notify = fc.record({
  http: fc.record(
    {
      port: fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,12}[a-z0-9])?$/),
      path: fc.stringMatching(/^\/[-A-Za-z0-9._~!$&'()*+,;=:@%/]{0,20}$/),
      signature: fc.record({ secretRef: fc.record({ name, key: fc.stringMatching(/^[-._a-zA-Z0-9]{1,20}$/) }) }),
    },
    { requiredKeys: ['port'] },
  ),
});

const hot = fc
  .record(
    {
      onImpossible: fc.constantFrom('Restart', 'Report'),
      proof: fc.constantFrom('Nudged', 'Mounted', 'Loaded'),
      timeout: durationBetween(1_000, 3_600_000),
      onTimeout: fc.constantFrom('Restart', 'Report'),
      notify,
    },
    { requiredKeys: [] },
  )
  .filter(({ proof, notify: asked }) => proof !== 'Loaded' || asked !== undefined);

const window = fc.record(
  {
    type: fc.constantFrom('Allow', 'Deny'),
    cron: fc.constantFrom('0 2 * * *', '*/15 8-18 * * MON-FRI', '0 0 1 JAN ?'),
    duration: durationBetween(60_000, 168 * 3_600_000),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Etc/GMT+12'),
  },
  { requiredKeys: ['cron', 'duration'] },
);

const canary = fc.oneof(
  fc.record({ percent: fc.integer({ min: 1, max: 99 }) }),
  fc.record({ workload: fc.record({ kind, name }) }),
);

const restart = fc.record(
  {
    debounce: durationBetween(0, 600_000),
    cooldown: durationBetween(0, 86_400_000),
    progressTimeout: durationBetween(1_000, 86_400_000),
    maxConcurrent: fc.integer({ min: 1, max: 1_000 }),
    budget: fc.record({
      restarts: fc.integer({ min: 1, max: 100 }),
      period: durationBetween(60_000, 168 * 3_600_000),
    }),
    windows: fc
      .array(window, { maxLength: 4 })
      .map((windows) => windows.map((each, index) => ({ name: `w${index}`, ...each }))),
    approval: fc.constantFrom('Automatic', 'Manual'),
    order: fc.constantFrom('Parallel', 'Sequential'),
    canary,
    onFailure: fc.constantFrom('Report', 'Undo'),
  },
  { requiredKeys: [] },
);

/** Policies that keep every rule, those in CEL too. */
export const goodPolicy: fc.Arbitrary<ReloadPolicySpecInput> = fc
  .uniqueArray(source, { minLength: 1, maxLength: 6, selector: (each) => `${each.kind}/${each.name}` })
  .chain((sources) =>
    fc.record(
      {
        sources: fc.constant(sources),
        workloads,
        rules: rulesOver(sources),
        defaultClass: reloadClass,
        suspend: fc.boolean(),
        mode: fc.constantFrom('Enforce', 'Observe'),
        validation: fc.array(check, { maxLength: 4 }),
        hot,
        restart,
      },
      { requiredKeys: ['sources'] },
    ),
  )
  .map((spec) => present(spec) as ReloadPolicySpecInput);
