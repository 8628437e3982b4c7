import {
  API_VERSION,
  GROUP,
  RELOAD_POLICY,
  RELOAD_RECORD,
  RELOAD_REQUEST,
  VERSION,
} from '../../../src/api/v1alpha1/names.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import type { KubeClient } from '../../../src/kube/connect.ts';

/** An object of ours as it travels: `kind` and content, and whatever else a test puts in. */
export interface Manifest {
  readonly kind: 'ReloadPolicy' | 'ReloadRecord' | 'ReloadRequest';
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly spec?: unknown;
  readonly status?: unknown;
}

export type Answer =
  { readonly accepted: true; readonly object: Manifest } | { readonly accepted: false; readonly message: string };

export interface ApiServer {
  /** Asks whether the object would be taken, as kubectl does: unknown fields are refused. Stores nothing. */
  ask(manifest: Manifest): Promise<Answer>;
  create(manifest: Manifest): Promise<Manifest>;
  read(kind: Manifest['kind'], name: string): Promise<Manifest>;
  /** Replaces the whole object. */
  replace(manifest: Manifest): Promise<Answer>;
  /** Writes the status of a stored policy; `dryRun` stores nothing. */
  putStatus(policy: Manifest, options?: { readonly dryRun: boolean }): Promise<Answer>;
}

const PLURALS = {
  ReloadPolicy: RELOAD_POLICY.plural,
  ReloadRecord: RELOAD_RECORD.plural,
  ReloadRequest: RELOAD_REQUEST.plural,
};

const STRICT = { fieldManager: 'test', fieldValidation: 'Strict' } as const;

const answerOf = async (request: Promise<Manifest>): Promise<Answer> => {
  try {
    return { accepted: true, object: await request };
  } catch (error) {
    // Only a refusal is an answer; anything else is trouble of the test.
    if (error instanceof KubeError && (error.status === 422 || error.status === 400)) {
      return {
        accepted: false,
        message: [error.message, ...error.causes.map((cause) => `${cause.field ?? ''}: ${cause.message ?? ''}`)].join(
          '\n',
        ),
      };
    }
    throw error;
  }
};

export const apiServer = (client: KubeClient, namespace: string): ApiServer => {
  const collection = (kind: Manifest['kind']): string =>
    `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${PLURALS[kind]}`;
  const path = (kind: Manifest['kind'], name = 'probe'): string => `${collection(kind)}/${name}`;
  const bodyOf = (manifest: Manifest): object => ({
    apiVersion: API_VERSION,
    ...manifest,
    metadata: { name: 'probe', ...manifest.metadata },
  });
  const post = (manifest: Manifest, dryRun: boolean): Promise<Manifest> =>
    client.request<Manifest>({
      method: 'POST',
      path: collection(manifest.kind),
      query: { ...STRICT, dryRun: dryRun ? 'All' : undefined },
      body: bodyOf(manifest),
    });
  return {
    ask: (manifest) => answerOf(post(manifest, true)),
    create: (manifest) => post(manifest, false),
    read: (kind, name) => client.request<Manifest>({ method: 'GET', path: path(kind, name) }),
    replace: (manifest) =>
      answerOf(
        client.request<Manifest>({
          method: 'PUT',
          path: path(manifest.kind, manifest.metadata?.name),
          query: STRICT,
          body: bodyOf(manifest),
        }),
      ),
    putStatus: (policy, { dryRun } = { dryRun: false }) =>
      answerOf(
        client.request<Manifest>({
          method: 'PUT',
          path: `${path(policy.kind, policy.metadata?.name)}/status`,
          query: { ...STRICT, dryRun: dryRun ? 'All' : undefined },
          body: bodyOf(policy),
        }),
      ),
  };
};
