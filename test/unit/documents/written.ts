/** Values, and the many ways to write each of them. */

import fc from 'fast-check';

export type Value =
  | { readonly kind: 'str'; readonly text: string }
  /** A number, a boolean or null, as it is written. */
  | { readonly kind: 'bare'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [name: string, value: Value])[] };

/** Takes one of several ways, the same ones for the same seed. */
export type Choose = (ways: number) => number;

export const chooser = (seed: number): Choose => {
  let state = seed >>> 0;
  return (ways) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * ways);
  };
};

const AWKWARD = [
  '', ' ', 'on', 'yes', 'null', '~', 'true', '1.10', '0777', '1:30', '2020-01-01', '- a', 'a: b', 'a #b', '#', '*a',
  '&a', '!t', '%', '@', '`', '"', "'", 'it\'s "so"', '\\', 'a\nb\n', 'line\nline\n', '\t', 'é', '😀', '\u2028',
  '__proto__', 'constructor', 'a/b', 'a~b', '[x]', '{x}', 'x,', '<<', '=', '0x10', '1_000', '?', '---', '...',
]; // prettier-ignore

const plainText = fc.string({ unit: fc.constantFrom(...Array.from('abcxyz09 -_.')), maxLength: 12 });
const text = fc.oneof(plainText, fc.constantFrom(...AWKWARD), fc.string({ unit: 'grapheme', maxLength: 8 }));
const bare = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom('1.10', '1.1', '0', '-0', '1e3', '9007199254740993', '1.0', 'true', 'false', 'null'),
);
const names = (size: number): fc.Arbitrary<string[]> => fc.uniqueArray(text, { maxLength: size });

export const { value, container } = fc.letrec<{
  value: Value;
  scalar: Value;
  list: Value;
  map: Value;
  container: Value;
}>((tie) => ({
  scalar: fc.oneof(
    text.map((each): Value => ({ kind: 'str', text: each })),
    bare.map((each): Value => ({ kind: 'bare', text: each })),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }).map((items): Value => ({ kind: 'list', items })),
  map: names(4).chain((all) =>
    fc
      .tuple(...all.map(() => tie('value')))
      .map((values): Value => ({ kind: 'map', entries: all.map((each, index) => [each, values[index] as Value]) })),
  ),
  container: fc.oneof(tie('list'), tie('map')),
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie('scalar'), tie('list'), tie('map')),
}));

export const seed = fc.integer({ min: 0, max: 0xffff_ffff });

const shuffled = <T>(items: readonly T[], choose: Choose): readonly T[] => {
  const left = [...items];
  return items.flatMap(() => left.splice(choose(left.length), 1));
};

export const writeJson = (value: Value, choose: Choose): string => {
  const blank = (): string => ['', '', ' ', '\n', '\t', '\r\n'][choose(6)] ?? '';
  const escaped = (each: string): string =>
    `"${Array.from(each, (character) =>
      choose(5) === 0
        ? Array.from(
            { length: character.length },
            (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
          ).join('')
        : JSON.stringify(character).slice(1, -1),
    ).join('')}"`;
  const write = (each: Value): string => {
    switch (each.kind) {
      case 'str':
        return escaped(each.text);
      case 'bare':
        return each.text;
      case 'list':
        return `[${blank()}${each.items.map((item) => blank() + write(item) + blank()).join(',')}]`;
      case 'map':
        return `{${blank()}${shuffled(each.entries, choose)
          .map(([name, item]) => `${blank()}${escaped(name)}${blank()}:${blank()}${write(item)}${blank()}`)
          .join(',')}}`;
    }
  };
  return blank() + write(value) + blank();
};

