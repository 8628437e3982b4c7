import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FaultProxyOptions {
  /** Where the bytes go: `https://host:port`, say. */
  readonly target: string;
}

/** A TCP proxy on 127.0.0.1 that can fail in the ways a network does. TLS goes through it unseen. */
export interface FaultProxy {
  /** The target's address with the proxy's host and port. */
  readonly url: string;
  /** Connections passing now. */
  readonly connections: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Resets every connection; new ones pass. */
  readonly cutAll: () => void;
  /**
   * The network goes silent: present connections stay open and never carry a byte again, not even after `resume`; new
   * ones are accepted and stay silent until then.
   */
  readonly freeze: () => void;
  /** New connections are reset at once; present ones go on. */
  readonly refuse: () => void;
  /** Ends `freeze` and `refuse` for connections to come; those that wait since `freeze` go on. */
  readonly resume: () => void;
  /** Every chunk takes so long from now on, in ms, in both directions. */
  readonly delay: (ms: number) => void;
  readonly stop: () => Promise<void>;
}

type Mode = 'pass' | 'silent' | 'refuse';

export async function createFaultProxy({ target }: FaultProxyOptions): Promise<FaultProxy> {
  const { hostname, port, protocol } = new URL(target);
  const pairs = new Set<Pair>();
  const waiting = new Set<Socket>();
  /** Towards the target; a silent one outlives its other half. */
  const upstreams = new Set<Socket>();
  let mode: Mode = 'pass';
  let latencyMs = 0;
  let accepted = 0;

  const pass = (client: Socket): void => {
    const upstream = connectTcp(Number(port), hostname);
    upstreams.add(upstream);
    upstream.once('close', () => upstreams.delete(upstream));
    const pair = new Pair(client, upstream, () => latencyMs);
    pairs.add(pair);
    void pair.closed.then(() => pairs.delete(pair));
  };

  const server = createServer((client) => {
    accepted += 1;
    client.on('error', ignoreReset);
    if (mode === 'refuse') client.resetAndDestroy();
    else if (mode === 'silent') waiting.add(client);
    else pass(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const cutAll = (): void => {
    for (const pair of pairs) pair.cut();
    for (const client of waiting) client.resetAndDestroy();
    waiting.clear();
  };

  return {
    url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    cutAll,
    freeze: () => {
      mode = 'silent';
      for (const pair of pairs) pair.freeze();
    },
    refuse: () => {
      mode = 'refuse';
    },
    resume: () => {
      mode = 'pass';
      for (const client of waiting) pass(client);
      waiting.clear();
    },
    delay: (ms) => {
      latencyMs = ms;
    },
    stop: async () => {
      cutAll();
      for (const upstream of upstreams) upstream.resetAndDestroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One connection and its other half towards the target. */
class Pair {
  readonly closed: Promise<unknown>;
  readonly #ends: readonly [Socket, Socket];
  #frozen = false;

  constructor(client: Socket, upstream: Socket, latencyMs: () => number) {
    this.#ends = [client, upstream];
    upstream.on('error', ignoreReset);
    void this.#carry(client, upstream, latencyMs);
    void this.#carry(upstream, client, latencyMs);
    // Not events.once, which rejects where an error comes first: a reset is no failure here.
    this.closed = new Promise((resolve) => client.once('close', resolve));
  }

  freeze(): void {
    this.#frozen = true;
  }

  cut(): void {
    for (const end of this.#ends) end.resetAndDestroy();
  }

  async #carry(from: Socket, to: Socket, latencyMs: () => number): Promise<void> {
    try {
      for await (const chunk of from) {
        if (latencyMs() > 0) await sleep(latencyMs());
        if (!this.#frozen) to.write(chunk as Buffer);
      }
    } catch {
      // A reset ends the other half below.
    }
    if (!this.#frozen) to.destroy();
  }
}

/** The other side's reset is what this proxy is for. */
function ignoreReset(): void {}
