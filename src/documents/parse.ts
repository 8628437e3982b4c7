/** Reads a document of any format that is known. */

import type { DocumentFormatName } from '../api/v1alpha1/documents.ts';
import { DocumentError, type Leaf, type ParsedDocument } from './document.ts';
import { readDotenv } from './formats/dotenv.ts';
import { readIni } from './formats/ini.ts';
import { readJson } from './formats/json.ts';
import { readProperties } from './formats/properties.ts';
import { readToml } from './formats/toml.ts';
import { readYaml } from './formats/yaml.ts';
import { documentOf, type Tree } from './tree.ts';

export { DocumentError, type Leaf, type ParsedDocument };

/** As much as a source can hold. */
const MOST_CHARACTERS = 1024 * 1024;

const READERS: Readonly<Record<DocumentFormatName, (text: string) => Tree>> = {
  YAML: readYaml,
  JSON: readJson,
  TOML: readToml,
  Properties: readProperties,
  Dotenv: readDotenv,
  INI: readIni,
};

/** @throws DocumentError, and nothing else, if the text is no such document, or more of one than is looked into */
export const parseDocument = (text: string, format: DocumentFormatName): ParsedDocument => {
  if (text.length > MOST_CHARACTERS) throw new DocumentError('is longer than 1 MiB');
  // Half a character has no bytes of its own: two such texts would be digested alike.
  if (!text.isWellFormed()) throw new DocumentError('is not Unicode text');
  try {
    return documentOf(READERS[format](text));
  } catch (thrown) {
    if (thrown instanceof DocumentError) throw thrown;
    // What a parser throws may quote the text. A RangeError is a stack or a string that got too large.
    throw new DocumentError(thrown instanceof RangeError ? 'is too large or too deep' : `is not valid ${format}`);
  }
};

const ENDINGS: ReadonlyMap<string, DocumentFormatName> = new Map([
  ['yaml', 'YAML'],
  ['yml', 'YAML'],
  ['json', 'JSON'],
  ['toml', 'TOML'],
  ['properties', 'Properties'],
  ['env', 'Dotenv'],
  ['ini', 'INI'],
]);

/** The format that the ending of a key stands for, in upper or lower case; `.env` itself is one. */
export const formatOf = (key: string): DocumentFormatName | undefined => {
  const dot = key.lastIndexOf('.');
  return dot < 0 ? undefined : ENDINGS.get(key.slice(dot + 1).toLowerCase());
};
