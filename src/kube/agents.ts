/** The node agents, found by their pods and asked over connections that are kept while there are questions. */

import type { Agents, MountAnswer } from '../controller/ports.ts';
import { AGENT_NAME, PORT_NAME } from '../agent/protocol.ts';
import type { Clock } from '../runtime/clock.ts';
import { toError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { createReflector, type Reflector } from '../runtime/reflector.ts';
import { createStore, type Store } from '../runtime/store.ts';
import { openSession, type AgentPod, type Session } from './agents/session.ts';
import type { KubeClient } from './connect.ts';
import { listWatch, type ObjectMeta } from './listwatch.ts';
import { pods as podsPath } from './paths.ts';

export interface AgentsOptions {
  readonly client: KubeClient;
  /** Where the agents run. */
  readonly namespace: string;
  /** The operator's own service account. */
  readonly account: { readonly namespace: string; readonly name: string };
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** See ReflectorOptions. */
  readonly idleMs: number;
}

export interface FoundAgents {
  readonly agents: Agents;
  /** Finds them; nobody is asked before it has run. */
  readonly reflector: Reflector;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** An agent that could not be asked is left alone for so long; who asks meanwhile is told the same. */
const LEAVE_ALONE_MS = 1_000;

type Connection =
  | { readonly state: 'Open'; readonly session: Promise<Session>; readonly settled: { session?: Session } }
  | { readonly state: 'Failed'; readonly why: string; readonly until: number };

export const createAgents = (options: AgentsOptions): FoundAgents => {
  const { client, namespace, account, clock, random, log, idleMs } = options;
  const store = createStore<RawAgentPod, AgentPod>({
    keyOf: ({ metadata }) => metadata.name,
    keyOfValue: ({ name }) => name,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parsePod,
    indexes: { node: ({ node }) => [node] },
    log,
  });
  const reflector = createReflector<RawAgentPod>({
    name: `agents in ${namespace}`,
    source: listWatch<RawAgentPod>(client, {
      path: podsPath(namespace),
      query: { labelSelector: `app.kubernetes.io/name=${AGENT_NAME}` },
      idleMs,
    }),
    sink: store,
    clock,
    random,
    log,
    idleMs,
  });
  /** By the uid of the agent's pod. */
  const connections = new Map<string, Connection>();
  const closed = new AbortController();

  const drop = (uid: string): void => {
    const connection = connections.get(uid);
    connections.delete(uid);
    if (connection?.state === 'Open') connection.settled.session?.close();
  };
  store.onDelta(({ old, new: now }) => {
    if (old !== undefined && old.uid !== now?.uid) drop(old.uid);
  });

  const open = (pod: AgentPod): Connection => {
    const settled: { session?: Session } = {};
    const session = openSession(pod, { client, account, clock }, closed.signal);
    const connection: Connection = { state: 'Open', session, settled };
    connections.set(pod.uid, connection);
    session.then(
      (opened) => {
        settled.session = opened;
        if (connections.get(pod.uid) !== connection) opened.close();
        else log.info({ node: pod.node, pod: pod.name }, 'an agent has proven who it is');
      },
      () => undefined,
    );
    return connection;
  };

  /** A failed connection is made anew by the first who asks after the pause. */
  const connectionTo = (pod: AgentPod): Connection => {
    const known = connections.get(pod.uid);
    if (known?.state === 'Failed' && known.until > clock.now()) return known;
    if (known?.state === 'Open' && known.settled.session?.usable() !== false) return known;
    drop(pod.uid);
    return open(pod);
  };

  const failed = (pod: AgentPod, connection: Connection, error: unknown): MountAnswer => {
    const why = `the agent of node ${pod.node} can't be asked: ${toError(error).message}`;
    // Others may have told before, and a new connection may be there.
    if (connections.get(pod.uid) === connection) {
      drop(pod.uid);
      connections.set(pod.uid, { state: 'Failed', why, until: clock.now() + LEAVE_ALONE_MS });
      log.warn({ node: pod.node, pod: pod.name, err: toError(error) }, 'an agent can not be asked');
    }
    return { type: 'Unavailable', why };
  };

  return {
    reflector,
    agents: {
      mounted: async ({ uid, node }, question, waitMs, signal) => {
        signal.throwIfAborted();
        const pod = agentOf(store, node);
        if (pod === undefined) return { type: 'Unavailable', why: absence(node, namespace, reflector) };
        const connection = connectionTo(pod);
        if (connection.state === 'Failed') return { type: 'Unavailable', why: connection.why };
        try {
          const session = await abortable(connection.session, signal);
          return await session.ask(uid, question, waitMs, signal);
        } catch (error) {
          signal.throwIfAborted();
          return failed(pod, connection, error);
        }
      },
    },
    close: () => {
      closed.abort(new Error('the agents are no longer asked'));
      for (const uid of [...connections.keys()]) drop(uid);
      return Promise.resolve();
    },
  };
};

/** Of two, where one takes over from the other, the one that is ready. */
const agentOf = (store: Store<AgentPod>, node: string): AgentPod | undefined => {
  const found = store.by('node', node);
  return found.find(({ ready }) => ready) ?? found[0];
};

const absence = (node: string, namespace: string, reflector: Reflector): string => {
  const { synced, error } = reflector.status();
  if (synced) return `there is no agent on node ${node}`;
  return `the agents in ${namespace} are not known${error === undefined ? ' yet' : `: ${error.message}`}`;
};

/** One who no longer waits for a connection leaves it to the others. */
const abortable = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    reject(toError(signal.reason));
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

interface RawAgentPod {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Undefined: it can't be asked. */
const parsePod = ({ metadata, spec, status = {} }: RawAgentPod): AgentPod | undefined => {
  const port = spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === PORT_NAME)?.containerPort;
  const { podIP: address, phase, conditions = [] } = status;
  if (spec.nodeName === undefined || address === undefined || port === undefined) return undefined;
  if (phase !== 'Running' || metadata.deletionTimestamp !== undefined) return undefined;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    node: spec.nodeName,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    address,
    port,
  };
};
