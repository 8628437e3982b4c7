/** What errors read as, in the status and the log: one line, bounded, and nothing of what is secret. */

const LONGEST = 300;

/** A failure whose words are ours and hold no content. */
export class WatchError extends Error {
  override readonly name = 'WatchError';
}

/** The first line of what was thrown. Of what is sensitive only the kind of error, for its words may quote the content. */
export function reasonOf(thrown: unknown, { sensitive }: { readonly sensitive: boolean }): string {
  if (sensitive && !(thrown instanceof WatchError)) return `refused (${nameOf(thrown)})`;
  const text = thrown instanceof Error ? unquoted(thrown) : String(thrown);
  const line = oneLine(text);
  return line === '' ? nameOf(thrown) : line;
}

/** JSON.parse quotes what it has read. */
const unquoted = ({ name, message }: Error): string =>
  name === 'SyntaxError'
    ? message.replace(/,? (?:\.\.\.)?"[^]*"(?:\.\.\.)? is not valid JSON$/, ': not valid JSON')
    : message;

const nameOf = (thrown: unknown): string => (thrown instanceof Error ? oneLine(thrown.name) : 'no Error was thrown');

function oneLine(text: string): string {
  const [first = ''] = text.trim().split(/[\r\n\u2028\u2029]/, 1);
  const line = first.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/** `ENOENT` and the like; undefined for anything else. */
export const codeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;

/** Nothing is there, or what should be a folder is none. */
export const isMissing = (thrown: unknown): boolean => codeOf(thrown) === 'ENOENT' || codeOf(thrown) === 'ENOTDIR';

/** For `catch`: undefined where nothing is there; throws anything else on. */
export function orMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
  return undefined;
}
