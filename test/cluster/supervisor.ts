// The detached process that owns every other process of one cluster. Started by cluster.ts only.
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Binaries } from './binaries.ts';
import { Components } from './components.ts';
import { createControlPlane } from './control-plane.ts';
import type { ControlPlane, Ports } from './control-plane.ts';
import { serveControl } from './control.ts';
import type { ControlServer, Operation } from './control.ts';
import { dropAbandonedLock } from './lock.ts';
import { createNamespaces } from './namespaces.ts';
import type { Namespaces } from './namespaces.ts';
import { NODE_NAME, kubeletRootOf, startContainerd, startNode } from './node.ts';
import { createPki } from './pki.ts';
import { isAlive, killNow, refTo, untilEnded } from './processes.ts';
import type { ProcessRef } from './processes.ts';
import { placesOf, writeState } from './state.ts';
import type { ClusterState, Places } from './state.ts';
import { removeTraces } from './teardown.ts';

/** What the starter hands over, as JSON in the first argument. */
export interface SupervisorSpec {
  readonly dir: string;
  readonly node: boolean;
  readonly binaries: Binaries;
  readonly images: readonly string[];
  readonly apiServerFlags: readonly string[];
  readonly throttledControllers: boolean;
  /** The cluster ends with this process. */
  readonly owner?: ProcessRef;
}

/** What it tells the starter, until it is ready. */
export type SupervisorMessage = { readonly progress: string } | { readonly ready: true } | { readonly failed: string };

const OWNER_POLL_MS = 250;
const END_TIMEOUT_MS = 30_000;

