/** Proving and finding out who somebody is, by tokens of service accounts. */

import * as z from 'zod';
import type { KubeClient } from './connect.ts';
import { serviceAccounts, TOKEN_REVIEWS } from './paths.ts';

export interface TokenOwner {
  /** `system:serviceaccount:<namespace>:<name>` for a service account. */
  readonly username: string;
  /** The pod that a token was made for, where it was made for one. */
  readonly podName?: string;
  readonly podUid?: string;
}

const reviewSchema = z.object({
  status: z.object({
    authenticated: z.boolean().optional(),
    audiences: z.array(z.string()).optional(),
    user: z
      .object({ username: z.string().optional(), extra: z.record(z.string(), z.array(z.string())).optional() })
      .optional(),
  }),
});

/**
 * Whose token it is; undefined: of nobody, or not made for this audience. Failures to find out are thrown.
 */
export const reviewToken = async (
  client: KubeClient,
  token: string,
  audience: string,
  signal?: AbortSignal,
): Promise<TokenOwner | undefined> => {
  const answer = await client.request({
    method: 'POST',
    path: TOKEN_REVIEWS,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: [audience] } },
    ...(signal !== undefined && { signal }),
  });
  const { authenticated, audiences = [], user } = reviewSchema.parse(answer).status;
  // Where it doesn't say for which audience, it has not looked at that.
  if (authenticated !== true || !audiences.includes(audience) || user?.username === undefined) return undefined;
  const extra = (name: string): string | undefined => user.extra?.[`authentication.kubernetes.io/${name}`]?.[0];
  const [podName, podUid] = [extra('pod-name'), extra('pod-uid')];
  return {
    username: user.username,
    ...(podName !== undefined && { podName }),
    ...(podUid !== undefined && { podUid }),
  };
};

const tokenSchema = z.object({ status: z.object({ token: z.string().min(1) }) });

/** A token of a service account for one audience. */
export const requestToken = async (
  client: KubeClient,
  account: { readonly namespace: string; readonly name: string },
  { audience, seconds }: { readonly audience: string; readonly seconds: number },
  signal: AbortSignal,
): Promise<string> => {
  const answer = await client.request({
    method: 'POST',
    path: `${serviceAccounts(account.namespace)}/${account.name}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], expirationSeconds: seconds },
    },
    signal,
  });
  return tokenSchema.parse(answer).status.token;
};
