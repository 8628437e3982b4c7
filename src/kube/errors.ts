/** One complaint of the API server about one field (`details.causes` of a Status). */
export interface ErrorCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

interface KubeErrorFields {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs?: number;
  readonly causes?: readonly ErrorCause[];
}

/** The API server answered, and the answer is no. The message has method, path and the server's own sentence; never headers or bodies. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** Stable: "KUBE_" and the reason in capitals, such as KUBE_FORBIDDEN, KUBE_NOT_FOUND, KUBE_CONFLICT, KUBE_EXPIRED. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** The `reason` of the Status, such as Forbidden; from the HTTP status where the answer had none. */
  readonly reason: string;
  /** How long the server wants to be left alone, in ms. */
  readonly retryAfterMs?: number;
  readonly causes: readonly ErrorCause[];

  constructor(message: string, { status, reason, retryAfterMs, causes = [] }: KubeErrorFields) {
    super(message);
    this.code = `KUBE_${reason.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`;
    this.status = status;
    this.reason = reason;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
    this.causes = causes;
  }
}

export type ConnectionErrorCode = 'KUBE_UNREACHABLE' | 'KUBE_TIMEOUT' | 'KUBE_BROKEN_ANSWER' | 'KUBE_CREDENTIALS';

/** No answer, or not a whole one: refused, reset, timed out, cut off. Whether a write took effect is unknown. The cause is kept. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: ConnectionErrorCode;

  constructor(code: ConnectionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);

/** What etcd, and the API server's client of it, say of an object that is too large. */
const TOO_LARGE = /request is too large|trying to send message larger than max/;

/** The object is larger than the API server takes (413), or than can be stored (500). */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 413 || (error.status === 500 && TOO_LARGE.test(error.message)));

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}

/** Reasons as in k8s.io/apimachinery, for answers that aren't a Status, such as a proxy's. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** Long enough for every sentence of the API server, short enough for a log line and a condition. */
const MESSAGE_LIMIT = 1024;

export interface Refusal {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** The Retry-After header. */
  readonly retryAfter?: unknown;
  readonly body: string;
}

/** The error for an answer with a status of 400 or more. */
export function kubeError({ method, path, status, retryAfter, body }: Refusal): KubeError {
  const answer = parseStatus(body);
  const reason = nonEmpty(answer['reason']) ?? REASONS[status] ?? `Status${status}`;
  const sentence = bounded(nonEmpty(answer['message']) ?? describeBare(status, reason));
  const details = isRecord(answer['details']) ? answer['details'] : {};
  const retryAfterMs = parseRetryAfter(retryAfter) ?? parseRetryAfter(details['retryAfterSeconds']);
  return new KubeError(`${method.toLowerCase()} ${path}: ${sentence}`, {
    status,
    reason,
    causes: parseCauses(details['causes']),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** A plain 404 is how the API server says that it doesn't know the resource at all. */
function describeBare(status: number, reason: string): string {
  if (status === 404) return 'nothing is served there: is the CustomResourceDefinition installed?';
  return `the answer was ${status} ${reason}, without a message`;
}

function parseStatus(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && parsed['kind'] === 'Status' ? parsed : {};
  } catch {
    // Not from the API server but from something in between: its page says nothing to us.
    return {};
  }
}

function parseCauses(causes: unknown): readonly ErrorCause[] {
  if (!Array.isArray(causes)) return [];
  return causes.filter(isRecord).map(({ reason, message, field }) => ({
    ...(typeof reason === 'string' && { reason }),
    ...(typeof message === 'string' && { message: bounded(message) }),
    ...(typeof field === 'string' && { field }),
  }));
}

/** Seconds, as a number or in digits; the API server sends no dates. In ms. */
function parseRetryAfter(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' && typeof seconds !== 'string') return undefined;
  const value = Number(seconds);
  return seconds !== '' && Number.isFinite(value) && value > 0 ? value * 1000 : undefined;
}

function bounded(text: string): string {
  return text.length <= MESSAGE_LIMIT ? text : `${text.slice(0, MESSAGE_LIMIT)}…`;
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
