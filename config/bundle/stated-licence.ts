import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Stated {
  readonly license?: unknown;
  readonly author?: unknown;
  readonly homepage?: unknown;
}

/** The licence of a package that brings no text of it but states it in its package.json; undefined: it is not known here. */
export const statedLicence = async (folder: string): Promise<string | undefined> => {
  const { license, author, homepage } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Stated;
  if (license !== 'MIT' || typeof author !== 'string') return undefined;
  return `MIT License\n\nCopyright (c) ${author}${typeof homepage === 'string' ? ` (${homepage})` : ''}\n\n${MIT}`;
};

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;
