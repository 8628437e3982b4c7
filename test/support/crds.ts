import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { GROUP, RELOAD_POLICY, RELOAD_RECORD, RELOAD_REQUEST } from '../../src/api/v1alpha1/names.ts';
import type { KubeClient } from '../../src/kube/connect.ts';
import { eventually } from './wait.ts';

const CRDS = join(import.meta.dirname, '..', '..', 'crds');
const ENDPOINT = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Served {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

/**
 * Applies the CRDs of this checkout and waits until the API server serves them in that form.
 *
 * @throws KubeError where the API server refuses one.
 */
export async function installCrds(client: KubeClient): Promise<void> {
  for (const { plural } of [RELOAD_POLICY, RELOAD_RECORD, RELOAD_REQUEST]) {
    const name = `${plural}.${GROUP}`;
    const crd: unknown = parse(await readFile(join(CRDS, `${GROUP}_${plural}.yaml`), 'utf8'));
    await client.request({
      method: 'PATCH',
      path: `${ENDPOINT}/${name}`,
      query: { fieldManager: 'test', force: 'true', fieldValidation: 'Strict' },
      contentType: 'application/apply-patch+yaml',
      body: crd,
    });
    await eventually(
      async () => {
        const { status } = await client.request<Served>({ method: 'GET', path: `${ENDPOINT}/${name}` });
        const holds = (type: string): boolean =>
          status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
        return holds('Established') && holds('NamesAccepted') && !holds('NonStructuralSchema');
      },
      { what: `the CRD ${name} to be served` },
    );
  }
}
