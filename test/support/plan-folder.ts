/** Manifests of many services, as a folder for `kubectl reload plan`, and a change of one. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** @returns the folder with so many manifests, and the file with one hot change of the service `app0` */
export const planFolder = (parent: string, manifests: number): { readonly folder: string; readonly change: string } => {
  const folder = mkdtempSync(join(parent, 'manifests-'));
  for (let index = 0; index < manifests; index++)
    writeFileSync(join(folder, `${index}.yaml`), stringify(manifest(index)));
  const change = join(parent, 'change.yaml');
  writeFileSync(change, stringify(configMap('app0', 'debug')));
  return { folder, change };
};

const configMap = (name: string, level = 'info'): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: {
    flag: 'a',
    'config.yaml': stringify({
      logging: { level },
      sections: Array.from({ length: 30 }, (_, at) => ({ at, on: true })),
    }),
  },
});

/** A workload, its configuration, its policy, and something else. */
const manifest = (index: number): object => {
  const name = `app${Math.floor(index / 4)}`;
  const labels = { app: name };
  switch (index % 4) {
    case 0:
      return {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, labels },
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              containers: [
                {
                  name: 'main',
                  image: `registry.example.com/${name}:1.2.3`,
                  env: [{ name: 'FLAG', valueFrom: { configMapKeyRef: { name, key: 'flag' } } }],
                  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
                  volumeMounts: [{ name: 'config', mountPath: '/etc/app' }],
                },
              ],
              volumes: [{ name: 'config', configMap: { name } }],
            },
          },
        },
      };
    case 1:
      return configMap(name);
    case 2:
      return {
        apiVersion: 'reload-operator.dev/v1alpha1',
        kind: 'ReloadPolicy',
        metadata: { name },
        spec: {
          sources: [{ kind: 'ConfigMap', name }],
          rules: [{ keys: ['config.yaml'], paths: ['/logging/**'], class: 'Hot' }],
        },
      };
    default:
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name },
        spec: { selector: labels, ports: [{ port: 80 }] },
      };
  }
};
