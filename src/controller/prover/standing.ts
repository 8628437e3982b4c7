/** How one pod stands, of all that is known of it: pure. */

import type { PodProof, ProofOrder } from '../../domain/proof.ts';
import type { FollowedPod, PodContainer } from '../ports.ts';
import type { AskState } from './ask.ts';
import type { FilesState } from './files.ts';

export interface PodFacts {
  readonly pod: FollowedPod;
  readonly order: Pick<ProofOrder, 'proof' | 'targets'>;
  readonly nudged: boolean;
  readonly files: FilesState;
  /** Those that are to be asked: a container that shows an expected file, and has the target's port. */
  readonly asks: readonly { readonly container: PodContainer; readonly port: string; readonly state: AskState }[];
  /** Names of the targets' ports that no container has which shows an expected file. */
  readonly unheard: readonly string[];
  /** Why no application of it is ever asked. */
  readonly never?: string;
  /** Why nothing can be found out of it yet. */
  readonly unsure?: string;
}

/** As long as a status has room for, with the pod's name. */
const LONGEST_WHY = 400;

export const standingOf = (facts: PodFacts): PodProof => {
  const { pod, order, files, unsure } = facts;
  const base = { name: pod.name, reached: facts.nudged ? ('Nudged' as const) : ('Nothing' as const) };
  if (unsure !== undefined) return { ...base, done: false, why: cut(unsure) };
  // What is not set up yet gets its files then, and what has not started has still to read them.
  if (!pod.running) return { ...base, done: true, why: 'it has not started' };

  const mounted = files.type === 'Mounted';
  const asks = facts.asks.filter(({ container }) => container.state !== 'Waiting');
  const heard = asks.every(({ state }) => state.heard?.type === 'Accepted' || state.heard?.type === 'Loaded');
  const toAsk = asks.length > 0;
  const notified = toAsk && heard && facts.never === undefined;
  const waits = facts.asks.length > 0 && asks.length === 0;
  const loaded = notified && facts.unheard.length === 0;
  const done =
    (order.proof !== 'Mounted' || mounted) && (order.proof === 'Loaded' ? loaded || waits : !toAsk || notified);
  const why = done ? undefined : whyNot(facts, asks);
  return {
    name: pod.name,
    reached: loaded ? 'Loaded' : mounted ? 'Mounted' : base.reached,
    ...(toAsk && { notified }),
    done,
    ...(why !== undefined && { why: cut(why) }),
  };
};

const whyNot = ({ order, files, never, unheard }: PodFacts, asks: PodFacts['asks']): string => {
  const ofFiles =
    files.type === 'Differs' || (files.type === 'Unavailable' && order.proof === 'Mounted') ? [files.why] : [];
  const ofAsks = asks.flatMap((ask) => whyNotHeard(ask));
  const ofPorts =
    order.proof !== 'Loaded' || never !== undefined
      ? []
      : unheard.map((port) => `no container that mounts what has changed has a port named ${port}`);
  const reasons = [
    ...(never === undefined || order.targets.length === 0 ? [] : [never]),
    ...ofFiles,
    ...ofAsks,
    ...ofPorts,
  ];
  return reasons.length === 0 ? 'it is not known yet' : reasons.join('; ');
};

const whyNotHeard = ({ container, state }: PodFacts['asks'][number]): readonly string[] => {
  if (state.heard?.type === 'Accepted' || state.heard?.type === 'Loaded') return [];
  const which = `container ${container.name}`;
  if (container.state !== 'Running')
    return [`${which} does not run${container.reason === undefined ? '' : ` (${container.reason})`}`];
  if (!container.ready) return [`${which} is not ready`];
  return state.heard === undefined ? [] : [`${which}: ${state.heard.why}`];
};

const cut = (text: string): string => (text.length <= LONGEST_WHY ? text : `${text.slice(0, LONGEST_WHY - 1)}…`);
