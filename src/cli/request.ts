/** Requests as people make them: created, and followed until they are answered. */

import { API_VERSION, RELOAD_REQUEST } from '../api/v1alpha1/names.ts';
import type { ReloadRequest } from '../api/v1alpha1/types.ts';
import { KubeError } from '../kube/errors.ts';
import { listWatch } from '../kube/listwatch.ts';
import { requests as requestsPath } from '../kube/paths.ts';
import type { RawRequest } from '../kube/requests.ts';
import type { Cluster } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import { createFollower } from './follow.ts';
import type { WorkloadName } from './names.ts';
import { plain } from './style.ts';
import type { Terminal } from './terminal.ts';

/** What is asked for. */
export type Wish = Pick<ReloadRequest['spec'], 'type' | 'digest' | 'snapshot' | 'object'> & {
  readonly workload: WorkloadName;
};

export interface AskOptions {
  /** How long to wait for the answers, in ms. */
  readonly timeoutMs: number;
}

/**
 * Makes a request for each wish, waits for the answers, and prints them.
 * @throws Failure where one is refused, or not answered in time; those that are answered by then are printed
 */
export const ask = async (
  wishes: readonly Wish[],
  cluster: Cluster,
  terminal: Terminal,
  { timeoutMs }: AskOptions,
): Promise<number> => {
  const made: RawRequest[] = [];
  for (const wish of wishes) made.push(await create(wish, cluster, terminal.signal));
  const answered = await answersOf(made, cluster, terminal, timeoutMs);
  const refused = answered.filter(({ status }) => status?.phase === 'Refused');
  for (const request of answered.filter((each) => !refused.includes(each))) terminal.out(`${told(request)}\n`);
  if (refused.length > 0) throw new Failure(refused.map(told).join('; '));
  const open = made.filter(({ metadata }) => !answered.some((each) => each.metadata.uid === metadata.uid));
  if (open.length === 0) return EXIT.ok;
  const names = open.map(({ metadata, spec }) => `${metadata.name} (${workloadOf(spec)})`).join(', ');
  throw new Failure(
    `not answered after ${timeoutMs / 1_000} s: ${names}: the operator does it when it can; see whether it runs`,
    EXIT.timeout,
  );
};

const create = async (wish: Wish, cluster: Cluster, signal: AbortSignal): Promise<RawRequest> => {
  try {
    return await post(wish, cluster, signal);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 403) throw error;
    const advice = 'ask for the right, which the ClusterRole reload-operator-approve gives';
    throw new Failure(`${error.message}; ${advice}`, undefined, { cause: error });
  }
};

const post = ({ workload, ...wish }: Wish, { client, namespace }: Cluster, signal: AbortSignal): Promise<RawRequest> =>
  client.request<RawRequest>({
    method: 'POST',
    path: requestsPath(namespace),
    query: { fieldManager: 'kubectl-reload' },
    body: {
      apiVersion: API_VERSION,
      kind: RELOAD_REQUEST.kind,
      metadata: { generateName: `${wish.type.toLowerCase()}-`, namespace },
      spec: { ...wish, workload: { kind: workload.kind, name: workload.name } },
    },
    signal,
  });

/** Those that are answered in time. */
const answersOf = async (
  made: readonly RawRequest[],
  { client, namespace }: Cluster,
  terminal: Terminal,
  timeoutMs: number,
): Promise<readonly RawRequest[]> => {
  const late = new AbortController();
  const cancel = terminal.clock.schedule(timeoutMs, () => {
    late.abort(TIMED_OUT);
  });
  const follower = createFollower({ ...terminal, signal: AbortSignal.any([terminal.signal, late.signal]) });
  let answered: readonly RawRequest[] = [];
  try {
    const followed = follower.follow(
      RELOAD_REQUEST.plural,
      listWatch<RawRequest>(client, { path: requestsPath(namespace) }),
    );
    while (answered.length < made.length) {
      await follower.next();
      const present = followed.items();
      const ours = made.map((each) => {
        const found = present.find(({ metadata }) => metadata.uid === each.metadata.uid);
        if (found === undefined) throw new Failure(`somebody has removed request ${each.metadata.name}`);
        return found;
      });
      answered = ours.filter(({ status }) => status?.phase === 'Done' || status?.phase === 'Refused');
    }
    return answered;
  } catch (error) {
    if (error === TIMED_OUT) return answered;
    throw error;
  } finally {
    cancel();
    follower.close();
  }
};

const TIMED_OUT = new Error('timed out');

const workloadOf = ({ workload }: RawRequest['spec']): string => `${workload.kind}/${workload.name}`;

const told = ({ spec, status }: RawRequest): string => {
  const answer = status?.phase === 'Refused' ? `refused (${status.reason ?? ''}): ` : '';
  return plain(`${workloadOf(spec)}: ${answer}${status?.message ?? ''}`);
};
