/** What a setting may be, and how that reads. */

export interface Kind {
  /** As it should read after "takes". */
  readonly takes: string;
  readonly fits: (value: string) => boolean;
  /** The process doesn't run without it. */
  readonly required: boolean;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const NUMBER = /^-?\d+(\.\d+)?$/;
const WHOLE = /^-?\d+$/;

const within = (value: string, { from, to }: Range): boolean => Number(value) >= from && Number(value) <= to;

export const number = (from: number, to: number): Kind => ({
  takes: `a number from ${from} to ${to}`,
  fits: (value) => NUMBER.test(value) && within(value, { from, to }),
  required: false,
});

export const whole = (from: number, to: number): Kind => ({
  takes: `a whole number from ${from} to ${to}`,
  fits: (value) => WHOLE.test(value) && within(value, { from, to }),
  required: false,
});

export const flag: Kind = {
  takes: 'true or false',
  fits: (value) => value === 'true' || value === 'false',
  required: false,
};

export const oneOf = (...values: readonly string[]): Kind => ({
  takes: `one of ${values.join(', ')}`,
  fits: (value) => values.includes(value),
  required: false,
});

/** Names of models, experiments, voices: nothing that needs quoting. */
export const name: Kind = {
  takes: 'a name of letters, digits and ._:/-, at most 128 characters',
  fits: (value) => /^[A-Za-z0-9][-A-Za-z0-9._:/]{0,127}$/.test(value),
  required: false,
};

export const required = (kind: Kind): Kind => ({ ...kind, required: true });
