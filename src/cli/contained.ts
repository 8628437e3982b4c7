/**
 * Whether what a manifest says is what the API server already has. A live object holds more than was ever applied:
 * defaults are filled in, what is empty is left out, quantities are written anew.
 */

/** What is in the live value and not in the manifest counts as filled in: what was taken out of a manifest is not seen. */
export const isContained = (applied: unknown, live: unknown): boolean => {
  if (live === undefined) return isEmpty(applied);
  if (Array.isArray(applied)) {
    return (
      Array.isArray(live) && applied.length === live.length && applied.every((item, at) => isContained(item, live[at]))
    );
  }
  if (isObject(applied)) {
    return isObject(live) && Object.entries(applied).every(([key, value]) => isContained(value, live[key]));
  }
  return applied === live || isSameQuantity(applied, live);
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The API server leaves it out. */
const isEmpty = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) ? Object.values(value).every(isEmpty) : EMPTY.has(value);
};

const EMPTY: ReadonlySet<unknown> = new Set([undefined, null, '', 0, false]);

/** `1000m` is written back as `1`, and a number as text. */
const isSameQuantity = (a: unknown, b: unknown): boolean => {
  const [one, other] = [quantityOf(a), quantityOf(b)];
  return one !== undefined && one === other;
};

const quantityOf = (value: unknown): number | undefined => {
  const [, number, suffix = ''] =
    QUANTITY.exec(typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '') ?? [];
  return number === undefined ? undefined : Number((Number(number) * (FACTORS[suffix] ?? 1)).toPrecision(12));
};

const QUANTITY = /^([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$/;
const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
