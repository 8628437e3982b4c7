import { DocumentError } from '../document.ts';
import type { Tree } from '../tree.ts';

export const readDotenv = (_text: string): Tree => {
  throw new DocumentError('is not read yet');
};
