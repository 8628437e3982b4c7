/** A controller's own manifests with other parameters: the Deployment that is shipped is what is tested. */

/** What a deployment of a controller is given. Absent: as the manifests have it. */
export interface Parameters {
  /** `--name=value`. One that the manifests have, by name, is replaced; others are added behind. */
  readonly args?: readonly string[];
  /** Variables of the container. One that the manifests have, by name, is replaced, wherever its value came from. */
  readonly env?: Readonly<Record<string, string>>;
  /** Keys of the manifests' ConfigMaps, by the ConfigMap's name; null takes one away. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
  readonly replicas?: number;
}

/** An object, as far as it is looked at. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: DeploymentSpec;
}

interface DeploymentSpec {
  readonly replicas?: number;
  readonly template: { readonly spec: { readonly containers: readonly Container[] } };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
}

/**
 * @param image what the controller's container runs instead
 * @throws where the manifests have not exactly one Deployment of one container, or lack a ConfigMap that is named
 */
export const parameterized = (
  manifests: readonly Manifest[],
  image: string,
  { args = [], env = {}, config = {}, replicas }: Parameters,
): readonly Manifest[] => {
  const { metadata } = deploymentOf(manifests);
  for (const name of Object.keys(config)) {
    if (!manifests.some((each) => each.kind === 'ConfigMap' && each.metadata.name === name))
      throw new Error(`the manifests have no ConfigMap ${name}`);
  }
  return manifests.map((manifest) => {
    const { kind, data = {}, spec } = manifest;
    const { name } = manifest.metadata;
    if (kind === 'ConfigMap') return { ...manifest, data: merged(data, config[name] ?? {}) };
    if (kind !== 'Deployment' || name !== metadata.name || spec === undefined) return manifest;
    const { template } = spec;
    const containers = template.spec.containers.map((container) => ({
      ...container,
      image,
      args: argumentsOf(container.args ?? [], args),
      env: [...(container.env ?? []).filter((each) => !(each.name in env)), ...variables(env)],
    }));
    return {
      ...manifest,
      spec: {
        ...spec,
        ...(replicas !== undefined && { replicas }),
        template: { ...template, spec: { ...template.spec, containers } },
      },
    };
  });
};

export const deploymentOf = (manifests: readonly Manifest[]): Manifest => {
  const found = manifests.filter(({ kind }) => kind === 'Deployment');
  const [deployment] = found;
  const containers = deployment?.spec?.template.spec.containers ?? [];
  if (deployment === undefined || found.length > 1 || containers.length !== 1)
    throw new Error('the manifests of a controller have one Deployment with one container');
  return deployment;
};

const argumentsOf = (shipped: readonly string[], given: readonly string[]): readonly string[] => {
  const nameOf = (arg: string): string => arg.replace(/=.*$/s, '');
  const replaced = shipped.map((arg) => given.find((each) => nameOf(each) === nameOf(arg)) ?? arg);
  return [...replaced, ...given.filter((arg) => !replaced.includes(arg))];
};

const variables = (
  env: Readonly<Record<string, string>>,
): readonly { readonly name: string; readonly value: string }[] =>
  Object.entries(env).map(([name, value]) => ({ name, value }));

const merged = (
  data: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({ ...data, ...change }).filter((entry): entry is [string, string] => entry[1] !== null),
  );
