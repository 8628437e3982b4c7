/** What is measured on: namespaces full of workloads, the same for everyone but for what binds them. */

import { API_VERSION, RELOAD_POLICY } from '../../src/api/v1alpha1/names.ts';
import * as paths from '../../src/kube/paths.ts';
import { BUSYBOX_IMAGE } from '../cluster/images.ts';
import type { Api } from './api.ts';

/** The number in a name, so that names sort as numbers do. */
export const numbered = (name: string, index: number): string => `${name}-${String(index).padStart(3, '0')}`;

/** A Deployment without pods that reads a ConfigMap by `envFrom`. */
export const idleDeployment = (
  name: string,
  configMap: string,
  annotations: Readonly<Record<string, string>> = {},
): object => ({
  metadata: { name, annotations },
  spec: {
    replicas: 0,
    revisionHistoryLimit: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name: 'app',
            image: BUSYBOX_IMAGE,
            imagePullPolicy: 'Never',
            envFrom: [{ configMapRef: { name: configMap } }],
          },
        ],
      },
    },
  },
});

/** A Deployment whose pods mount a ConfigMap at /config and sleep. */
export const mountingDeployment = (name: string, configMap: string, replicas: number): object => ({
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'app',
            image: BUSYBOX_IMAGE,
            imagePullPolicy: 'Never',
            command: ['sleep', '1000000'],
            volumeMounts: [{ name: 'config', mountPath: '/config' }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: configMap } }],
      },
    },
  },
});

export const configMap = (name: string, data: Readonly<Record<string, string>>): object => ({
  metadata: { name },
  data,
});

/** A policy over one ConfigMap and all who read it. */
export const policy = (
  name: string,
  configMapName: string,
  { hot = false, debounce }: { readonly hot?: boolean; readonly debounce?: string },
): object => ({
  apiVersion: API_VERSION,
  kind: RELOAD_POLICY.kind,
  metadata: { name },
  spec: {
    sources: [{ kind: 'ConfigMap', name: configMapName }],
    defaultClass: hot ? 'Hot' : 'Restart',
    ...(debounce !== undefined && { restart: { debounce } }),
  },
});

export interface Population {
  readonly namespace: string;
  readonly workloads: readonly { readonly name: string; readonly configMap: string }[];
  /** On each Deployment. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Policies for each ConfigMap; absent: none. */
  readonly policies?: { readonly debounce?: string };
}

/** A namespace with Deployments without pods, their ConfigMaps, and policies if asked for. */
export async function populate(api: Api, { namespace, workloads, annotations, policies }: Population): Promise<void> {
  const sources = [...new Set(workloads.map((each) => each.configMap))];
  await api.namespace(namespace);
  await api.create(
    paths.configMaps(namespace),
    sources.map((name) => configMap(name, { setting: 'initial' })),
  );
  await api.create(
    paths.workloads('Deployment')(namespace),
    workloads.map((each) => idleDeployment(each.name, each.configMap, annotations)),
  );
  if (policies !== undefined)
    await api.create(
      paths.policies(namespace),
      sources.map((name) => policy(name, name, policies)),
    );
}
