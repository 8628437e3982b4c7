/** How far a delivery has got, in counts and words. */

import { STATUS_LIMITS } from '../api/v1alpha1/limits.ts';
import type { DeliveryVerdict } from './effects.ts';
import { listed } from './listed.ts';
import type { Delivery, PodProof, ProofProgress } from './proof.ts';

/** What pods are to be, in one word: where nothing is proven, they have accepted to reload. */
export const goalOf = ({ proof }: Pick<Delivery, 'proof'>): 'Notified' | 'Mounted' | 'Loaded' =>
  proof === 'Nudged' ? 'Notified' : proof;

/** Why a delivery is not proven: `after 30s 1 of 3 pods not Loaded: web-x: container main: 422`. */
export const unprovenWords = (delivery: Delivery, progress: ProofProgress | undefined, timeoutMs: number): string => {
  const after = `after ${timeoutMs / 1_000}s`;
  if (progress?.listed !== true) return `${after} not known to be ${goalOf(delivery)}: the pods could not be listed`;
  const missing = progress.pods.filter(({ done }) => !done);
  const words = listed(missing.map(podWords), { most: 3, by: '; ' });
  return `${after} ${missing.length} of ${progress.pods.length} pods not ${goalOf(delivery)}: ${words}`;
};

const podWords = ({ name, why }: PodProof): string => (why === undefined ? name : `${name}: ${why}`);

/** For the status: counts, and the pods that are not there yet. */
export const deliveryVerdict = (
  delivery: Delivery,
  progress: ProofProgress | undefined,
  phase: DeliveryVerdict['phase'],
): DeliveryVerdict => {
  const { digest, proof, places } = delivery;
  const known = progress?.digest === digest && progress.listed ? progress : undefined;
  return {
    digest,
    proof,
    phase,
    what: listed(places),
    ...(known !== undefined && { counts: countsOf(delivery, known, phase) }),
    // Whatever is still on its way needs no explanation.
    missing: (known?.pods ?? [])
      .filter(({ done, why }) => !done && (phase === 'TimedOut' || why !== undefined))
      .slice(0, STATUS_LIMITS.missing)
      .map(podWords),
  };
};

const countsOf = (
  { proof }: Delivery,
  { pods, blind }: ProofProgress,
  phase: DeliveryVerdict['phase'],
): NonNullable<DeliveryVerdict['counts']> => {
  // Of many pods, each that gets on would call for a write of its own.
  const step = phase === 'InProgress' ? Math.max(1, Math.ceil(pods.length / 10)) : 1;
  const count = (counts: (pod: PodProof) => boolean): number => Math.floor(pods.filter(counts).length / step) * step;
  return {
    pods: pods.length,
    done: count(({ done }) => done),
    ...(proof !== 'Nudged' &&
      !blind && { mounted: count(({ reached }) => reached === 'Mounted' || reached === 'Loaded') }),
    ...(pods.some(({ notified }) => notified !== undefined) && {
      notified: count(({ notified }) => notified === true),
    }),
    ...(proof === 'Loaded' && { loaded: count(({ reached }) => reached === 'Loaded') }),
  };
};

/** `2 of 3 pods Loaded: ConfigMap/app:llm.yaml; web-x: container main: 422`. */
export const progressWords = (delivery: DeliveryVerdict): string => {
  const { counts, what, missing } = delivery;
  const goal = goalOf(delivery);
  if (counts === undefined) return `to be ${goal}: ${what}`;
  const { done, pods } = counts;
  return [`${done} of ${pods} pods ${goal}: ${what}`, ...missing.slice(0, 3)].join('; ');
};
