/** What `metadata.managedFields` tells: who owns a field, and when a manager last changed something. */

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: FieldSet;
}

interface FieldSet {
  readonly [field: string]: FieldSet;
}

const DATA = ['f:data', 'f:binaryData'];
/** Times are cut to whole seconds. */
const SECOND = 1_000;

/**
 * Until when, at the latest, the content of a ConfigMap or Secret was last changed; removals of keys aside, which aren't dated.
 * @returns milliseconds; undefined where the fields aren't tracked
 */
export const dataChangedBefore = (entries: readonly ManagedFieldsEntry[], createdAt: number): number | undefined => {
  if (entries.length === 0) return undefined;
  const times = entries.filter(({ fieldsV1 = {} }) => DATA.some((field) => field in fieldsV1)).map(timeOf);
  return Math.max(createdAt, ...times) + SECOND;
};

/**
 * The latest change of content that is beyond doubt: that of a manager that owns one key, alone, and nothing else. Its
 * time moves only when it changes that key's value.
 */
export const certainDataChange = (
  entries: readonly ManagedFieldsEntry[],
  createdAt: number,
): { readonly at: number; readonly keys: readonly string[] } | undefined => {
  const onlyData = entries.filter((entry) => {
    const fields = Object.keys(entry.fieldsV1 ?? {});
    const [key, ...others] = keysOf(entry);
    return (
      fields.every((field) => DATA.includes(field)) &&
      key !== undefined &&
      others.length === 0 &&
      entries.every((other) => other === entry || !keysOf(other).includes(key))
    );
  });
  const latest = onlyData.reduce<ManagedFieldsEntry | undefined>(
    (newest, entry) => (newest === undefined || timeOf(entry) > timeOf(newest) ? entry : newest),
    undefined,
  );
  // What was written when the object was made is no change.
  if (latest === undefined || timeOf(latest) <= createdAt) return undefined;
  return { at: timeOf(latest), keys: keysOf(latest) };
};

/** Whoever else was the latest to change content that is there still; undefined: all of it is of one manager, or nobody knows. */
export const latestOther = (entries: readonly ManagedFieldsEntry[], manager: string): string | undefined =>
  entries
    .filter((entry) => entry.manager !== manager && DATA.some((field) => field in (entry.fieldsV1 ?? {})))
    .reduce<ManagedFieldsEntry | undefined>(
      (latest, entry) => (latest === undefined || timeOf(entry) > timeOf(latest) ? entry : latest),
      undefined,
    )?.manager;

const keysOf = ({ fieldsV1 = {} }: ManagedFieldsEntry): readonly string[] =>
  DATA.flatMap((field) => Object.keys(fieldsV1[field] ?? {}))
    .filter((field) => field.startsWith('f:'))
    .map((field) => field.slice('f:'.length));

/** Whether a manager owns an annotation of the `metadata` that lies at a path: that of a pod template, say. */
export const ownsAnnotation = (
  entries: readonly ManagedFieldsEntry[],
  manager: string,
  path: readonly string[],
  annotation: string,
): boolean =>
  entries.some((entry) => {
    const at = path.reduce<FieldSet | undefined>((fields, name) => fields?.[`f:${name}`], entry.fieldsV1);
    return entry.manager === manager && at?.['f:metadata']?.['f:annotations']?.[`f:${annotation}`] !== undefined;
  });

const timeOf = ({ time }: ManagedFieldsEntry): number => Date.parse(time ?? '') || 0;
