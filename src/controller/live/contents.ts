/** The digests of content as the API carries it. */

import { digestContent, type Digest } from '../../domain/digest.ts';
import type { SourceId } from '../../domain/observed.ts';
import type { SourceKind } from '../../domain/selection.ts';
import type { RawContent } from '../ports.ts';
import type { Sources } from '../sources.ts';

export interface Contents {
  /** As if it were the content of the source. */
  digests(
    content: RawContent,
    of: { readonly kind: SourceKind; readonly namespace: string; readonly source: SourceId },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Digest>>;
}

/** Larger content the API server refuses. */
export const MOST_BYTES = 1_048_576;

/** In bytes, as the API server counts: values alone. */
export const sizeOf = (kind: SourceKind, content: RawContent): number =>
  [...content.values()].reduce(
    (sum, { field, value }) =>
      sum + (kind === 'ConfigMap' && field === 'data' ? Buffer.byteLength(value) : Buffer.byteLength(value, 'base64')),
    0,
  );

export const createContents = (sources: Pick<Sources, 'schemeOf'>): Contents => ({
  digests: async (content, { kind, namespace, source }, signal) => {
    const scheme = await sources.schemeOf(namespace, source, signal);
    const bytes = (value: string): Uint8Array => Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
    return new Map(
      [...content].map(([key, { field, value }]) => [
        key,
        digestContent(kind === 'ConfigMap' && field === 'data' ? value : bytes(value), scheme, key),
      ]),
    );
  },
});
