/** Rego policies that OPA evaluates and that are replaced while the service runs, each for itself. */

import { basename, join } from 'node:path';
import type { Watcher } from 'reload-operator/watcher';
import { UserError } from './errors.ts';
import { follow } from './follow.ts';
import { startOpa, type Opa } from './opa.ts';
import type { Environment } from './service.ts';

export interface PolicyFile {
  /** In the folder of the policies, such as `priority.rego`. */
  readonly file: string;
  /** What the service asks it for, such as `signalprocessing/priority/result`. */
  readonly rule: string;
}

export interface Policies<Name extends string> {
  /** What a policy decides on an input. */
  decide(name: Name, input: unknown): Promise<unknown>;
  /** The sha256 of the bytes of each policy that is in force, in hexadecimal, by file name. */
  digests(): Readonly<Record<string, string>>;
  /** Why what stands in a file now is not in force, by file name. */
  problems(): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** @throws UserError where a policy can't be used */
export const followPolicies = async <Name extends string>(
  folder: string,
  files: Readonly<Record<Name, PolicyFile>>,
  { opa: binary, onEnd }: Environment,
): Promise<Policies<Name>> => {
  const opa = await startOpa(binary, onEnd);
  const swaps = createTurns();
  const watchers: Watcher<string>[] = [];
  for (const policy of Object.values<PolicyFile>(files)) {
    watchers.push(
      await follow(join(folder, policy.file), {
        parse: (text) => text,
        apply: (next, previous) => swaps.alone(() => replace(opa, policy, next, previous)),
      }),
    );
  }
  const statuses = (): readonly { readonly path: string; readonly sha256?: string; readonly error?: string }[] =>
    watchers.flatMap((watcher) => watcher.status().files);
  return {
    decide: async (name, input) => {
      await swaps.idle();
      return opa.evaluate(files[name].rule, input);
    },
    digests: () => byName(statuses(), ({ sha256 }) => sha256),
    problems: () => byName(statuses(), ({ error }) => error),
    stop: () => opa.stop(),
  };
};

/** All or nothing: a policy that OPA compiles but that decides nothing is taken back. */
const replace = async (
  opa: Opa,
  { file, rule }: PolicyFile,
  next: string,
  previous: string | undefined,
): Promise<void> => {
  await opa.put(file, next);
  if ((await opa.evaluate(rule, {})) !== undefined) return;
  await (previous === undefined ? opa.remove(file) : opa.put(file, previous));
  throw new UserError(`${file}: data.${rule.replaceAll('/', '.')} has no value for an empty input: give it a default`);
};

/** Nothing is decided while a policy is being replaced. */
const createTurns = (): { alone: (swap: () => Promise<void>) => Promise<void>; idle: () => Promise<void> } => {
  let latest: Promise<void> = Promise.resolve();
  return {
    alone: (swap) => {
      const done = latest.then(swap);
      latest = done.catch(() => undefined);
      return done;
    },
    idle: () => latest,
  };
};

const byName = <File extends { readonly path: string }>(
  files: readonly File[],
  what: (file: File) => string | undefined,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    files.flatMap((file) => {
      const value = what(file);
      return value === undefined ? [] : [[basename(file.path), value] as const];
    }),
  );
