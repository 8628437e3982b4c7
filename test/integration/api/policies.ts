/** Policies with one part given, and the rest as small as may be. */

export const source = (name: string) => ({ kind: 'ConfigMap', name });
export const app = source('app');
export const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** 253 characters, and another for each index. */
export const longName = (index: number): string => `${String(index).padStart(4, '0')}${'a'.repeat(249)}`;

export const withWorkload = (workload: object) => ({ sources: [app], workloads: [workload] });
export const withSelector = (selector: object) => withWorkload({ kind: 'Deployment', selector });
export const withExpression = (expression: object) => withSelector({ matchExpressions: [expression] });
export const withRule = (rule: object) => ({ sources: [app], rules: [{ keys: ['*'], class: 'Hot', ...rule }] });
export const withCheck = (check: object) => ({ sources: [app], validation: [{ keys: ['*'], ...check }] });
export const withKey = (key: string) => withRule({ keys: [key] });
export const withDebounce = (debounce: unknown) => ({ sources: [app], restart: { debounce } });
export const withTimeout = (progressTimeout: unknown) => ({ sources: [app], restart: { progressTimeout } });
export const withSourceName = (name: unknown) => ({ sources: [{ kind: 'ConfigMap', name }] });
export const withHot = (hot: object) => ({ sources: [app], hot });
export const withHttp = (http: object) => withHot({ notify: { http: { port: 'http', ...http } } });
export const withSecret = (secretRef: object) => withHttp({ signature: { secretRef } });
export const withRestart = (restart: object) => ({ sources: [app], restart });
const nightly = { name: 'nightly', cron: '0 2 * * *', duration: '1h' };
export const withWindow = (window: object) => withRestart({ windows: [{ ...nightly, ...window }] });
const live = { name: 'app-live', source: app, workloads: [{ kind: 'Deployment', name: 'web' }] };
export const withLive = (object: object, more: object = {}) => ({
  sources: [app],
  delivery: { mode: 'Managed', objects: [{ ...live, ...object }] },
  ...more,
});
/** Two workloads mount the same live object. */
export const withShared = (more: object) =>
  withLive({ workloads: ['web', 'api'].map((name) => ({ kind: 'Deployment', name })) }, more);
