// From a fresh clone to a throwaway one-node Kubernetes with the operator and the sample in it: `make demo`.
import { parseArgs } from 'node:util';
import { connect, loadKubeConfig } from '../../src/kube/connect.ts';
import { clusterForTests, findCluster, openCluster, startCluster, type Cluster } from '../cluster/cluster.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { showHotChange } from './hot-change.ts';
import { provideImages } from './images.ts';
import { installOperator, installSample } from './install.ts';
import { showNext, showReport } from './report.ts';
import { showRestart } from './restart.ts';
import { DemoError, makeLine, OPERATOR_NAMESPACE, SAMPLE_NAMESPACE, shellLines, type Stage } from './stage.ts';

const begun = performance.now();

function progress(line: string): void {
  console.log(`[${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s] ${line}`);
}

function print(line = ''): void {
  console.log(line);
}

async function openOrStart(name: string): Promise<Cluster> {
  if (process.env['CLUSTER'] === 'current') {
    const cluster = await clusterForTests({ node: true });
    progress(`using your cluster at ${cluster.server}, by ${cluster.kubeconfig}`);
    return cluster;
  }
  if (findCluster(name) === undefined) {
    progress(`starting cluster ${name} (the first time here, Kubernetes itself is built: about ten minutes)`);
    return startCluster({ name, node: true, log: progress });
  }
  const wayOut = [makeLine('cluster-down', name), makeLine('demo', name)];
  const cluster = await openCluster(name, progress).catch((cause: unknown) => {
    throw new DemoError(cause instanceof Error ? cause.message : String(cause), wayOut, { cause });
  });
  if (!cluster.hasNode) throw new DemoError(`cluster ${name} has no node to run pods on`, wayOut);
  progress(`cluster ${name} is up already: using it`);
  return cluster;
}

async function play(name: string): Promise<void> {
  print('reload-operator: a hot change and a restart, on a real Kubernetes');
  print();
  const cluster = await openOrStart(name);
  const client = connect({
    kubeConfig: loadKubeConfig({ kubeconfig: cluster.kubeconfig }),
    userAgent: 'reload-operator-demo',
  });
  const borrowed = process.env['CLUSTER'] === 'current';
  const stage: Stage = { cluster, kubectl: kubectlFor(cluster), client, borrowed, progress, print };
  try {
    const images = await provideImages(stage, process.env);
    await installOperator(stage, images.operator);
    await installSample(stage, images.sample);
    for (const act of [showHotChange, showRestart, showReport]) {
      print();
      await act(stage);
    }
    print();
    showNext(stage);
  } finally {
    await client.close();
  }
}

function explain(error: unknown, name: string): void {
  const causes: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) causes.push(each.message);
  print();
  print(`The demo has failed: ${[...new Set(causes)].join(': ') || String(error)}`);
  print();
  print('What to do:');
  for (const line of error instanceof DemoError ? error.wayOut : wayOutOf(name)) print(`   ${line}`);
  const cluster = findCluster(name);
  if (cluster === undefined || process.env['CLUSTER'] === 'current') return;
  print();
  print(`The cluster is still up; kubectl finds it after`);
  for (const line of shellLines(cluster)) print(`   ${line}`);
}

const wayOutOf = (name: string): readonly string[] => [
  `kubectl -n ${OPERATOR_NAMESPACE} logs deployment/reload-operator`,
  `kubectl -n ${SAMPLE_NAMESPACE} get events`,
  process.env['CLUSTER'] === 'current'
    ? 'then the same command once more'
    : `${makeLine('cluster-down', name)} && ${makeLine('demo', name)}`,
];

// Whoever read the output has gone, as with a pipe into head.
process.stdout.on('error', () => process.exit(1));

const { values } = parseArgs({ options: { name: { type: 'string', default: 'demo' } } });
try {
  await play(values.name);
} catch (error) {
  explain(error, values.name);
  process.exitCode = 1;
}
