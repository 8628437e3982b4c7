import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parameterized, type Manifest, type Parameters } from '../../support/parameters.ts';

const CONFIG: Manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'app' },
  data: { period: '5m', namespace: 'jobs' },
};
const SECRET = { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'app', key: 'token' } } };
const DEPLOYMENT: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'app' },
  spec: {
    replicas: 3,
    template: {
      spec: { containers: [{ name: 'main', image: 'app', args: ['serve', '--period=5m'], env: [SECRET] }] },
    },
  },
};

const given = (
  parameters: Parameters,
): { readonly data: unknown; readonly replicas: unknown; readonly container: unknown } => {
  const [config, deployment] = parameterized([CONFIG, DEPLOYMENT], 'app:dev', parameters);
  return {
    data: config?.data,
    replicas: deployment?.spec?.replicas,
    container: deployment?.spec?.template.spec.containers[0],
  };
};

const SHIPPED = { name: 'main', image: 'app:dev', args: ['serve', '--period=5m'], env: [SECRET] };

describe("a controller's parameters", () => {
  it('are those of its manifests where none are given, but for the image', () => {
    assert.deepEqual(given({}), { data: CONFIG.data, replicas: 3, container: SHIPPED });
  });

  it('replace a flag where it stands, and add others behind', () => {
    const { container } = given({ args: ['--verbose', '--period=-1'] });
    assert.deepEqual(container, { ...SHIPPED, args: ['serve', '--period=-1', '--verbose'] });
  });

  it('replace a variable, wherever its value came from', () => {
    const { container } = given({ env: { TOKEN: 'x', MORE: 'y' } });
    const env = [
      { name: 'TOKEN', value: 'x' },
      { name: 'MORE', value: 'y' },
    ];
    assert.deepEqual(container, { ...SHIPPED, env });
  });

  it('set keys of a ConfigMap, and take them away', () => {
    const { data, replicas } = given({ config: { app: { period: '1h', namespace: null } }, replicas: 1 });
    assert.deepEqual({ data, replicas }, { data: { period: '1h' }, replicas: 1 });
  });

  it('are refused where they would reach nothing', () => {
    assert.throws(() => given({ config: { other: {} } }), { message: 'the manifests have no ConfigMap other' });
    assert.throws(() => parameterized([CONFIG], 'app', {}), /one Deployment with one container/);
  });
});
