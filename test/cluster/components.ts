import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit, killNow, startComponent, untilEnded } from './processes.ts';
import type { Component, ComponentSpec } from './processes.ts';

const POLL_MS = 50;
const KILL_TIMEOUT_MS = 10_000;

/** Tells whether a component serves; throwing means "not yet". */
export type ReadinessCheck = () => Promise<boolean>;

/**
 * The running parts of one cluster.
 *
 * Guarantee: a part that ends without having been told to is reported once through `onUnexpectedEnd`,
 * and is not started again.
 */
export class Components {
  readonly #running = new Map<string, Component>();
  readonly #dismissed = new Set<Component>();
  readonly #onUnexpectedEnd: (reason: string) => void;
  #closed = false;

  constructor(onUnexpectedEnd: (reason: string) => void) {
    this.#onUnexpectedEnd = onUnexpectedEnd;
  }

  /** @throws when one of that name runs already, or the command can't be started. */
  async start(spec: ComponentSpec): Promise<Component> {
    if (this.#closed) throw new Error(`can't start ${spec.name}: the cluster is being stopped`);
    if (this.#running.has(spec.name)) throw new Error(`${spec.name} is already running`);
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const component = await startComponent(spec);
    this.#running.set(spec.name, component);
    void component.exited.then((exit) => {
      if (this.#running.get(spec.name) === component) this.#running.delete(spec.name);
      if (!this.#dismissed.delete(component)) this.#onUnexpectedEnd(describeExit(component, exit));
    });
    return component;
  }

  /** SIGKILL, and waits for the end. @throws when it isn't running. */
  async kill(name: string): Promise<void> {
    const component = this.#running.get(name);
    if (!component) throw new Error(`${name} is not running`);
    await this.#dismiss(component);
  }

  /** Ends all of them; from now on none can be started. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running.values()].map((component) => this.#dismiss(component)));
  }

  async #dismiss(component: Component): Promise<void> {
    this.#dismissed.add(component);
    killNow(component.ref);
    await untilEnded(component.ref, KILL_TIMEOUT_MS);
    await component.exited;
  }
}

/**
 * Waits until a component serves.
 *
 * @throws with the tail of its log when it ends first or the time is over.
 */
export async function untilReady(component: Component, check: ReadinessCheck, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let ended: string | undefined;
  void component.exited.then((exit) => {
    ended = describeExit(component, exit);
  });
  let latest = 'it does not say why';
  for (;;) {
    try {
      if (await check()) return;
    } catch (error) {
      latest = error instanceof Error ? error.message : String(error);
    }
    if (ended !== undefined) throw new Error(ended);
    if (performance.now() > deadline) {
      throw new Error(
        `${component.name} is not ready after ${timeoutMs / 1000} s (${latest}): see ${component.logFile}`,
      );
    }
    await sleep(POLL_MS);
  }
}
