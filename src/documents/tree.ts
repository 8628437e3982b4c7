/** What every format is read into. Aliases make it a graph: the same node may stand at several places. */

import { escapeToken, MOST_DEPTH } from '../domain/pointers.ts';
import { DocumentError, type Leaf, type ParsedDocument } from './document.ts';

export interface Scalar {
  readonly kind: 'scalar';
  readonly tag: string;
  readonly text: string;
  /** What it is in plain JavaScript. */
  readonly value: unknown;
  readonly range?: readonly [start: number, end: number];
}

/** `mark` goes before the tag of every leaf in it: an explicit tag, or the type of a name that is no string. */
export interface List {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly mark?: string;
  readonly range?: readonly [start: number, end: number];
}

export interface Table {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Tree>;
  readonly mark?: string;
  readonly range?: readonly [start: number, end: number];
}

/** The same tree with a mark, or at a place where its text does not stand. */
export interface Wrapped {
  readonly kind: 'wrapped';
  readonly tree: Tree;
  readonly mark?: string;
  readonly elsewhere?: boolean;
}

export type Tree = Scalar | List | Table | Wrapped;

export const MOST_LEAVES = 100_000;
/** Of all pointers and values together: a value may stand at many places, and each is hashed. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

export const tooManyLeaves = (): DocumentError =>
  new DocumentError(`has more than ${MOST_LEAVES} values, aliases and merge keys resolved`);
export const tooDeep = (where?: { readonly text: string; readonly offset: number }): DocumentError =>
  new DocumentError(`is nested more than ${MOST_DEPTH} levels deep`, where);

/** @throws DocumentError where there is more of it than is looked into */
export const documentOf = (tree: Tree): ParsedDocument => ({ leaves: leavesOf(tree), toValue: () => valueOf(tree) });

const leavesOf = (root: Tree): readonly Leaf[] => {
  const leaves: Leaf[] = [];
  let characters = 0;

  const add = (pointer: string, tag: string, text: string, range: Leaf['range']): void => {
    if (leaves.length >= MOST_LEAVES) throw tooManyLeaves();
    characters += pointer.length + tag.length + text.length;
    if (characters > MOST_CHARACTERS) {
      throw new DocumentError('its names and values are too long together, aliases and merge keys resolved');
    }
    leaves.push(range === undefined ? { pointer, tag, text } : { pointer, tag, text, range });
  };

  const walk = (tree: Tree, pointer: string, depth: number, mark: string, elsewhere: boolean): void => {
    if (depth > MOST_DEPTH) throw tooDeep();
    if (tree.kind === 'wrapped') {
      walk(tree.tree, pointer, depth, joined(mark, tree.mark), elsewhere || tree.elsewhere === true);
      return;
    }
    const range = elsewhere ? undefined : tree.range;
    if (tree.kind === 'scalar') {
      add(pointer, mark + tree.tag, tree.text, range);
      return;
    }
    const inner = joined(mark, tree.mark);
    if (tree.kind === 'list') {
      add(pointer, `${inner}list`, '', tree.items.length === 0 ? range : undefined);
      tree.items.forEach((item, index) => {
        walk(item, `${pointer}/${index}`, depth + 1, inner, elsewhere);
      });
      return;
    }
    if (tree.entries.size === 0) add(pointer, `${inner}map`, '', range);
    for (const [name, value] of tree.entries) {
      walk(value, `${pointer}/${escapeToken(name)}`, depth + 1, inner, elsewhere);
    }
  };

  walk(root, '', 0, '', false);
  return leaves;
};

/** A space can be in no tag. */
const joined = (mark: string, more: string | undefined): string => (more === undefined ? mark : `${mark}${more} `);

const valueOf = (tree: Tree): unknown => {
  switch (tree.kind) {
    case 'wrapped':
      return valueOf(tree.tree);
    case 'scalar':
      return tree.value;
    case 'list':
      return tree.items.map(valueOf);
    case 'map': {
      const object = Object.create(null) as Record<string, unknown>;
      for (const [name, value] of tree.entries) object[name] = valueOf(value);
      return object;
    }
  }
};
