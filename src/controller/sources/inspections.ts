/** What policies ask of content beyond digests, asked once for each content. */

import type { Digest, Scheme } from '../../domain/digest.ts';
import type { DocumentParts } from '../../domain/documents.ts';
import {
  missingKeys,
  needsInspection,
  type InspectingPolicy,
  type KeyInspection,
  type KeyRequest,
} from '../../domain/inspection.ts';
import type { Problem } from '../../domain/validation.ts';
import type { Inspector } from '../ports.ts';

export interface Inspected {
  readonly documents?: ReadonlyMap<string, DocumentParts>;
  readonly problems?: ReadonlyMap<string, readonly Problem[]>;
}

export interface InspectionRequest {
  readonly source: KeyRequest['source'];
  readonly scheme: Scheme;
  readonly content: ReadonlyMap<string, string | Uint8Array>;
  readonly digests: ReadonlyMap<string, Digest>;
  readonly policies: readonly InspectingPolicy[];
  /** Equal texts: the same is asked. */
  readonly asked: string;
  readonly schemas: boolean;
}

export interface Inspections {
  /** The same object as before where neither the content nor what is asked is another. */
  of(key: string, request: InspectionRequest, signal: AbortSignal): Promise<Inspected>;
  forget(key: string): void;
}

interface Known {
  readonly asked: string;
  /** Of every key: undefined where nobody looks into it. */
  readonly keys: ReadonlyMap<string, { readonly digest: Digest; readonly inspection: KeyInspection | undefined }>;
  readonly result: Inspected;
}

const NOTHING: Inspected = {};
/** A source can hold more that is wrong than anybody reads. */
const MOST_PROBLEMS = 100;

export const createInspections = (inspector: Inspector): Inspections => {
  const known = new Map<string, Known>();

  const inspectAll = async (
    request: InspectionRequest,
    before: Known | undefined,
    signal: AbortSignal,
  ): Promise<Known['keys']> => {
    const keys = new Map<string, { readonly digest: Digest; readonly inspection: KeyInspection | undefined }>();
    for (const [key, content] of request.content) {
      const digest = request.digests.get(key);
      if (digest === undefined) continue;
      const same = before?.keys.get(key);
      keys.set(
        key,
        same?.digest === digest
          ? same
          : { digest, inspection: await inspectKey(inspector, request, key, content, signal) },
      );
    }
    return keys;
  };

  return {
    of: async (key, request, signal) => {
      if (request.policies.length === 0) {
        known.delete(key);
        return NOTHING;
      }
      const asked = `${request.asked}${request.schemas ? ' schemas' : ''}`;
      const held = known.get(key);
      const before = held?.asked === asked ? held : undefined;
      const keys = await inspectAll(request, before, signal);
      const result =
        before !== undefined && before.keys.size === keys.size && [...keys].every(([k, v]) => before.keys.get(k) === v)
          ? before.result
          : resultOf(request.policies, keys);
      known.set(key, { asked, keys, result });
      return result;
    },
    forget: (key) => {
      known.delete(key);
    },
  };
};

const inspectKey = async (
  inspector: Inspector,
  { source, scheme, policies, schemas }: InspectionRequest,
  key: string,
  content: string | Uint8Array,
  signal: AbortSignal,
): Promise<KeyInspection | undefined> =>
  needsInspection(policies, source, key)
    ? inspector.inspect({ source, scheme, key, content, policies, schemas }, signal)
    : undefined;

const resultOf = (policies: readonly InspectingPolicy[], keys: Known['keys']): Inspected => {
  const inspections = [...keys].flatMap(([key, { inspection }]) =>
    inspection === undefined ? [] : [[key, inspection] as const],
  );
  const documents = new Map(
    inspections.flatMap(([key, { document }]) => (document === undefined ? [] : [[key, document] as const])),
  );
  const problems = new Map(
    policies.flatMap((policy) => {
      const found = [
        ...missingKeys(policy, keys.keys()),
        ...inspections.flatMap(([, inspection]) => inspection.problems.get(policy.name) ?? []),
      ];
      return found.length === 0 ? [] : [[policy.name, found.slice(0, MOST_PROBLEMS)] as const];
    }),
  );
  return { ...(documents.size > 0 && { documents }), ...(problems.size > 0 && { problems }) };
};
