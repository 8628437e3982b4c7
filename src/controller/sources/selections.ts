/**
 * Sources that policies find by label, kept up with what the watches show. Labels are looked at as they come by and not
 * kept, so what was there before a policy came is asked for once.
 */

import { isDeepStrictEqual } from 'node:util';
import { sourceId, type SourceId } from '../../domain/observed.ts';
import { matchesSelector, type LabelSelector, type SourceKind } from '../../domain/selection.ts';
import { toError } from '../../runtime/errors.ts';
import type { SourceReader, SourceVersion, StoredPolicy } from '../ports.ts';
import { partsOf } from './keys.ts';

export interface Selections {
  /** Takes note of a policy that came, changed or went. */
  set(policy: string, now: StoredPolicy | undefined): void;
  /** A version with its labels has come by. */
  see(version: SourceVersion): void;
  /** Asks for what was there before. */
  resolve(policy: string, signal: AbortSignal): Promise<void>;
  found(policy: string): ReadonlySet<SourceId>;
  /** Another number whenever a policy finds others than before. */
  revision(policy: string): number;
  /** A source is gone: nobody finds it any more. */
  lose(namespace: string, id: SourceId): void;
  /** Whether it is still to be asked for what a policy of the namespace finds. */
  resolving(namespace: string): boolean;
  /** Why not all that a policy selects can be found; undefined where it can. */
  problem(policy: string): string | undefined;
  /** Whether all that the policies of a namespace select is found. */
  complete(namespace: string): boolean;
}

export interface SelectionsOptions {
  readonly reader: SourceReader;
  /** Why sources of a kind can't be selected in a namespace; undefined where they can. */
  readonly refusal: (kind: SourceKind, namespace: string) => string | undefined;
  readonly onResolve: (policy: string) => void;
  /** A selector of the policy begins to count, or does no longer. */
  readonly onSelector: (policy: string, kind: SourceKind, namespace: string, counts: boolean) => void;
  readonly onFound: (policy: string, namespace: string, id: SourceId) => void;
  readonly onLost: (policy: string, namespace: string, id: SourceId) => void;
  /** Another answer than before to `resolving` or `problem`. */
  readonly onState: (policy: string) => void;
}

type Selector = { readonly kind: SourceKind; readonly selector: LabelSelector };

interface Selection {
  readonly namespace: string;
  /** As they are written. */
  readonly written: readonly Selector[];
  /** Those that may be followed. */
  readonly selectors: readonly Selector[];
  readonly refused: string | undefined;
  readonly found: Set<SourceId>;
  revision: number;
  resolved: boolean;
  problem: string | undefined;
  /** What the watches have shown while it was asked for: that is newer, or is made good by what they show next. */
  readonly seen: Map<SourceId, boolean>;
}

const NONE: ReadonlySet<SourceId> = new Set();

