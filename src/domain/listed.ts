/**
 * A list that fits into a note.
 * @param most how many are named
 * @param of how many there are, where not all of them are at hand
 * @param by what stands between them
 */
export const listed = (
  keys: readonly string[],
  {
    most = 5,
    of = keys.length,
    by = ', ',
  }: { readonly most?: number; readonly of?: number; readonly by?: string } = {},
): string => {
  const more = of - Math.min(most, keys.length);
  return `${keys.slice(0, most).join(by)}${more > 0 ? ` and ${more} more` : ''}`;
};
