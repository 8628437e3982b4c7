/** A failure that no retry cures: the work queue leaves the key alone until it is added again. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  /** CamelCase, fit for a condition. */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Not a failure but a known wait: the work queue runs the key again after `retryAfterMs`, without backing off. */
export class WaitingError extends Error {
  override readonly name = 'WaitingError';
  readonly retryAfterMs: number;
  /** CamelCase, fit for a condition. */
  readonly reason: string;

  constructor(retryAfterMs: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
    this.reason = reason;
  }
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`something that is no Error was thrown: ${String(thrown)}`);
}

/** The HTTP status that an adapter's error carries in `status`; undefined when no answer came. */
export function statusOf(error: unknown): number | undefined {
  return numberAt(error, 'status');
}

/** How long the other side asked to be left alone, in milliseconds, when an adapter's error carries it in `retryAfterMs`. */
export function retryAfterOf(error: unknown): number | undefined {
  return numberAt(error, 'retryAfterMs');
}

function numberAt(error: unknown, field: 'status' | 'retryAfterMs'): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, field);
  return typeof value === 'number' ? value : undefined;
}
