/** The parts of a pod template that are looked at, as the API carries them. Imports nothing, decides nothing. */

export interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly Volume[];
  };
}

export interface Container {
  readonly name: string;
  /** Of init containers: `Always` makes it a sidecar. */
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly EnvFrom[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly ports?: readonly { readonly name?: string; readonly protocol?: string }[];
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  /** Of the other origins (fieldRef and so on) it only matters that there is one. */
  readonly valueFrom?: { readonly configMapKeyRef?: KeyRef; readonly secretKeyRef?: KeyRef };
}

export interface EnvFrom {
  readonly prefix?: string;
  readonly configMapRef?: ObjectRef;
  readonly secretRef?: ObjectRef;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath?: string;
  readonly subPath?: string;
  readonly subPathExpr?: string;
}

export interface Volume {
  readonly name: string;
  readonly configMap?: Projection;
  readonly secret?: Omit<Projection, 'name'> & { readonly secretName?: string };
  readonly projected?: {
    readonly sources?: readonly { readonly configMap?: Projection; readonly secret?: Projection }[];
  };
  readonly csi?: { readonly driver: string };
}

interface ObjectRef {
  readonly name?: string;
  readonly optional?: boolean;
}

interface KeyRef extends ObjectRef {
  readonly key: string;
}

interface Projection extends ObjectRef {
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}
