/** Puts the operator and the sample into the cluster. Whatever is there already stays as it is. */

import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { CHECKOUT } from '../cluster/state.ts';
import type { Image } from './images.ts';
import { podsOf, settled } from './sample.ts';
import { DemoError, OPERATOR_NAMESPACE, SAMPLE, SAMPLE_NAMESPACE, type Stage } from './stage.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

interface DeploymentManifest extends Manifest {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly object[] };
    };
  };
}

/** An image of the same name with other content must reach the pods: this annotation of their template moves with it. */
const CONTENT_ANNOTATION = 'demo/image';
const READY_TIMEOUT_S = 120;

/** CRDs, rights, admission policies and the operator itself, as `kubectl apply -k config/default` does. */
export const installOperator = async (stage: Stage, image: Image): Promise<void> => {
  const { kubectl, progress } = stage;
  progress('installing the operator: CRDs, rights, admission policies, Deployment');
  await apply(stage, await render(stage, 'config/default', image));
  const crds = ['reloadpolicies', 'reloadrecords', 'reloadrequests'].map(
    (plural) => `crd/${plural}.reload-operator.dev`,
  );
  await kubectl.run(['wait', '--for=condition=Established', ...crds, '--timeout=30s']);
  await rolledOut(stage, OPERATOR_NAMESPACE, 'reload-operator');
  progress('the operator runs in the cluster');
};

/** The ConfigMap of a sample that is there already keeps what was edited. */
export const installSample = async (stage: Stage, image: Image): Promise<void> => {
  const { kubectl, client, progress } = stage;
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: SAMPLE_NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  };
  await apply(stage, [namespace]);
  const inNamespace = ['-n', SAMPLE_NAMESPACE];
  const present = await kubectl.run([...inNamespace, 'get', 'configmap', SAMPLE, '--ignore-not-found', '-o', 'name']);
  const manifests = (await render(stage, 'config/samples/kubernaut/signalprocessing', image)).filter(
    ({ kind }) => kind !== 'ConfigMap' || present === '',
  );
  progress(present === '' ? 'installing the sample' : 'the sample is there already: its ConfigMap stays as it is');
  await apply(stage, manifests, inNamespace);
  await rolledOut(stage, SAMPLE_NAMESPACE, SAMPLE);
  await settled(stage);
  progress(`the sample runs: ${(await podsOf(client)).length} pods, bound by ReloadPolicy ${SAMPLE}`);
};

const apply = ({ kubectl }: Stage, items: readonly object[], flags: readonly string[] = []): Promise<string> =>
  kubectl.run([...flags, 'apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });

const render = async ({ kubectl }: Stage, folder: string, image: Image): Promise<readonly Manifest[]> =>
  parseAllDocuments(await kubectl.run(['kustomize', join(CHECKOUT, folder)])).map((document) => {
    const manifest = document.toJS() as Manifest;
    return manifest.kind === 'Deployment' ? withImage(manifest as DeploymentManifest, image) : manifest;
  });

const withImage = (deployment: DeploymentManifest, { name, content }: Image): DeploymentManifest => {
  const { metadata, spec } = deployment.spec.template;
  const template = {
    ...deployment.spec.template,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [CONTENT_ANNOTATION]: content } },
    spec: { ...spec, containers: spec.containers.map((container) => ({ ...container, image: name })) },
  };
  return { ...deployment, spec: { ...deployment.spec, template } };
};

const rolledOut = async ({ kubectl }: Stage, namespace: string, name: string): Promise<void> => {
  try {
    await kubectl.run(['-n', namespace, 'rollout', 'status', `deployment/${name}`, `--timeout=${READY_TIMEOUT_S}s`], {
      timeoutMs: (READY_TIMEOUT_S + 10) * 1_000,
    });
  } catch (cause) {
    throw new DemoError(
      `Deployment ${name} has not become ready within ${READY_TIMEOUT_S} s`,
      [
        `kubectl -n ${namespace} describe pods -l app.kubernetes.io/name=${name}`,
        `kubectl -n ${namespace} logs deployment/${name}`,
      ],
      { cause },
    );
  }
};
