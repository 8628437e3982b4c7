/** Numbers by their decimal text: what is compared never goes through a double. */

const DECIMAL = /^([+-]?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** `sign * 0.digits * 10^point`; digits neither begin nor end with a zero, and are empty for zero. */
interface Decimal {
  readonly sign: 1 | -1;
  readonly digits: string;
  readonly point: number;
}

export interface Bounds {
  readonly minimum?: number;
  readonly maximum?: number;
}

/** @returns what a number must be that this text is not; undefined where it is one. */
export const checkNumber = (text: string, { minimum, maximum }: Bounds): string | undefined => {
  const value = parseDecimal(text);
  if (value === undefined) return 'must be a decimal number, such as 42, -0.5 or 1e6';
  if (!Number.isFinite(Number(text))) return 'must be a number within what double precision can hold';
  if (minimum !== undefined && compare(value, bound(minimum)) < 0) return `must be at least ${minimum}`;
  if (maximum !== undefined && compare(value, bound(maximum)) > 0) return `must be at most ${maximum}`;
  return undefined;
};

const bound = (value: number): Decimal => parseDecimal(String(value)) ?? { sign: 1, digits: '', point: 0 };

const parseDecimal = (text: string): Decimal | undefined => {
  const [, sign, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const all = whole + fraction;
  const first = all.search(/[1-9]/);
  if (first < 0) return { sign: 1, digits: '', point: 0 };
  return {
    sign: sign === '-' ? -1 : 1,
    digits: withoutTrailingZeros(all.slice(first)),
    point: whole.length - first + Number(exponent),
  };
};

const withoutTrailingZeros = (digits: string): string => {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, end);
};

const compare = (a: Decimal, b: Decimal): number => {
  const signs = signOf(a) - signOf(b);
  if (signs !== 0 || signOf(a) === 0) return signs;
  return a.sign * (a.point - b.point || (a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0));
};

const signOf = ({ sign, digits }: Decimal): number => (digits === '' ? 0 : sign);
