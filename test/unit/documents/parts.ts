import { splitDocument } from '../../../src/documents/split.ts';
import { PLAIN, type Scheme } from '../../../src/domain/digest.ts';
import type { DocumentParts, LeafTable } from '../../../src/domain/documents.ts';
import type { InspectingPolicy, KeyRequest } from '../../../src/domain/inspection.ts';
import type { Class } from '../../../src/domain/rules.ts';

export const NO_LEAVES: LeafTable = new Uint8Array();

export const split = (
  key: string,
  content: KeyRequest['content'],
  policies: readonly InspectingPolicy[],
  { scheme = PLAIN, kind = 'ConfigMap' }: { readonly scheme?: Scheme; readonly kind?: 'ConfigMap' | 'Secret' } = {},
): DocumentParts => splitDocument({ source: { kind, name: 'app' }, scheme, key, content, policies, schemas: true });

const CLASSES: Readonly<Record<string, Class>> = { H: 'Hot', R: 'Restart', I: 'Ignore' };

/** The classes that the first policy declares for what differs, in order. */
export const changedClasses = (before: DocumentParts, after: DocumentParts): readonly Class[] => {
  const vectors = new Set([...before.parts.keys(), ...after.parts.keys()]);
  const ofValues = [...vectors].flatMap((vector) => {
    const declared = CLASSES[vector[0] ?? ''];
    return declared !== undefined && before.parts.get(vector) !== after.parts.get(vector) ? [declared] : [];
  });
  const [name = ''] = after.policies;
  const [was, is] = [before.residues.get(name), after.residues.get(name)];
  const ofTexts = Object.values(CLASSES).filter((each) => was?.get(each) !== is?.get(each));
  return [...new Set([...ofValues, ...ofTexts])].sort();
};
