/** A document's value as JSON has it: what else a format may bring is turned into the nearest of that. */

export interface JsonValue {
  readonly value: unknown;
  /** What it takes to compare each item of each list with each other: that many values, roughly. */
  readonly comparisons: number;
}

export const jsonValue = (document: unknown): JsonValue => {
  const seen = { values: 0, comparisons: 0 };
  return { value: convert(document, seen), comparisons: seen.comparisons };
};

interface Seen {
  values: number;
  comparisons: number;
}

const convert = (value: unknown, seen: Seen): unknown => {
  seen.values++;
  // JSON has no such numbers: as texts they are what no schema of numbers takes.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value !== null) return convertObject(value, seen);
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
};

const convertObject = (value: object, seen: Seen): unknown => {
  if (Array.isArray(value)) {
    const before = seen.values;
    const items = value.map((each: unknown) => convert(each, seen));
    const within = seen.values - before;
    // Two scalars take next to nothing.
    seen.comparisons += within === items.length ? items.length ** 2 / 64 : items.length * within;
    return items;
  }
  if (value instanceof Date) return value.toISOString();
  const entries: Iterable<readonly [unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  const map = Object.create(null) as Record<string, unknown>;
  for (const [name, each] of entries) map[String(name)] = convert(each, seen);
  return map;
};
