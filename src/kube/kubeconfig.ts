import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

export interface KubeConfigOptions {
  /** One file, or several as in KUBECONFIG, of which the first counts where names are equal; empty counts as absent. */
  readonly kubeconfig?: string | undefined;
  /** The context to use; absent: the current one. */
  readonly context?: string | undefined;
  /** Where `.kube/config` is looked for when nothing else is there. */
  readonly home?: string | undefined;
  /** Whether the process runs in a pod with a service account. Absent: found out by `serviceAccountToken`. */
  readonly inCluster?: boolean | undefined;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const SERVICE_ACCOUNT_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The namespace of the pod that the process runs in; undefined outside a pod. */
export function podNamespace(): string | undefined {
  if (!existsSync(SERVICE_ACCOUNT_NAMESPACE)) return undefined;
  const name = readFileSync(SERVICE_ACCOUNT_NAMESPACE, 'utf8').trim();
  return name === '' ? undefined : name;
}

/**
 * Finds out which cluster to talk to, in the order of controller-runtime: the files named, the service account of
 * the pod, `.kube/config` in the home folder. Throws an Error of one sentence that names the file, context, cluster
 * or user that is missing and says what to do.
 */
export function loadKubeConfig(options: KubeConfigOptions): KubeConfig {
  const { kubeconfig, context, home } = options;
  const files = (kubeconfig ?? '').split(delimiter).filter((file) => file !== '');
  if (files.length > 0) {
    // kubectl, too, passes over what is missing where several are named.
    const present = files.filter((file) => existsSync(file));
    const used = present.length > 0 ? present : files;
    return checked(mergeFiles(used), context, used.join(delimiter));
  }
  if (options.inCluster ?? existsSync(SERVICE_ACCOUNT_TOKEN)) {
    const config = new KubeConfig();
    config.loadFromCluster();
    return checked(config, context, 'the service account of this pod');
  }
  const fallback = home === undefined || home === '' ? undefined : join(home, '.kube', 'config');
  if (fallback !== undefined && existsSync(fallback)) return checked(mergeFiles([fallback]), context, fallback);
  throw new Error(
    'no cluster to talk to: name a file with --kubeconfig or KUBECONFIG, or run in a pod with a service account',
  );
}

function mergeFiles(files: readonly string[]): KubeConfig {
  const configs = files.map(readFile);
  const merged = new KubeConfig();
  merged.loadFromOptions({
    clusters: firstOfEachName(configs.flatMap(({ clusters }) => clusters)),
    users: firstOfEachName(configs.flatMap(({ users }) => users)),
    contexts: firstOfEachName(configs.flatMap(({ contexts }) => contexts)),
    currentContext: configs.map((config) => config.getCurrentContext()).find((context) => Boolean(context)),
  });
  return merged;
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): readonly T[] {
  return entries.filter(({ name }, index) => entries.findIndex((entry) => entry.name === name) === index);
}

function readFile(file: string): KubeConfig {
  if (!existsSync(file)) throw new Error(`kubeconfig ${file} does not exist: check --kubeconfig and KUBECONFIG`);
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (cause) {
    // The library stumbles over whatever has not the shape of a kubeconfig.
    const why = cause instanceof TypeError ? 'it is no kubeconfig' : firstLine(cause);
    throw new Error(`kubeconfig ${file} cannot be used: ${why}`, { cause });
  }
  return config;
}

function checked(config: KubeConfig, context: string | undefined, where: string): KubeConfig {
  if (context !== undefined && context !== '') config.setCurrentContext(context);
  const current = config.getCurrentContext() as string | undefined;
  const known = config.getContexts().map(({ name }) => name);
  if (current === undefined || current === '')
    throw new Error(`${where} has no current context: choose one with --context (${list(known)})`);
  const found = config.getContextObject(current);
  if (found === null)
    throw new Error(`context ${current} is not in ${where}: choose one with --context (${list(known)})`);
  const cluster = config.getCluster(found.cluster);
  if (cluster === null) throw new Error(`context ${current} names cluster ${found.cluster}, which is not in ${where}`);
  if (!URL.canParse(cluster.server))
    throw new Error(`cluster ${found.cluster} in ${where} has no usable server address`);
  if (found.user !== '' && config.getUser(found.user) === null) {
    throw new Error(`context ${current} names user ${found.user}, which is not in ${where}`);
  }
  return config;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
}

function firstLine(thrown: unknown): string {
  const [line = ''] = String(thrown instanceof Error ? thrown.message : thrown).split('\n');
  return line;
}
