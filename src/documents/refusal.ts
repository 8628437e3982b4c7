import { checksFor, type KeyInspection, type KeyRequest } from '../domain/inspection.ts';
import { looksInto } from '../domain/rules.ts';
import { DocumentError } from './parse.ts';
import { splitDocument } from './split.ts';

/**
 * What is answered where content can't be looked into: a document that can't be read for the policies that look into
 * it, and a problem for those that check it.
 * @param reason completes "app.yaml ...", without any content
 */
export const refusal = (request: KeyRequest, reason: string): KeyInspection => {
  const { source, key, policies } = request;
  return {
    ...(policies.some((policy) => looksInto(policy, source, key)) && {
      document: splitDocument(request, new DocumentError(reason)),
    }),
    problems: new Map(
      policies.flatMap((policy) => {
        const [first] = checksFor(policy, key);
        return first === undefined ? [] : [[policy.name, [{ key, rule: first[0], message: reason }]] as const];
      }),
    ),
  };
};
