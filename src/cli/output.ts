/** Output for programs. */

import { stringify } from 'yaml';

export type DataFormat = 'json' | 'yaml';

/** One document; several of them may follow each other. */
export const asData = (value: unknown, format: DataFormat): string =>
  format === 'json'
    ? `${JSON.stringify(value, null, 2)}\n`
    : stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });

export const DOCUMENT_SEPARATOR: Readonly<Record<DataFormat, string>> = { json: '', yaml: '---\n' };
