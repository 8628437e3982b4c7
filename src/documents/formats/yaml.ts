/**
 * YAML 1.2, in one or several documents. Only its structure is taken from the parser: what a plain scalar is, aliases
 * and merge keys are worked out here, so that no number passes through a double and nothing is expanded before it is
 * counted.
 */

import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type CST,
  type Document,
  type ErrorCode,
  type ParsedNode,
  type Scalar as ScalarNode,
  type YAMLMap,
} from 'yaml';
import { DocumentError } from '../document.ts';
import { MOST_DEPTH } from '../../domain/pointers.ts';
import { MOST_LEAVES, tooDeep, tooManyLeaves, type Scalar, type Table, type Tree } from '../tree.ts';
import { plainScalar } from './yaml-scalars.ts';

export const readYaml = (text: string): Tree => {
  const composer = new Composer({ schema: 'failsafe', logLevel: 'silent', prettyErrors: false, uniqueKeys: false });
  // It would collect its errors, each with a stack: hostile text has a million of them.
  const onError = firstError(text);
  Object.assign(composer, { onError });
  const documents: Tree[] = [];
  for (const document of composer.compose(tokensOf(text))) {
    for (const { pos, code } of document.errors) onError(pos[0], code);
    documents.push(treeOf(document, text));
  }
  const { errors } = composer.streamInfo();
  for (const { pos, code } of errors) onError(pos[0], code);
  const [only] = documents;
  if (only === undefined) return NOTHING;
  return documents.length === 1 ? only : { kind: 'list', items: documents };
};

const NOTHING: Tree = { kind: 'scalar', tag: 'null', text: '', value: null };

/** More of them than this can't be as few values as are looked into, or are nearly all comments. */
const MOST_LEXEMES = 1_500_000;

/** The parser goes by a stack of its own, which says how deep it is; what composes its tokens goes down by recursion. */
function* tokensOf(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > MOST_LEXEMES) throw tooManyLeaves();
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') throw new DocumentError(UNEXPECTED, { text, offset: token.offset });
      yield token;
    }
    // The document itself, and the scalar that is read.
    if (parser.stack.length > MOST_DEPTH + 2) throw tooDeep({ text, offset: parser.offset });
  }
  yield* parser.end();
}

type ErrorSource = number | readonly number[] | { readonly offset: number };

/** Throws the first error, and that one again: the composer takes errors thrown within it for its own. */
const firstError = (text: string) => {
  let first: DocumentError | undefined;
  return (source: ErrorSource, code: ErrorCode, _message?: string, warning = false): void => {
    if (warning) return;
    const offset = typeof source === 'number' ? source : 'offset' in source ? source.offset : (source[0] ?? 0);
    first ??= new DocumentError(PROBLEMS[code] ?? 'is not valid YAML', { text, offset });
    throw first;
  };
};

