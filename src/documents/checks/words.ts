/** What a policy demands, in words that fit into one sentence. Only ever what the policy says, never content. */

const LONGEST = 100;

/** A text of the policy on one line, cut where it is long. */
export const asWritten = (text: string): string => {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST)}…`;
};

/** Some of a list, and how many more there are. */
export const listed = (values: readonly string[], most = 8): string => {
  const shown = values.slice(0, most).map(asWritten).join(', ');
  return values.length <= most ? shown : `${shown} and ${values.length - most} more`;
};
