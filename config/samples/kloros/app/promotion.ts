/** The winner deployer: puts an experiment's parameters into the ConfigMap that every process has mounted. */

import { createHash } from 'node:crypto';
import { withVariables } from './env-file.ts';
import { KubeError, type Kube } from './kube.ts';

const CONFIG_MAP = 'kloros';
const KEY = '.kloros_env';
const ATTEMPTS = 5;
const CONFLICT = 409;

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** @returns the sha256 of the env file as it is now, in hexadecimal */
export type Promote = (variables: ReadonlyMap<string, string>) => Promise<string>;

/**
 * Writes only the one key, and only onto what was read: an edit that somebody makes meanwhile is a conflict, and then
 * both are kept.
 *
 * @throws KubeError
 */
export const promoter =
  (kube: Kube): Promote =>
  async (variables) => {
    const path = `/api/v1/namespaces/${kube.namespace}/configmaps/${CONFIG_MAP}`;
    for (let attempt = 1; ; attempt++) {
      const { metadata, data } = await kube.get<ConfigMap>(path);
      const text = withVariables(data?.[KEY] ?? '', variables);
      const { resourceVersion } = metadata;
      try {
        await kube.patch(path, { metadata: { resourceVersion }, data: { [KEY]: text } });
        return createHash('sha256').update(text).digest('hex');
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== CONFLICT || attempt === ATTEMPTS) throw error;
      }
    }
  };
