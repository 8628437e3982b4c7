/**
 * `$(NAME)` as the kubelet reads it: the name goes to the next closing bracket, `$$` is a dollar, and what is not
 * closed is plain text. One step for each character, whatever the text is.
 */

/** Plain text and names in turn: the first, third ... are text, the second, fourth ... are names. */
const piecesOf = (text: string): readonly string[] => {
  const pieces: string[] = [];
  let plain = '';
  let from = 0;
  const lastClosing = text.lastIndexOf(')');
  for (let at = text.indexOf('$'); at >= 0; at = text.indexOf('$', from)) {
    plain += text.slice(from, at);
    from = at + 2;
    if (text[at + 1] === '$') plain += '$';
    else if (text[at + 1] === '(' && at + 2 <= lastClosing) {
      const end = text.indexOf(')', from);
      pieces.push(plain, text.slice(from, end));
      plain = '';
      from = end + 1;
    } else plain += text.slice(at, from);
  }
  return [...pieces, plain + text.slice(from)];
};

/** The variables that a text takes up. */
export const namesIn = (text: string): readonly string[] =>
  text.includes('$') ? piecesOf(text).filter((_, index) => index % 2 === 1) : [];

/** The text with its variables' values in it; undefined where one of them is not known. */
export const expand = (text: string, valueOf: (name: string) => string | undefined): string | undefined => {
  const parts = piecesOf(text).map((piece, index) => (index % 2 === 1 ? valueOf(piece) : piece));
  return parts.every((part) => part !== undefined) ? parts.join('') : undefined;
};
