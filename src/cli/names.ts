/** Workloads and sources as people name them on the command line: `deploy/web`, `cm/app`. */

import { aliasesOf, WORKLOAD_KINDS } from '../api/v1alpha1/kinds.ts';
import type { SourceKind, WorkloadKind } from '../domain/selection.ts';
import { usage } from './exit.ts';

export interface WorkloadName {
  readonly kind: WorkloadKind;
  readonly name: string;
}

export interface SourceName {
  readonly kind: SourceKind;
  readonly name: string;
}

/** As kubectl knows them. */
const WORKLOADS = Object.fromEntries(WORKLOAD_KINDS.map((kind) => [kind, aliasesOf(kind)])) as Readonly<
  Record<WorkloadKind, readonly string[]>
>;
const SOURCES: Readonly<Record<SourceKind, readonly string[]>> = {
  ConfigMap: ['cm', 'configmap', 'configmaps'],
  Secret: ['secret', 'secrets'],
};

/** @throws a usage Failure */
export const parseWorkloadName = (text: string): WorkloadName =>
  parse(text, WORKLOADS, 'workload', 'deploy/NAME, sts/NAME, ds/NAME, cj/NAME, rollout/NAME, rs/NAME or po/NAME');

/** @throws a usage Failure */
export const parseSourceName = (text: string): SourceName => parse(text, SOURCES, 'source', 'cm/NAME or secret/NAME');

const parse = <Kind extends string>(
  text: string,
  kinds: Readonly<Record<Kind, readonly string[]>>,
  what: string,
  instead: string,
): { readonly kind: Kind; readonly name: string } => {
  const [alias = '', name = '', ...rest] = text.split('/');
  const kind = (Object.keys(kinds) as Kind[]).find((each) => kinds[each].includes(alias.toLowerCase()));
  if (kind === undefined || rest.length > 0 || !OBJECT_NAME.test(name))
    throw usage(`${JSON.stringify(text)} names no ${what}: write ${instead}`);
  return { kind, name };
};

/** A name of an object goes into a path of the API as it is. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** @throws a usage Failure */
export const checkName = (name: string, what: string): string => {
  if (!OBJECT_NAME.test(name)) throw usage(`${JSON.stringify(name)} is no name of a ${what}`);
  return name;
};
