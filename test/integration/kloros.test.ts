/** What the sample kloros takes for granted of the API server. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { withVariables } from '../../config/samples/kloros/app/env-file.ts';
import { KubeError as SampleError, type Kube } from '../../config/samples/kloros/app/kube.ts';
import { promoter } from '../../config/samples/kloros/app/promotion.ts';
import type { KubeClient } from '../../src/kube/connect.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { editEnvFile, envFileOf } from '../support/kloros.ts';
import { stagedTests, type Stage } from '../support/stage.ts';

/** The sample's view of the API server, through the tests' own client. */
const kubeOf = ({ api, namespace }: { readonly api: KubeClient; readonly namespace: string }): Kube => {
  const request = async <T>(...args: Parameters<KubeClient['request']>): Promise<T> => {
    try {
      return await api.request<T>(...args);
    } catch (error) {
      if (error instanceof KubeError) throw new SampleError(error.status, error.message);
      throw error;
    }
  };
  return {
    namespace,
    get: (path) => request({ method: 'GET', path }),
    patch: (path, body) => request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body }),
  };
};

describe('kloros and the API server', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: false });
  });
  after(() => cluster.stop());

  const staged = stagedTests('kloros', () => cluster);

  staged('a key may begin with one dot, and not with two', async (stage) => {
    const keys: readonly (readonly [string, boolean])[] = [
      ['.kloros_env', true],
      ['..kloros_env', false],
      ['.', false],
      ['..', false],
      ['.a..b', true],
      ['kloros/env', false],
    ];
    for (const [index, [key, allowed]] of keys.entries()) {
      const made = stage.configMap({ [key]: 'A=1\n' }, `key-${index}`);
      if (allowed) await made;
      else await assert.rejects(made, (error) => error instanceof KubeError && error.status === 422, key);
    }
  });

  staged('a promotion and an edit at the same time are both kept', async (stage) => {
    await stage.configMap({ '.kloros_env': 'KLR_A=0\nKLR_B=0\n', other: 'stays' }, 'kloros');
    const kube = kubeOf(stage);
    let conflicts = 0;
    const promote = promoter({
      ...kube,
      patch: async <T>(path: string, body: object): Promise<T> => {
        try {
          return await kube.patch<T>(path, body);
        } catch (error) {
          if (error instanceof SampleError && error.status === 409) conflicts += 1;
          throw error;
        }
      },
      get: async <T>(path: string): Promise<T> => {
        const read = await kube.get<T>(path);
        // Somebody is faster, each time but the last.
        if (conflicts < 3) await bump(stage);
        return read;
      },
    });

    const sha256 = await promote(new Map([['KLR_A', '9']]));

    assert.equal(conflicts, 3);
    assert.equal(await envFileOf(stage), 'KLR_A=9\nKLR_B=3\n');
    assert.match(sha256, /^[0-9a-f]{64}$/);
    const { data } = await stage.get<{ readonly data: Readonly<Record<string, string>> }>(
      stage.path('/api/v1', 'configmaps', 'kloros'),
    );
    assert.equal(data['other'], 'stays');
  });

  staged('a promotion that is never without a conflict gives up and says so', async (stage) => {
    await stage.configMap({ '.kloros_env': 'KLR_A=0\nKLR_B=0\n' }, 'kloros');
    const kube = kubeOf(stage);
    const promote = promoter({
      ...kube,
      get: async <T>(path: string): Promise<T> => {
        const read = await kube.get<T>(path);
        await bump(stage);
        return read;
      },
    });
    await assert.rejects(
      promote(new Map([['KLR_A', '9']])),
      (error) => error instanceof SampleError && error.status === 409,
    );
    assert.equal(await envFileOf(stage), 'KLR_A=0\nKLR_B=5\n');
  });
});

const bump = (stage: Stage): Promise<void> =>
  editEnvFile(stage, (text) => {
    const count = Number(/^KLR_B=(\d+)$/m.exec(text)?.[1]);
    return withVariables(text, new Map([['KLR_B', String(count + 1)]]));
  });
