/** What a pod shows as files, and who listens in it, read from objects as the API carries them. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { podDetails } from '../../../src/kube/pod-details.ts';

const main = { name: 'main', volumeMounts: [{ name: 'config', mountPath: '/etc/app' }] };

describe('the mounts of a pod', () => {
  const mountsOf = (volumes: readonly object[], container: object = main): unknown =>
    podDetails({ containers: [container as typeof main], volumes: volumes as [] }, {}, undefined).mounts;

  it('are volumes of ConfigMaps and Secrets, whole or by items', () => {
    assert.deepEqual(mountsOf([{ name: 'config', configMap: { name: 'app' } }]), [
      {
        volume: 'config',
        plugin: 'kubernetes.io~configmap',
        source: 'ConfigMap/app',
        containers: [{ name: 'main', path: '/etc/app' }],
      },
    ]);
    assert.deepEqual(
      mountsOf([{ name: 'config', secret: { secretName: 's', items: [{ key: 'a', path: './x//a.yaml' }] } }]),
      [
        {
          volume: 'config',
          plugin: 'kubernetes.io~secret',
          source: 'Secret/s',
          files: new Map([['a', 'x/a.yaml']]),
          containers: [{ name: 'main', path: '/etc/app' }],
        },
      ],
    );
  });

  it('are each source of a projected volume', () => {
    const projected = {
      sources: [{ configMap: { name: 'a' } }, { serviceAccountToken: {} }, { secret: { name: 'b' } }],
    };
    const mounts = mountsOf([{ name: 'config', projected }]) as readonly { source: string; plugin: string }[];
    assert.deepEqual(
      mounts.map(({ source, plugin }) => [source, plugin]),
      [
        ['ConfigMap/a', 'kubernetes.io~projected'],
        ['Secret/b', 'kubernetes.io~projected'],
      ],
    );
  });

  const parts: readonly (readonly [string, object, boolean])[] = [
    ['a subPath', { subPath: 'a.yaml' }, false],
    ['a subPathExpr', { subPathExpr: '$(NAME)' }, false],
    ["the kubelet's own link", { subPath: '..data' }, false],
    ['the folder itself by another name', { subPath: './' }, true],
  ];
  for (const [what, more, shown] of parts) {
    it(`${shown ? 'are also' : 'are not'} those by ${what}`, () => {
      const volumeMounts = [{ name: 'config', mountPath: '/etc/app', ...more }];
      const mounts = mountsOf([{ name: 'config', configMap: { name: 'app' } }], { name: 'main', volumeMounts });
      assert.equal((mounts as readonly unknown[]).length, shown ? 1 : 0);
    });
  }

  it('are not those of init containers that end, but those of sidecars', () => {
    const volumes = [{ name: 'config', configMap: { name: 'app' } }];
    const initContainers = [
      { ...main, name: 'setup' },
      { ...main, name: 'proxy', restartPolicy: 'Always' },
    ];
    const { mounts, sideBySide } = podDetails({ initContainers, volumes }, {}, undefined);
    assert.deepEqual(
      mounts.flatMap(({ containers }) => containers.map(({ name }) => name)),
      ['proxy'],
    );
    assert.deepEqual(
      sideBySide.map(({ name }) => name),
      ['proxy'],
    );
  });
});

describe('a container of a pod', () => {
  const containerOf = (status: object, ports: readonly object[] = []): unknown =>
    podDetails(
      { containers: [{ name: 'main', ports: ports as [] }] },
      { containerStatuses: [{ name: 'main', ...status }] },
      undefined,
    ).sideBySide[0];
  const ports = new Map<string, number>();

  it('runs, has still to start, or has run before', () => {
    const startedAt = '2026-01-01T12:00:00Z';
    assert.deepEqual(containerOf({ ready: true, state: { running: { startedAt } } }), {
      name: 'main',
      state: 'Running',
      ready: true,
      startedAt: Date.parse(startedAt),
      ports,
    });
    assert.deepEqual(containerOf({ state: { waiting: { reason: 'ContainerCreating' } } }), {
      name: 'main',
      state: 'Waiting',
      ready: false,
      reason: 'ContainerCreating',
      ports,
    });
    const crashed = { waiting: { reason: 'CrashLoopBackOff' } };
    assert.deepEqual(containerOf({ state: crashed, lastState: { terminated: {} } }), {
      name: 'main',
      state: 'Crashed',
      ready: false,
      reason: 'CrashLoopBackOff',
      ports,
    });
    assert.equal((containerOf({ state: { terminated: {} } }) as { state: string }).state, 'Crashed');
  });

  it('listens on its named TCP ports', () => {
    const found = containerOf({}, [
      { name: 'http', containerPort: 8080 },
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { containerPort: 9090 },
    ]);
    assert.deepEqual((found as { ports: unknown }).ports, new Map([['http', 8080]]));
  });
});

describe("the host's network", () => {
  const isHosts = (spec: object, status: object): boolean => podDetails(spec, status, undefined).hostNetwork;

  it('is where the spec says so, or the address is that of the node', () => {
    assert.equal(isHosts({ hostNetwork: true }, {}), true);
    assert.equal(isHosts({}, { podIP: '10.0.0.1', hostIP: '10.0.0.1' }), true);
    assert.equal(isHosts({}, { podIP: '10.1.0.1', hostIP: '10.0.0.1' }), false);
    assert.equal(isHosts({}, {}), false);
  });
});
