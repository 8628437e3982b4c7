/** What a container uses as environment variables, and as parts of its command line. */

import type { SourceKind } from '../selection.ts';
import { expand, namesIn } from './expansion.ts';
import type { Container, EnvVar } from './template.ts';
import type { Use, Way } from './use.ts';

/** What all uses of one container have in common. */
export type Reader = Pick<Use, 'container' | 'init' | 'sidecar'>;

export const environmentUses = (container: Container, reader: Reader): readonly Use[] => {
  const { env = [], envFrom = [] } = container;
  if (env.length === 0 && envFrom.length === 0) return [];
  const inArguments = expandedNames(container);
  const hidden = hiddenNames(env);
  const named = env.flatMap((variable, index): readonly Use[] => {
    const { valueFrom, name: at } = variable;
    const { kind, ref } = referenceOf(valueFrom ?? {});
    if (ref?.name === undefined || isHidden(env, index, hidden)) return [];
    const way: Way = inArguments.has(at) ? 'Args' : 'Env';
    const { name, key, optional = false } = ref;
    return [{ ...reader, source: { kind, name }, key, way, at, optional }];
  });
  const whole = envFrom.flatMap(({ prefix = '', configMapRef, secretRef }): readonly Use[] => {
    const kind: SourceKind = configMapRef === undefined ? 'Secret' : 'ConfigMap';
    const { name, optional = false } = configMapRef ?? secretRef ?? {};
    if (name === undefined) return [];
    const source = { kind, name };
    const keysOf = (names: Iterable<string>): readonly string[] =>
      [...names].flatMap((each) => (each.startsWith(prefix) ? [each.slice(prefix.length)] : []));
    const except = keysOf(hidden);
    return [
      // Which of them the object holds is its own affair: a name that it lacks uses nothing.
      ...keysOf(inArguments)
        .filter((key) => !except.includes(key))
        .map((key): Use => ({ ...reader, source, key, way: 'Args', at: `${prefix}${key}`, optional: true })),
      { ...reader, source, ...(except.length > 0 && { except }), way: 'EnvFrom', at: prefix, optional },
    ];
  });
  return [...named, ...whole];
};

const referenceOf = ({
  configMapKeyRef,
  secretKeyRef,
}: NonNullable<EnvVar['valueFrom']>): {
  readonly kind: SourceKind;
  readonly ref: { readonly name?: string; readonly key: string; readonly optional?: boolean } | undefined;
} =>
  configMapKeyRef === undefined ? { kind: 'Secret', ref: secretKeyRef } : { kind: 'ConfigMap', ref: configMapKeyRef };

/** The variables that `$(NAME)` in command, args or other variables' values takes up. */
const expandedNames = ({ command = [], args = [], env = [] }: Container): ReadonlySet<string> => {
  const names = new Set([...command, ...args].flatMap(namesIn));
  // A variable may be built from earlier ones: follow them back, the last first.
  for (const { name, value } of [...env].reverse()) {
    if (names.has(name) && value !== undefined) for (const inner of namesIn(value)) names.add(inner);
  }
  return names;
};

/**
 * The variables of `env` that stand above earlier ones of the same name: those that are set for certain, and that no
 * other variable may have been built from before.
 */
const hiddenNames = (env: readonly EnvVar[]): ReadonlySet<string> => {
  const builtFrom = new Set(env.flatMap(({ value = '' }) => namesIn(value)));
  return new Set(env.filter(isCertain).flatMap(({ name }) => (builtFrom.has(name) ? [] : [name])));
};

/** An optional reference that leads nowhere leaves an earlier variable of the name as it was. */
const isCertain = ({ valueFrom = {} }: EnvVar): boolean => referenceOf(valueFrom).ref?.optional !== true;

const isHidden = (env: readonly EnvVar[], index: number, hidden: ReadonlySet<string>): boolean => {
  const name = env[index]?.name ?? '';
  return hidden.has(name) && env.slice(index + 1).some((later) => later.name === name && isCertain(later));
};

/**
 * The values of variables that stand in the template itself, also those built from others of them.
 * @returns undefined for any other
 */
export const literalValues = ({ env = [] }: Container): ReadonlyMap<string, string> => {
  const values = new Map<string, string>();
  for (const { name, value = '', valueFrom } of env) {
    const literal = valueFrom === undefined ? expand(value, (inner) => values.get(inner)) : undefined;
    if (literal === undefined) values.delete(name);
    else values.set(name, literal);
  }
  return values;
};
