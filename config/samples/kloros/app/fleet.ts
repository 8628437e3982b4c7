/** The observers' processes: found by the Service's EndpointSlices, for there may be no DNS, and each is asked itself. */

import type { Kube } from './kube.ts';
import type { Performance } from './observation.ts';

const SERVICE = 'kloros-observer';
const ASK_MS = 1_000;

export interface Observer {
  readonly name: string;
  /** Without a path. */
  readonly url: string;
}

interface EndpointSlices {
  readonly items: readonly {
    readonly addressType: string;
    readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
    readonly endpoints?:
      | readonly {
          readonly addresses: readonly string[];
          readonly conditions?: { readonly terminating?: boolean };
          readonly targetRef?: { readonly name?: string };
        }[]
      | null;
  }[];
}

/** All that run or start, ready or not: one that isn't must be live, too, before it serves. Not those that end. */
export const observersOf = ({ items }: EndpointSlices): readonly Observer[] => {
  const found = items.flatMap(({ ports, endpoints, addressType }) => {
    const port = ports?.find(({ name }) => name === 'http')?.port;
    if (port === undefined) return [];
    return (endpoints ?? [])
      .filter(({ conditions }) => conditions?.terminating !== true)
      .flatMap(({ addresses: [address], targetRef }) =>
        address === undefined
          ? []
          : [
              {
                name: targetRef?.name ?? address,
                url: `http://${addressType === 'IPv6' ? `[${address}]` : address}:${port}`,
              },
            ],
      );
  });
  // In a cluster of two address families each pod stands in two slices.
  return [...new Map(found.map((each) => [each.name, each])).values()];
};

/** The watcher's answer about the one file that a process watches (docs: `/-/reload`, version v1). */
export interface Reloaded {
  readonly files: readonly { readonly sha256?: string; readonly error?: string }[];
}

export interface Fleet {
  list(): Promise<readonly Observer[]>;
  /** @throws where it does not answer, or not in time */
  reloaded(observer: Observer): Promise<Reloaded>;
  /** @throws where it does not answer, or not in time */
  performance(observer: Observer): Promise<Performance>;
}

export const fleetOf = (kube: Kube): Fleet => {
  const ask = async <T>({ url }: Observer, path: string): Promise<T> => {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(ASK_MS) });
    // 422: some content was refused, and the answer says why.
    if (!response.ok && response.status !== 422) throw new Error(`${path}: HTTP ${response.status}`);
    return (await response.json()) as T;
  };
  const path = `/apis/discovery.k8s.io/v1/namespaces/${kube.namespace}/endpointslices`;
  const query = new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${SERVICE}` }).toString();
  return {
    list: async () => observersOf(await kube.get<EndpointSlices>(`${path}?${query}`)),
    reloaded: (observer) => ask<Reloaded>(observer, '/-/reload'),
    performance: (observer) => ask<Performance>(observer, '/performance'),
  };
};
