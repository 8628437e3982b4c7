/**
 * What a plain scalar of YAML is. The core schema of YAML 1.2 decides; what YAML 1.1 takes for something else is of a
 * type of its own, since consumers disagree: `on` is a string to one and true to another, and never the same as `"on"`.
 */

export interface Plain {
  readonly tag: 'str' | 'null' | 'bool' | 'int' | 'float' | 'plain';
  /** Numbers as they are written; nulls and booleans in one way. */
  readonly text: string;
  readonly value: string | number | boolean | null;
}

/** @param text the scalar, its lines folded */
export const plainScalar = (text: string): Plain => {
  // Nearly everything begins like none of what follows.
  if (!MAY_BE_SPECIAL.test(text)) return { tag: 'str', text, value: text };
  if (NULL.test(text)) return { tag: 'null', text: '', value: null };
  if (BOOL.test(text)) {
    const value = text[0] === 't' || text[0] === 'T';
    return { tag: 'bool', text: String(value), value };
  }
  if (INT.test(text)) return { tag: 'int', text, value: Number(text) };
  if (FLOAT.test(text)) return { tag: 'float', text, value: floatOf(text) };
  return { tag: OTHERWISE_IN_1_1.some((pattern) => pattern.test(text)) ? 'plain' : 'str', text, value: text };
};

/** Each alternative is told by its first characters: no pattern goes back and forth. */
const MAY_BE_SPECIAL = /^(?:$|[-+.~=<0-9]|(?:true|false|null|yes|no|on|off|y|n)$)/i;
const NULL = /^(?:~|null|Null|NULL)?$/;
const BOOL = /^(?:true|True|TRUE|false|False|FALSE)$/;
const INT = /^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$/;
const FLOAT =
  /^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

const OTHERWISE_IN_1_1: readonly RegExp[] = [
  /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/,
  /^(?:=|<<)$/,
  /^[-+]?0b[01_]+$/,
  /^[-+]?0o[0-7_]+$/,
  /^[-+]?0x[0-9a-fA-F_]+$/,
  // Underscores, and what begins as a number of base 60.
  /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?$/,
  /^[-+]?\.[0-9_]+(?:[eE][-+]?[0-9]+)?$/,
  /^[-+]?\.(?:inf|nan)$/i,
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]*)?)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?$/,
];

const floatOf = (text: string): number => {
  if (/nan$/i.test(text)) return Number.NaN;
  if (/inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
};
