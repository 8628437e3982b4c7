/** PEM as it is used for keys and certificates (RFC 7468), read line by line. */

const BOUNDARY = /^-----(BEGIN|END) ([\x21-\x2c\x2e-\x7e]+(?:[- ][\x21-\x2c\x2e-\x7e]+)*)-----$/;
const HEADER = /^[-A-Za-z0-9]+:/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const LONGEST_BOUNDARY = 256;

interface Block {
  readonly label: string;
  readonly line: number;
  readonly body: string[];
  /** Of its header (RFC 1421), lines go on until an empty one. */
  header: boolean;
}

/** Text may stand before a block, as tools write it, not after the last one. @returns what is wrong; undefined: nothing. */
export const checkPem = (text: string): string | undefined => {
  let block: Block | undefined;
  let blocks = 0;
  let trailing: number | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const at = index + 1;
    const [, word, label = ''] = (line.length <= LONGEST_BOUNDARY ? BOUNDARY.exec(line) : null) ?? [];
    if (word === undefined && line.startsWith('-----')) {
      return `must be PEM, but line ${at} is neither a BEGIN nor an END line`;
    }
    if (word === 'BEGIN') {
      if (block !== undefined) return `must be PEM, but the block of line ${block.line} has no END line`;
      block = { label, line: at, body: [], header: false };
      trailing = undefined;
    } else if (word === 'END') {
      if (block === undefined) return `must be PEM, but the END of line ${at} has no BEGIN line`;
      if (block.label !== label)
        return `must be PEM, but the END of line ${at} is not of the block of line ${block.line}`;
      if (!isBase64(block.body.join(''))) return `must be PEM, but the block of line ${block.line} is not base64`;
      block = undefined;
      blocks++;
    } else if (block !== undefined) take(block, line);
    else if (line !== '') trailing ??= at;
  }
  if (block !== undefined) return `must be PEM, but the block of line ${block.line} has no END line`;
  if (blocks === 0) return 'must be PEM, but has no block';
  return trailing === undefined ? undefined : `must be PEM, but line ${trailing} stands after the last block`;
};

const take = (block: Block, line: string): void => {
  if (block.body.length === 0 && HEADER.test(line)) block.header = true;
  else if (block.header) block.header = line !== '';
  else block.body.push(line);
};

const isBase64 = (text: string): boolean => text !== '' && text.length % 4 === 0 && BASE64.test(text);
