/** What proof needs of Secrets: read for one purpose, and dropped. Nothing of it is kept, logged or told. */

import { digestParts } from '../../domain/digest.ts';
import { sourceOf } from '../../domain/observed.ts';
import type { NotifyTarget } from '../../domain/proof.ts';
import type { Clock } from '../../runtime/clock.ts';
import { statusOf, toError } from '../../runtime/errors.ts';
import type { MountQuestion, SourceObject, SourceReader } from '../ports.ts';
import { isSecret, type ExpectedVolume } from './expectation.ts';
import { oneLine } from './heard.ts';

/** For one change of one workload: it ends with the signal. */
export interface SecretsOptions {
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly reader: Pick<SourceReader, 'get'>;
  readonly clock: Pick<Clock, 'now'>;
  /** 32 random bytes. */
  readonly randomKey: () => Uint8Array;
}

export interface SigningKeys {
  /** The key, or why there is none. */
  get(signature: NonNullable<NotifyTarget['signature']>): Promise<Uint8Array | string>;
}

export interface Questions {
  /** What an agent is to be asked of a volume; or why it can't be asked. */
  of(volume: ExpectedVolume): Promise<readonly MountQuestion[] | string>;
}

/** Many pods want the same at the same time. */
const SIGNING_KEY_MS = 5_000;
const QUESTION_MS = 1_000;

export const createSigningKeys = (options: SecretsOptions): SigningKeys => {
  const share = createShare<Uint8Array | string>(options.clock, SIGNING_KEY_MS);
  return {
    get: ({ name, key }) =>
      share(`${name}/${key}`, async () => {
        const where = `Secret ${name}, by which requests are to be signed,`;
        const secret = await read(options, name);
        if (secret === undefined) return `${where} does not exist: create it, with the key ${key}`;
        if (typeof secret === 'string') return `${where} ${secret}`;
        if (secret.content === undefined) return `${where} can't be read with --secrets-blind`;
        const value = secret.content.get(key);
        if (value === undefined || value.length === 0) return `${where} has no value under the key ${key}`;
        return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
      }),
  };
};

export const createQuestions = (options: SecretsOptions): Questions => {
  const share = createShare<readonly MountQuestion[] | string>(options.clock, QUESTION_MS);
  return {
    of: async (volume) => {
      const { volume: name, plugin, files } = volume;
      const plain = [...files].filter(([, file]) => !isSecret(file));
      const keyed = [...files].filter(([, file]) => isSecret(file));
      const open: MountQuestion = {
        volume: name,
        plugin,
        files: new Map(plain.map(([path, { digest }]) => [path, digest === '' ? undefined : digest])),
      };
      if (keyed.length === 0) return [open];
      return share(JSON.stringify([name, plugin, [...files]]), async () => {
        const question = await keyedQuestion(options, { ...volume, files: new Map(keyed) });
        if (typeof question === 'string') return question;
        return plain.length === 0 ? [question] : [open, question];
      });
    },
  };
};

/** By a key of its own, so that what an agent is told can't be held against anything else. */
const keyedQuestion = async (
  options: SecretsOptions,
  { volume, plugin, files }: ExpectedVolume,
): Promise<MountQuestion | string> => {
  const scheme = { format: 'q1', key: options.randomKey(), context: [] };
  const digests = new Map<string, string | undefined>();
  for (const source of new Set([...files.values()].map((file) => file.source))) {
    const { name } = sourceOf(source);
    const secret = await read(options, name);
    if (typeof secret === 'string') return `Secret ${name} ${secret}`;
    if (secret !== undefined && secret.content === undefined)
      return `whether the files have what Secret ${name} says can't be told with --secrets-blind`;
    for (const [path, file] of files) {
      if (file.source !== source) continue;
      const value = secret?.content?.get(file.key);
      digests.set(path, value === undefined ? undefined : digestParts(scheme, value));
    }
  }
  return { volume, plugin, files: digests, key: scheme.key };
};

/** The words complete a sentence that begins with the Secret's name. */
const read = async (
  { reader, namespace, signal }: SecretsOptions,
  name: string,
): Promise<SourceObject | string | undefined> => {
  try {
    return await reader.get('Secret', namespace, name, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return statusOf(error) === 403
      ? 'may not be read by the operator: grant it get on this Secret'
      : `can't be read: ${oneLine(toError(error).message)}`;
  }
};

/** What was found out a moment ago is not found out again; what failed, is. */
const createShare = <T>(
  clock: Pick<Clock, 'now'>,
  ms: number,
): ((name: string, find: () => Promise<T>) => Promise<T>) => {
  const known = new Map<string, { readonly at: number; readonly found: Promise<T> }>();
  return (name, find) => {
    const now = clock.now();
    for (const [each, { at }] of known) if (now - at >= ms) known.delete(each);
    const present = known.get(name);
    if (present !== undefined) return present.found;
    const found = find();
    known.set(name, { at: now, found });
    found.catch(() => known.delete(name));
    return found;
  };
};
