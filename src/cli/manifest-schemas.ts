/**
 * What manifests of the kinds that matter must be like for decisions to stand on them: the parts that are looked at, and
 * all else as it is. The API server checks more; what it would refuse for other reasons is not our concern.
 */

import * as z from 'zod';
import { apiVersionOf } from '../api/v1alpha1/kinds.ts';
import { API_VERSION, RELOAD_POLICY } from '../api/v1alpha1/names.ts';

const strings = z.record(z.string(), z.string());

const metadata = z.looseObject({
  name: z.string().min(1),
  namespace: z.string().min(1).optional(),
  labels: strings.optional(),
  annotations: strings.optional(),
});

const base64 = z.string().regex(/^[A-Za-z0-9+/\s]*={0,2}\s*$/, 'must be base64: stringData takes plain text');

const configMap = z.looseObject({
  metadata,
  data: strings.optional(),
  binaryData: z.record(z.string(), base64).optional(),
  immutable: z.boolean().optional(),
});

const secret = z.looseObject({
  metadata,
  data: z.record(z.string(), base64).optional(),
  stringData: strings.optional(),
  immutable: z.boolean().optional(),
});

const reference = z.looseObject({ name: z.string().optional(), optional: z.boolean().optional() });
const keyReference = reference.extend({ key: z.string() });
const items = z.array(z.looseObject({ key: z.string(), path: z.string() })).optional();
const projection = reference.extend({ items });

const container = z.looseObject({
  name: z.string(),
  restartPolicy: z.string().optional(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  env: z
    .array(
      z.looseObject({
        name: z.string(),
        value: z.string().optional(),
        valueFrom: z
          .looseObject({ configMapKeyRef: keyReference.optional(), secretKeyRef: keyReference.optional() })
          .optional(),
      }),
    )
    .optional(),
  envFrom: z
    .array(
      z.looseObject({
        prefix: z.string().optional(),
        configMapRef: reference.optional(),
        secretRef: reference.optional(),
      }),
    )
    .optional(),
  volumeMounts: z
    .array(
      z.looseObject({
        name: z.string(),
        mountPath: z.string().optional(),
        subPath: z.string().optional(),
        subPathExpr: z.string().optional(),
      }),
    )
    .optional(),
});

const volume = z.looseObject({
  name: z.string(),
  configMap: projection.optional(),
  secret: z.looseObject({ secretName: z.string().optional(), optional: z.boolean().optional(), items }).optional(),
  projected: z
    .looseObject({
      sources: z.array(z.looseObject({ configMap: projection.optional(), secret: projection.optional() })).optional(),
    })
    .optional(),
});

const podSpec = z.looseObject({
  containers: z.array(container).min(1),
  initContainers: z.array(container).optional(),
  volumes: z.array(volume).optional(),
});

const template = z.looseObject({
  metadata: z.looseObject({ annotations: strings.optional(), labels: strings.optional() }).optional(),
  spec: podSpec,
});

const selector = z.looseObject({
  matchLabels: strings.optional(),
  matchExpressions: z
    .array(
      z.looseObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});

const cronJob = z.looseObject({
  metadata,
  spec: z.looseObject({
    jobTemplate: z.looseObject({ spec: z.looseObject({ template }) }),
    suspend: z.boolean().optional(),
  }),
});

/** Its template may be that of another object. */
const rollout = z.looseObject({
  metadata,
  spec: z.looseObject({
    selector: selector.optional(),
    template: template.optional(),
    workloadRef: z.looseObject({ kind: z.string().optional(), name: z.string().optional() }).optional(),
    replicas: z.int().optional(),
    paused: z.boolean().optional(),
  }),
});

const pod = z.looseObject({ metadata, spec: podSpec });

const workload = z.looseObject({
  metadata,
  spec: z.looseObject({
    selector,
    template,
    replicas: z.int().optional(),
    paused: z.boolean().optional(),
    updateStrategy: z
      .looseObject({
        type: z.string().optional(),
        rollingUpdate: z.looseObject({ partition: z.int().optional() }).optional(),
      })
      .optional(),
  }),
});

const policy = z.looseObject({ metadata, spec: z.looseObject({}) });

/** By apiVersion and kind: what isn't here is somebody else's. */
export const MANIFEST_SCHEMAS = {
  ConfigMap: { apiVersion: 'v1', schema: configMap },
  Secret: { apiVersion: 'v1', schema: secret },
  Deployment: { apiVersion: apiVersionOf('Deployment'), schema: workload },
  StatefulSet: { apiVersion: apiVersionOf('StatefulSet'), schema: workload },
  DaemonSet: { apiVersion: apiVersionOf('DaemonSet'), schema: workload },
  CronJob: { apiVersion: apiVersionOf('CronJob'), schema: cronJob },
  Rollout: { apiVersion: apiVersionOf('Rollout'), schema: rollout },
  ReplicaSet: { apiVersion: apiVersionOf('ReplicaSet'), schema: workload },
  Pod: { apiVersion: apiVersionOf('Pod'), schema: pod },
  [RELOAD_POLICY.kind]: { apiVersion: API_VERSION, schema: policy },
} as const;

export type ManifestKind = keyof typeof MANIFEST_SCHEMAS;
export const MANIFEST_KINDS = Object.keys(MANIFEST_SCHEMAS) as readonly ManifestKind[];

export const isManifestKind = (kind: string): kind is ManifestKind => Object.hasOwn(MANIFEST_SCHEMAS, kind);

/** A secret or a config map. */
export type RawSource = z.infer<typeof configMap> & z.infer<typeof secret>;
