/** What is said between the operator and the agents: paths, names and bounds, shared by both sides. HTTP/2 over TLS 1.3. */

import * as z from 'zod';

/** The agent's own pods carry it, under `app.kubernetes.io/name`. It is the name of their service account, too. */
export const AGENT_NAME = 'reload-operator-agent';
/** The container port that questions go to. */
export const PORT_NAME = 'agent';

/** POST: a question. Long-poll: answered as soon as it is so, and after `waitMs` at the latest. */
export const MOUNTED_PATH = '/v1/mounted';
/** GET: a token that proves which pod answers. */
export const IDENTITY_PATH = '/v1/identity';
/** GET, without a token. */
export const HEALTH_PATHS = { live: '/livez', ready: '/readyz' } as const;

/** The audience of the token that an agent shows, which the kubelet makes for its pod. */
export const AGENT_AUDIENCE = 'reload-operator-agent';

/**
 * The audience of the token that the operator shows: it holds for the one agent that has this certificate. Whoever is
 * shown it in an agent's place can do nothing with it.
 * @param fingerprint SHA-256 of the certificate, in lower-case hex
 */
export const operatorAudience = (fingerprint: string): string => `${AGENT_AUDIENCE}/${fingerprint}`;

export const LIMITS = {
  /** Of a question, in bytes. */
  body: 512 * 1024,
  /** Files of one question. */
  files: 4_096,
  /** Of one file, in bytes: no object of the API holds more. Larger ones differ from whatever is hoped for. */
  file: 1024 * 1024,
  /** Questions that wait at a time. */
  questions: 256,
  waitMs: 30_000,
  /** Of an answer, in bytes. */
  answer: 2 * 1024 * 1024,
} as const;

/**
 * A path within a volume, as the API server allows them in `items`: relative, no `..`, and what begins with two dots is
 * the kubelet's own. A key of a source is such a path.
 */
const filePath = z
  .string()
  .min(1)
  .max(4_096)
  .refine(
    (path) =>
      !path.includes('\0') &&
      !path.startsWith('..') &&
      path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
  );

const PLUGINS = ['kubernetes.io~configmap', 'kubernetes.io~secret', 'kubernetes.io~projected'] as const;

/** Has this pod's volume these files? */
export const questionSchema = z.strictObject({
  /** The pod's uid; static pods have 32 hex digits without dashes. */
  pod: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^[0-9a-f]{32}$/),
  volume: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
  plugin: z.enum(PLUGINS),
  /** Path and digest; null: there is to be no such file. A list, for an object's keys may have names of their own meaning. */
  files: z
    .array(z.tuple([filePath, z.union([z.string().regex(/^(v1|q1):[\w-]{22}$/), z.null()])]))
    .min(1)
    .max(LIMITS.files),
  /** Of MACs, in base64url; without it, digests are plain. */
  key: z
    .string()
    .regex(/^[\w-]{22,128}$/)
    .optional(),
  /** For so long the answer may keep its asker waiting, in ms. */
  waitMs: z.int().min(0).max(LIMITS.waitMs),
});

export type Question = z.output<typeof questionSchema>;

export const answerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Mounted') }),
  /** The paths that differ. */
  z.object({ type: z.literal('Differs'), files: z.array(z.string()) }),
  z.object({ type: z.literal('Unavailable'), why: z.string() }),
]);

export type Answer = z.output<typeof answerSchema>;

export const identitySchema = z.object({ token: z.string().min(1).max(16_384) });
