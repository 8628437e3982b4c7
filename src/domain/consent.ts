/** Somebody's word for one content holds for exactly that, and until a restart has carried it or the content moves on. */

import { bareDigest } from './digest.ts';
import { consumedSources, type Difference } from './difference.ts';
import type { Consent, Ledger, Observed } from './observed.ts';

/** The record without the words for other content than a restart would carry now. */
export const withPresentConsent = (observed: Observed, ledger: Ledger, difference: Difference): Ledger => {
  const { approved, opened } = ledger;
  // What can't be read has not moved on.
  if ((approved === undefined && opened === undefined) || isUnread(observed)) return ledger;
  const digest = bareDigest(difference.restartDigest);
  const isOf = (consent: Consent | undefined): boolean => consent?.digest === digest;
  return withoutConsent(ledger, isOf(approved) ? approved : undefined, isOf(opened) ? opened : undefined);
};

/** The record when nothing is due: nobody's word is left for a later change. */
export const withoutConsentIn = (observed: Observed, ledger: Ledger): Ledger =>
  isUnread(observed) ? ledger : withoutConsent(ledger);

/** The record without any word, but for those that are given here. */
export const withoutConsent = (
  { approved: _approved, opened: _opened, ...ledger }: Ledger,
  approved?: Consent,
  opened?: Consent,
): Ledger => ({
  ...ledger,
  ...(approved !== undefined && { approved }),
  ...(opened !== undefined && { opened }),
});

const isUnread = (observed: Observed): boolean =>
  [...consumedSources(observed).keys()].some(
    (id) => (observed.sources.get(id) ?? { state: 'Unknown' }).state === 'Unknown',
  );
