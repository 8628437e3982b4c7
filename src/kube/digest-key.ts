/** The Secret that holds the key of all MACs. Its bytes go nowhere but into the digests. */

import { randomBytes } from 'node:crypto';
import { DIGEST_KEY_SECRET, FIELD_MANAGER } from '../api/v1alpha1/names.ts';
import type { DigestKeyStore, StoredDigestKey } from '../controller/ports.ts';
import { macKey } from '../domain/digest.ts';
import type { KubeClient } from './connect.ts';
import { isConflict, isNotFound } from './errors.ts';
import type { ObjectMeta } from './listwatch.ts';
import { sources } from './paths.ts';

interface RawSecret {
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}

/** The key's place in the Secret. */
const KEY = 'key';
const BYTES = 32;
/** One that somebody else makes, and takes away again at once, is looked for once more. */
const ATTEMPTS = 3;

/** @param namespace the operator's own */
export const createDigestKeyStore = (client: KubeClient, namespace: string): DigestKeyStore => {
  const collection = sources('Secret')(namespace);

  const get = async (signal: AbortSignal): Promise<RawSecret | undefined> => {
    try {
      return await client.request<RawSecret>({ method: 'GET', path: `${collection}/${DIGEST_KEY_SECRET}`, signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  /** Undefined: somebody else was faster. */
  const create = async (signal: AbortSignal): Promise<RawSecret | undefined> => {
    try {
      return await client.request<RawSecret>({
        method: 'POST',
        path: collection,
        query: { fieldManager: FIELD_MANAGER },
        body: {
          metadata: { name: DIGEST_KEY_SECRET, labels: { 'app.kubernetes.io/managed-by': FIELD_MANAGER } },
          immutable: true,
          data: { [KEY]: randomBytes(BYTES).toString('base64') },
        },
        signal,
      });
    } catch (error) {
      if (isConflict(error)) return undefined;
      throw error;
    }
  };

  const parse = ({ metadata: { uid, resourceVersion }, data = {} }: RawSecret): StoredDigestKey => {
    const bytes = Buffer.from(data[KEY] ?? '', 'base64');
    if (bytes.length !== BYTES)
      throw new Error(`Secret ${namespace}/${DIGEST_KEY_SECRET} holds no key of ${BYTES} bytes: delete it`);
    return { uid, resourceVersion, key: macKey(bytes) };
  };

  return {
    scope: { kind: 'Secret', namespace, name: DIGEST_KEY_SECRET },
    getOrCreate: async (signal) => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const stored = (await get(signal)) ?? (await create(signal));
        if (stored !== undefined) return parse(stored);
      }
      throw new Error(`Secret ${namespace}/${DIGEST_KEY_SECRET} comes and goes`);
    },
  };
};