const treeOf = (document: Document.Parsed, text: string): Tree => {
  // Undefined while the node that carries the anchor is being read.
  const anchors = new Map<string, Tree | undefined>();
  const { yaml } = document.directives;
  const version = yaml.explicit && yaml.version !== '1.2' ? yaml.version : undefined;
  let merged = 0;

  const read = (node: ParsedNode | null): Tree => {
    if (node === null) return NOTHING;
    if (isAlias(node)) {
      if (!anchors.has(node.source)) throw at(node, 'an alias for which there is no anchor before it');
      const tree = anchors.get(node.source);
      if (tree === undefined) throw at(node, 'an alias for what it stands in');
      return wrapped(tree, undefined, true);
    }
    const { anchor } = node;
    if (anchor === undefined) return contentOf(node);
    anchors.set(anchor, undefined);
    const tree = contentOf(node);
    anchors.set(anchor, tree);
    return tree;
  };

  const contentOf = (node: Exclude<ParsedNode, { source: string; anchor?: never }>): Tree => {
    const range = [node.range[0], node.range[1]] as const;
    if (isScalar(node)) return scalarOf(node, range);
    const mark = node.tag === undefined || GENERIC.has(node.tag) ? {} : { mark: `<${node.tag}>` };
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => read(item)), range, ...mark };
    if (isMap(node)) return { kind: 'map', entries: entriesOf(node), range, ...mark };
    throw at(node, 'is not valid YAML');
  };

  const scalarOf = (node: ScalarNode.Parsed, range: readonly [number, number]): Scalar => {
    const source = node.source;
    const { tag } = node;
    if (tag === undefined && node.type === 'PLAIN') {
      const { tag: plain, text, value } = plainScalar(source);
      return { kind: 'scalar', tag: version === undefined ? plain : `${plain}@${version}`, text, value, range };
    }
    if (!source.isWellFormed()) throw at(node, 'half a character: a surrogate without the other');
    return {
      kind: 'scalar',
      tag: tag === undefined || tag === STR ? 'str' : `<${tag}>`,
      text: source,
      value: source,
      range,
    };
  };

  const entriesOf = (map: YAMLMap.Parsed): ReadonlyMap<string, Tree> => {
    const entries = new Map<string, Tree>();
    let merge: { readonly node: ParsedNode; readonly tree: Tree } | undefined;
    for (const { key, value } of map.items) {
      const name = contentBelow(read(key)).tree;
      const tree = read(value);
      if (isMergeKey(key)) {
        if (merge !== undefined) throw at(key, 'the same name twice');
        merge = { node: value ?? key, tree };
        continue;
      }
      if (name.kind !== 'scalar') throw at(key, 'a name that is a list or a map');
      const text = name.tag.startsWith('null') ? 'null' : name.text;
      if (entries.has(text)) throw at(key, 'the same name twice');
      entries.set(text, name.tag === 'str' ? tree : wrapped(tree, name.tag));
    }
    if (merge === undefined) return entries;
    for (const { table, elsewhere } of tablesOf(merge.tree, merge.node)) {
      for (const [name, value] of table.entries) {
        if (++merged > MOST_LEAVES) throw tooManyLeaves();
        if (!entries.has(name)) entries.set(name, wrapped(value, table.mark, elsewhere));
      }
    }
    return entries;
  };

  /** The maps that a merge key names; of the same name in several, the first counts. */
  const tablesOf = (
    tree: Tree,
    node: ParsedNode,
  ): readonly { readonly table: Table; readonly elsewhere: boolean }[] => {
    const outer = contentBelow(tree);
    const each = outer.tree.kind === 'list' ? outer.tree.items.map(contentBelow) : [outer];
    return each.map(({ tree: table, elsewhere }) => {
      if (table.kind !== 'map') throw at(node, 'a merge key of what is neither a map nor a list of maps');
      return { table, elsewhere: elsewhere || outer.elsewhere };
    });
  };

  const at = (node: ParsedNode, problem: string): DocumentError =>
    new DocumentError(problem, { text, offset: node.range[0] });

  return read(document.contents);
};

const STR = 'tag:yaml.org,2002:str';
/** What a collection is anyway. */
const GENERIC: ReadonlySet<string> = new Set(['tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq']);

const isMergeKey = (key: ParsedNode): boolean =>
  isScalar(key) && key.type === 'PLAIN' && key.source === '<<' && key.tag === undefined;

/** One wrapping at the most, however often a value is handed on. */
const wrapped = (tree: Tree, mark?: string, elsewhere = false): Tree => {
  if (mark === undefined && !elsewhere) return tree;
  const inner = tree.kind === 'wrapped' ? tree : { tree };
  const marks = [mark, 'mark' in inner ? inner.mark : undefined].filter((each) => each !== undefined);
  return {
    kind: 'wrapped',
    tree: inner.tree,
    elsewhere: elsewhere || ('elsewhere' in inner && inner.elsewhere),
    ...(marks.length > 0 && { mark: marks.join(' ') }),
  };
};

const contentBelow = (
  tree: Tree,
): { readonly tree: Exclude<Tree, { kind: 'wrapped' }>; readonly elsewhere: boolean } => {
  let elsewhere = false;
  let inner = tree;
  while (inner.kind === 'wrapped') {
    elsewhere ||= inner.elsewhere === true;
    inner = inner.tree;
  }
  return { tree: inner, elsewhere };
};

const UNEXPECTED = 'something that is not expected here';
const PROBLEMS: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALIAS_PROPS: 'an alias with a tag or an anchor',
  BAD_ALIAS: 'an alias or anchor without a name',
  BAD_DIRECTIVE: 'a directive that is none',
  BAD_DQ_ESCAPE: 'an escape that YAML does not know',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_PROP_ORDER: 'a tag or an anchor in the wrong place',
  BAD_SCALAR_START: 'a character that no plain value starts with: quote it',
  BLOCK_AS_IMPLICIT_KEY: 'a map or list in block form where a value on one line is expected',
  BLOCK_IN_FLOW: 'a map or list in block form inside brackets',
  KEY_OVER_1024_CHARS: 'a name of more than 1024 characters',
  MISSING_CHAR: 'a character is missing: a quote, a bracket, a comma, a colon or a space',
  MULTILINE_IMPLICIT_KEY: 'a name on several lines',
  MULTIPLE_ANCHORS: 'two anchors of one value',
  MULTIPLE_TAGS: 'two tags of one value',
  RESOURCE_EXHAUSTION: 'is too large or too deep',
  TAB_AS_INDENT: 'a tab as indentation',
  TAG_RESOLVE_FAILED: 'a tag that can not be resolved',
  UNEXPECTED_TOKEN: UNEXPECTED,
};