/** Quotes, comments, block or flow form, indentation, and anchors where the same value stands again. */
export const writeYaml = (value: Value, choose: Choose): string => {
  const anchors = new Map<string, string>();
  let anchored = 0;

  const quoted = (each: string): string => {
    const ways = [JSON.stringify(each)];
    if (/^[\p{L}\p{N} !#-&(-~]*$/u.test(each)) ways.push(`'${each}'`);
    if (/^[a-z]{3,}(?: [a-z0-9]+)*$/.test(each) && !WORDS.has(each)) ways.push(each, each);
    return ways[choose(ways.length)] ?? '';
  };
  const comment = (): string => (choose(6) === 0 ? ' # comment: [' : '');
  const scalar = (each: Value): string | undefined => {
    if (each.kind === 'str') return quoted(each.text);
    if (each.kind === 'bare') return each.text;
    if (each.kind === 'list') return each.items.length === 0 ? '[]' : undefined;
    return each.entries.length === 0 ? '{}' : undefined;
  };
  const before = (each: Value): { readonly alias?: string; readonly anchor: string; readonly done: () => void } => {
    const known = anchors.get(JSON.stringify(each));
    if (known !== undefined && choose(2) === 0) return { alias: `*${known}`, anchor: '', done: () => undefined };
    if (choose(4) !== 0) return { anchor: '', done: () => undefined };
    const name = `a${anchored++}`;
    return { anchor: `&${name} `, done: () => anchors.set(JSON.stringify(each), name) };
  };

  const flow = (each: Value): string => {
    const { alias, anchor, done } = before(each);
    if (alias !== undefined) return `${alias} `;
    const written = anchor + flowContent(each);
    done();
    return written;
  };
  const flowContent = (each: Value): string => {
    const short = scalar(each);
    if (short !== undefined) return short;
    if (each.kind === 'list') return `[${each.items.map(flow).join(', ')}]`;
    const entries = each.kind === 'map' ? shuffled(each.entries, choose) : [];
    return `{ ${entries.map(([name, item]) => `${quoted(name)}: ${flow(item)}`).join(', ')} }`;
  };

  /** What follows `name:` or `-`, up to the end of its last line. */
  const block = (each: Value, indent: number): string => {
    const { alias, anchor, done } = before(each);
    if (alias !== undefined) return ` ${alias}${comment()}\n`;
    const deeper = indent + 1 + choose(4);
    const pad = ' '.repeat(deeper);
    const remark = (): string => (choose(8) === 0 ? '# - remark\n' : choose(8) === 0 ? '\n' : '');
    const written = ((): string => {
      if (each.kind === 'str' && /^(?:[a-z][a-z ]*\n)+$/.test(each.text) && choose(2) === 0) {
        return `${anchor}|\n${each.text.replaceAll(/^(?=.)/gm, pad)}`;
      }
      const short = scalar(each) ?? (choose(3) === 0 ? flowContent(each) : undefined);
      if (short !== undefined) return `${anchor}${short}${comment()}\n`;
      const head = `${anchor.trimEnd()}${comment()}\n`;
      if (each.kind === 'list') {
        return head + each.items.map((item) => `${remark()}${pad}-${block(item, deeper)}`).join('');
      }
      if (each.kind !== 'map') return '';
      return (
        head +
        shuffled(each.entries, choose)
          .map(([name, item]) => `${remark()}${pad}${quoted(name)}:${block(item, deeper)}`)
          .join('')
      );
    })();
    done();
    return ` ${written}`;
  };

  return `${choose(2) === 0 ? '# head\n' : ''}---${block(value, -1)}`;
};

/** Plain, they are something else, to some readers. */
const WORDS = new Set(['yes', 'off', 'true', 'null', 'false']);

/** The value with one of its scalars replaced by another, and where. Undefined: it has none. */
export const withOneChange = (
  value: Value,
  choose: Choose,
): { readonly changed: Value; readonly pointer: string } | undefined => {
  const places: { readonly pointer: string; readonly changed: Value }[] = [];
  const walk = (each: Value, pointer: string, put: (instead: Value) => Value): void => {
    if (each.kind === 'list') {
      each.items.forEach((item, index) =>
        walk(item, `${pointer}/${index}`, (instead) => put({ ...each, items: each.items.with(index, instead) })),
      );
    } else if (each.kind === 'map') {
      each.entries.forEach(([name, item], index) =>
        walk(item, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, (instead) =>
          put({ ...each, entries: each.entries.with(index, [name, instead]) }),
        ),
      );
    } else {
      const other: Value =
        each.kind === 'str'
          ? { kind: 'str', text: `${each.text}x` }
          : { kind: choose(2) === 0 ? 'str' : 'bare', text: each.text === '7' ? '8' : '7' };
      places.push({ pointer, changed: put(other) });
    }
  };
  walk(value, '', (instead) => instead);
  return places[choose(places.length)];
};
