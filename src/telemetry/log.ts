import pino, { type DestinationStream } from 'pino';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogOptions {
  readonly level: LogLevel;
  readonly clock: Pick<Clock, 'now'>;
  /** Default: standard output, one JSON object per line. */
  readonly destination?: DestinationStream;
}

/** A logger that can hand out loggers whose every line carries some fields. */
export interface RootLogger extends Logger {
  child(fields: object): RootLogger;
}

/**
 * Fields that may hold secrets, wherever an error or an object that carries them is logged by mistake. Nothing is
 * meant to log them: this is the second line of defence.
 */
const SECRET_FIELDS = ['data', 'stringData', 'binaryData', 'token', 'password', 'authorization', 'Authorization'];
const REDACTED_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/** Structured logs: a constant message, the rest in fields; `err` is written with its type, message, code and causes. */
export function createLogger({ level, clock, destination }: LogOptions): RootLogger {
  return pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      serializers: { err: describeError },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** Only fields known to be harmless: the errors of HTTP libraries carry headers and bodies. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, reason, status } = error as { code?: unknown; reason?: unknown; status?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof status === 'number' && { status }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause instanceof Error && { cause: describeError(error.cause) }),
  };
}
