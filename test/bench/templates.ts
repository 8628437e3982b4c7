/** When pod templates change, as one watch of the bench process sees it: the same for everything that is measured. */

import { setTimeout as sleep } from 'node:timers/promises';
import * as paths from '../../src/kube/paths.ts';
import { RESTART_ANNOTATION } from '../../src/api/v1alpha1/names.ts';
import type { Api } from './api.ts';

export interface TemplateChange {
  readonly name: string;
  /** By performance.now(). */
  readonly at: number;
  /** The value of our restart annotation. */
  readonly restart: string | undefined;
}

export interface Templates {
  /** Every change since the start, in order. */
  readonly changes: readonly TemplateChange[];
  /** Resolves with the first change at `from` or later of one Deployment; undefined when it takes too long. */
  next(name: string, from: number, timeoutMs: number): Promise<TemplateChange | undefined>;
  /** Resolves when so many changes have been seen from `from` on, or when it takes too long. */
  count(count: number, from: number, timeoutMs: number): Promise<readonly TemplateChange[]>;
  /** Resolves when no Deployment has moved in any way for so long; rejects after two minutes of unrest. */
  quiet(ms: number): Promise<void>;
  close(): void;
}

interface Deployment {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly spec: { readonly template: { readonly metadata?: { readonly annotations?: Record<string, string> } } };
}

interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: Deployment;
}

const LONGEST_UNREST_MS = 120_000;

/** Watches the Deployments of a namespace that exist now. */
export async function watchTemplates(api: Api, namespace: string): Promise<Templates> {
  const path = paths.workloads('Deployment')(namespace);
  const list = await api.get<{ metadata: { resourceVersion: string }; items: readonly Deployment[] }>(path);
  const templates = new Map(list.items.map((item) => [item.metadata.name, JSON.stringify(item.spec.template)]));
  const changes: TemplateChange[] = [];
  const waiting = new Set<() => void>();
  const ended = new AbortController();
  let movedAt = performance.now();
  let failure: Error | undefined;

  const wake = (): void => {
    for (const look of waiting) look();
  };
  let resourceVersion = list.metadata.resourceVersion;
  /** The API server ends a watch whose reader falls behind: the next one begins where it stopped. */
  const follow = async (): Promise<void> => {
    const signal = AbortSignal.any([api.signal, ended.signal]);
    while (!signal.aborted) {
      const query = { watch: 'true', resourceVersion, timeoutSeconds: '1800' };
      for await (const event of api.client.stream({ path, query, signal, idleMs: 1_800_000 })) {
        take(event as Event, performance.now());
      }
    }
  };
  const take = ({ type, object }: Event, at: number): void => {
    if (type === 'ERROR') throw new Error(`the watch of the Deployments in ${namespace} cannot go on`);
    movedAt = at;
    const { name } = object.metadata;
    const template = JSON.stringify(object.spec.template);
    resourceVersion = object.metadata.resourceVersion;
    if (templates.get(name) === template) return;
    templates.set(name, template);
    changes.push({ name, at, restart: object.spec.template.metadata?.annotations?.[RESTART_ANNOTATION] });
    wake();
  };
  follow().catch((error: unknown) => {
    if (ended.signal.aborted) return;
    failure = error instanceof Error ? error : new Error(String(error));
    wake();
  });

  /** Looks now and after each change. */
  const until = <T>(look: () => T | undefined, timeoutMs: number): Promise<T | undefined> =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        waiting.delete(attempt);
        settle();
      };
      const attempt = (): void => {
        const { signal } = api;
        if (failure !== undefined || signal.aborted)
          end(() => {
            reject(failure ?? new Error('interrupted', { cause: signal.reason }));
          });
        const found = look();
        if (found !== undefined)
          end(() => {
            resolve(found);
          });
      };
      const timer = setTimeout(() => {
        end(() => {
          resolve(undefined);
        });
      }, timeoutMs);
      waiting.add(attempt);
      attempt();
    });

  const since = (from: number): readonly TemplateChange[] => changes.filter(({ at }) => at >= from);
  return {
    changes,
    next: (name, from, timeoutMs) =>
      until(() => changes.findLast((change) => change.name === name && change.at >= from), timeoutMs),
    count: async (count, from, timeoutMs) =>
      (await until(() => (since(from).length >= count ? since(from) : undefined), timeoutMs)) ?? since(from),
    quiet: async (ms) => {
      const begun = performance.now();
      while (performance.now() - movedAt < ms) {
        if (performance.now() - begun > LONGEST_UNREST_MS)
          throw new Error(`the Deployments in ${namespace} never rest`);
        await sleep(ms - (performance.now() - movedAt) + 1, undefined, { signal: api.signal });
      }
    },
    close: () => {
      ended.abort();
    },
  };
}