class Supervisor {
  readonly #spec: SupervisorSpec;
  readonly #places: Places;
  readonly #components = new Components((reason) => {
    this.#break(reason);
  });
  #state: ClusterState;
  #control: ControlServer | undefined;
  #controlPlane: ControlPlane | undefined;
  #starting: Promise<void> | undefined;
  #ended: Promise<void> | undefined;

  constructor(spec: SupervisorSpec) {
    this.#spec = spec;
    this.#places = placesOf(spec.dir);
    this.#state = {
      name: this.#places.name,
      phase: 'starting',
      supervisor: refTo(process.pid),
      kubeconfig: `${this.#places.kubeconfigs}/admin.yaml`,
      kubectl: spec.binaries.kubectl,
    };
  }

  async run(): Promise<void> {
    this.#watchOwner();
    try {
      this.#starting = this.#start();
      await this.#starting;
    } catch (error) {
      if (this.#ended) return;
      const message = error instanceof Error ? error.message : String(error);
      console.error(message);
      this.#tell({ failed: message });
      await this.end({ keepDir: true });
      process.exit(1);
    }
  }

  /** Ends and removes everything, once. A failed start keeps its folder, so that the logs can be read. */
  end({ keepDir = false } = {}): Promise<void> {
    this.#ended ??= (async () => {
      // The namespaces go first: the processes in them are then collected by the ones that put them there.
      const holder = this.#state.node?.holder;
      if (holder) {
        killNow(holder);
        await untilEnded(holder, END_TIMEOUT_MS);
      }
      await this.#components.close();
      // A start that is under way fails now; what it has started meanwhile goes too.
      await Promise.allSettled([this.#starting]);
      await this.#components.close();
      await removeTraces(this.#places, { keepDir });
      dropAbandonedLock(this.#places.lock);
    })();
    return this.#ended;
  }

  async #start(): Promise<void> {
    const { dir, logs, runtimeDir, controlSocket } = this.#places;
    for (const folder of [dir, logs]) mkdirSync(folder, { recursive: true });
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    this.#update({});
    this.#control = await serveControl(controlSocket, (operation) => this.#perform(operation));

    const namespaces = this.#spec.node ? await this.#createNode() : undefined;
    const address = namespaces?.link.nodeAddress ?? '127.0.0.1';
    // A network namespace of its own has every port free.
    const ports = namespaces ? { apiServer: 6443, etcd: 2379, etcdPeer: 2380 } : await freePorts();
    const server = `https://${address}:${ports.apiServer}`;
    const pki = await createPki(this.#places, server, address, namespaces && NODE_NAME);
    const { places, binaries, components } = this.#rooms();
    const controlPlane = createControlPlane({
      places,
      binaries,
      components,
      pki,
      address,
      ports,
      enter: namespaces?.enterNetwork ?? ((command, args) => ({ command, args })),
      hasNode: namespaces !== undefined,
      apiServerFlags: this.#spec.apiServerFlags,
      throttledControllers: this.#spec.throttledControllers,
    });
    this.#controlPlane = controlPlane;
    this.#tell({ progress: 'starting etcd, API server, controller manager and scheduler' });
    if (namespaces) {
      const { endpoint } = controlPlane;
      const node = { places, binaries, components, namespaces, pki, endpoint, images: this.#spec.images };
      await Promise.all([controlPlane.start(), startContainerd(node)]);
      this.#tell({ progress: 'starting kubelet and kube-proxy' });
      await startNode(node);
    } else {
      await controlPlane.start();
    }
    this.#update({ phase: 'ready', server });
    this.#tell({ ready: true });
  }

  #rooms(): { places: Places; binaries: Binaries; components: Components } {
    return { places: this.#places, binaries: this.#spec.binaries, components: this.#components };
  }

  async #createNode(): Promise<Namespaces> {
    const namespaces = await createNamespaces(this.#places, this.#spec.binaries, this.#components);
    const { holder, link } = namespaces;
    const node = { name: NODE_NAME, holder, link: link.name, kubeletRoot: kubeletRootOf(namespaces) };
    this.#update({ node });
    return namespaces;
  }

  async #perform(operation: Operation): Promise<void> {
    if (operation === 'stop') {
      await this.end();
      // The answer goes out first.
      setImmediate(() => {
        this.#control?.close();
        process.exit(0);
      });
      return;
    }
    if (this.#state.reason !== undefined) throw new Error(this.#state.reason);
    if (!this.#controlPlane || this.#state.phase !== 'ready') throw new Error('the cluster is still starting');
    switch (operation) {
      case 'killApiServer':
        return this.#controlPlane.killApiServer();
      case 'startApiServer':
        return this.#controlPlane.startApiServer();
      case 'compact':
        return this.#controlPlane.compact();
      case 'ping':
      case 'watch':
        return;
    }
  }

  /** A part ended by itself: nothing is hidden by starting it again. The rest stays up to be looked at. */
  #break(reason: string): void {
    if (this.#ended) return;
    console.error(reason);
    this.#update({ phase: 'broken', reason });
    this.#control?.broken(reason);
  }

  #watchOwner(): void {
    const { owner } = this.#spec;
    const starterGone = (): void => {
      if (this.#state.phase === 'starting') void this.#endWith('the starter went away before the cluster was up');
    };
    process.once('disconnect', starterGone);
    if (!process.connected) starterGone();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.once(signal, () => void this.#endWith(`received ${signal}`));
    }
    if (!owner) return;
    const timer = setInterval(() => {
      if (isAlive(owner)) return;
      clearInterval(timer);
      void this.#endWith(`process ${owner.pid}, which owns this cluster, has ended`);
    }, OWNER_POLL_MS);
  }

  async #endWith(why: string): Promise<void> {
    console.error(why);
    await this.end();
    process.exit(0);
  }

  #update(change: Partial<ClusterState>): void {
    this.#state = { ...this.#state, ...change };
    writeState(this.#places, this.#state);
  }

  #tell(message: SupervisorMessage): void {
    if (process.connected) process.send?.(message);
  }
}

/** Below the ports that the kernel gives to outgoing connections, or a killed API server could lose its own. */
async function freePorts(): Promise<Ports> {
  const found: number[] = [];
  while (found.length < 3) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  const [apiServer = 0, etcd = 0, etcdPeer = 0] = found;
  return { apiServer, etcd, etcdPeer };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => {
        resolve(bound === port);
      });
    });
  });
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error('the supervisor is started by test/cluster/cluster.ts, not by hand');
await new Supervisor(JSON.parse(argument) as SupervisorSpec).run();
