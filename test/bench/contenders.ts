/** Who reacts to a change in sections b to d: the operator, the bare loop, and another controller if one is given. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_ACCOUNT } from '../../src/api/v1alpha1/names.ts';
import { serviceAccountKubeconfig } from './api.ts';
import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { populate, type Population } from './fixtures.ts';
import type { Column } from './results.ts';
import { watchTemplates, type Templates } from './templates.ts';

export interface Contender {
  readonly column: Column;
  readonly namespace: string;
  readonly templates: Templates;
  stop(): Promise<void>;
}

export interface Field {
  /** Prefix of the namespaces. */
  readonly name: string;
  readonly workloads: Population['workloads'];
  /** Of the policies, for the operator. */
  readonly debounce?: string;
  readonly loop: boolean;
}

const LOOP_NAMESPACE = 'bench-loop';
const WARM_UP_MS = 60_000;

/**
 * Gives everyone the same workloads in a namespace of their own, starts the bare loop, and makes sure that everyone
 * reacts before anything is measured.
 */
export async function lineUp(bench: Bench, field: Field): Promise<readonly Contender[]> {
  const columns: readonly Column[] = [
    'operator',
    ...(field.loop ? ['loop' as const] : []),
    ...(bench.peer === undefined ? [] : ['peer' as const]),
  ];
  const contenders: Contender[] = [];
  try {
    for (const column of columns) contenders.push(await contender(bench, field, column));
    for (const each of contenders) await warmUp(bench, each, field);
    return contenders;
  } catch (error) {
    await stopAll(contenders);
    throw error;
  }
}

export async function stopAll(contenders: readonly Contender[]): Promise<void> {
  await Promise.all(contenders.map((each) => each.stop()));
}

async function contender(bench: Bench, field: Field, column: Column): Promise<Contender> {
  const { api, peer } = bench;
  const namespace = `bench-${field.name}-${column}`;
  bench.log(`${namespace}: ${field.workloads.length} workloads`);
  await populate(api, {
    namespace,
    workloads: field.workloads,
    ...(column === 'operator' && {
      policies: { ...(field.debounce !== undefined && { debounce: field.debounce }) },
    }),
    ...(column === 'peer' && peer !== undefined && { annotations: { [peer.annotation.key]: peer.annotation.value } }),
  });
  const templates = await watchTemplates(api, namespace);
  const loop = column === 'loop' ? await startLoop(bench, namespace) : undefined;
  return {
    column,
    namespace,
    templates,
    stop: async () => {
      templates.close();
      await loop?.stop();
      await api.removeNamespace(namespace, { wait: true });
    },
  };
}

/**
 * The loop writes as an account of the operator's own name, in another namespace: bound to the same role and fenced by
 * the same admission policies, so that the API server does the same work for both.
 */
async function startLoop(bench: Bench, namespace: string): Promise<{ stop(): Promise<void> }> {
  const { api, scratch } = bench;
  const binding = {
    metadata: { name: LOOP_NAMESPACE },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reload-operator' },
    subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace: LOOP_NAMESPACE }],
  };
  const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  const stop = async (): Promise<void> => {
    await api.client.request({ method: 'DELETE', path: `${bindings}/${LOOP_NAMESPACE}` });
    await api.removeNamespace(LOOP_NAMESPACE, { wait: true });
  };
  await api.namespace(LOOP_NAMESPACE);
  await api.create(`/api/v1/namespaces/${LOOP_NAMESPACE}/serviceaccounts`, [{ metadata: { name: SERVICE_ACCOUNT } }]);
  await api.create(bindings, [binding]);
  try {
    const kubeconfig = join(scratch, 'loop.json');
    writeFileSync(kubeconfig, await serviceAccountKubeconfig(api, LOOP_NAMESPACE, SERVICE_ACCOUNT), { mode: 0o600 });
    const child = await startChild({
      command: process.execPath,
      args: [join(import.meta.dirname, 'loop.ts'), kubeconfig, namespace],
      readyLine: 'ready',
    });
    return {
      stop: async () => {
        await child.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Edits until a template moves: whoever starts may adopt what it finds first, or not listen yet. */
async function warmUp(bench: Bench, { column, namespace, templates }: Contender, field: Field): Promise<void> {
  const [first] = field.workloads;
  if (first === undefined) throw new RangeError('a field needs workloads');
  const begun = performance.now();
  for (let attempt = 0; performance.now() - begun < WARM_UP_MS; attempt++) {
    const from = performance.now();
    await bench.api.edit(namespace, first.configMap, { setting: `warm-up-${attempt}` });
    if ((await templates.next(first.name, from, 3_000)) !== undefined) {
      await templates.quiet(1_500);
      return;
    }
  }
  throw new Error(`the ${column} did not react to any edit within ${WARM_UP_MS / 1000} s`);
}