export const createSelections = (options: SelectionsOptions): Selections => {
  const selections = new Map<string, Selection>();
  const inNamespace = new Map<string, Set<string>>();
  let revisions = 0;

  const of = (namespace: string): readonly Selection[] =>
    [...(inNamespace.get(namespace) ?? [])].flatMap((policy) => selections.get(policy) ?? []);

  /** Large selections come one by one: nothing here takes longer the more there are. */
  const mark = (policy: string, selection: Selection, id: SourceId, matches: boolean): void => {
    if (matches === selection.found.has(id)) return;
    revisions += 1;
    selection.revision = revisions;
    if (matches) {
      selection.found.add(id);
      options.onFound(policy, selection.namespace, id);
    } else {
      selection.found.delete(id);
      options.onLost(policy, selection.namespace, id);
    }
  };

  const drop = (policy: string, selection: Selection): void => {
    selections.delete(policy);
    const policies = inNamespace.get(selection.namespace);
    policies?.delete(policy);
    if (policies?.size === 0) inNamespace.delete(selection.namespace);
  };

  const kindsOf = (selection: Selection | undefined): ReadonlySet<SourceKind> =>
    new Set(selection?.selectors.map(({ kind }) => kind));

  const tellSelectors = (policy: string, before: Selection | undefined, after: Selection | undefined): void => {
    const [was, is] = [kindsOf(before), kindsOf(after)];
    for (const kind of is) if (!was.has(kind)) options.onSelector(policy, kind, after?.namespace ?? '', true);
    for (const kind of was) if (!is.has(kind)) options.onSelector(policy, kind, before?.namespace ?? '', false);
  };

  const set: Selections['set'] = (policy, now) => {
    const before = selections.get(policy);
    const written = now?.sourceSelectors ?? [];
    if (now === undefined || written.length === 0) {
      if (before === undefined) return;
      drop(policy, before);
      for (const id of [...before.found]) mark(policy, before, id, false);
      tellSelectors(policy, before, undefined);
      return;
    }
    if (before !== undefined && isDeepStrictEqual(before.written, written)) return;
    const { namespace } = now;
    const refusals = new Set(written.flatMap(({ kind }) => options.refusal(kind, namespace) ?? []));
    const selectors = written.filter(({ kind }) => options.refusal(kind, namespace) === undefined);
    const selection: Selection = {
      namespace,
      written,
      selectors,
      refused: refusals.size === 0 ? undefined : [...refusals].join('; '),
      found: before?.found ?? new Set(),
      revision: before?.revision ?? 0,
      resolved: false,
      problem: undefined,
      seen: new Map(),
    };
    selections.set(policy, selection);
    inNamespace.set(namespace, (inNamespace.get(namespace) ?? new Set()).add(policy));
    tellSelectors(policy, before, selection);
    options.onResolve(policy);
  };

  return {
    set,
    see: ({ key, labels = {} }) => {
      const { kind, namespace, id } = partsOf(key);
      for (const policy of inNamespace.get(namespace) ?? []) {
        const selection = selections.get(policy);
        if (selection === undefined) continue;
        const matches = selection.selectors.some(
          (each) => each.kind === kind && matchesSelector(each.selector, labels),
        );
        if (!selection.resolved) selection.seen.set(id, matches);
        mark(policy, selection, id, matches);
      }
    },
    resolve: async (policy, signal) => {
      const selection = selections.get(policy);
      if (selection === undefined || selection.resolved) return;
      const isCurrent = (): boolean => selections.get(policy) === selection;
      try {
        const listed = new Set<SourceId>();
        for (const { kind, selector } of selection.selectors) {
          const versions = await options.reader.find(kind, selection.namespace, selector, signal);
          for (const { key } of versions) listed.add(sourceId({ kind, name: partsOf(key).name }));
        }
        if (!isCurrent()) return;
        for (const [id, matches] of selection.seen) {
          if (matches) listed.add(id);
          else listed.delete(id);
        }
        selection.seen.clear();
        selection.resolved = true;
        selection.problem = undefined;
        for (const id of new Set([...selection.found, ...listed])) mark(policy, selection, id, listed.has(id));
        options.onState(policy);
      } catch (thrown) {
        if (!signal.aborted && isCurrent()) {
          selection.problem = toError(thrown).message;
          options.onState(policy);
        }
        throw thrown;
      }
    },
    revision: (policy) => selections.get(policy)?.revision ?? 0,
    found: (policy) => selections.get(policy)?.found ?? NONE,
    lose: (namespace, id) => {
      for (const policy of inNamespace.get(namespace) ?? []) {
        const selection = selections.get(policy);
        if (selection !== undefined) mark(policy, selection, id, false);
      }
    },
    resolving: (namespace) => of(namespace).some(({ resolved, problem }) => !resolved && problem === undefined),
    problem: (policy) => {
      const selection = selections.get(policy);
      const problems = [selection?.refused, selection?.problem].filter((each) => each !== undefined);
      return problems.length === 0 ? undefined : problems.join('; ');
    },
    complete: (namespace) => of(namespace).every(({ resolved, refused }) => resolved && refused === undefined),
  };
};
