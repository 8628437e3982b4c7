/** What an application's answer says of the files that it is to have loaded: pure. */

import { digestFromSha256 } from '../../domain/digest.ts';
import type { NotifyAnswer } from '../ports.ts';
import { isSecret, type ExpectedFile } from './expectation.ts';

export type Heard =
  /** It runs on what is expected, as it says itself. */
  | { readonly type: 'Loaded' }
  /** It was asked to reload and did not object; what it has read, it does not tell. */
  | { readonly type: 'Accepted' }
  /** Not so far. */
  | { readonly type: 'Not'; readonly why: string };

type Told = Extract<NotifyAnswer, { readonly type: 'Told' }>;
type ToldFile = Told['files'] extends ReadonlyMap<string, infer File> ? File : never;

/** Of a longer list the first are named. */
const NAMED = 3;
const LONGEST_ERROR = 200;

/** @param expected by the path within the container */
export const hear = ({ files }: Told, expected: ReadonlyMap<string, ExpectedFile>): Heard => {
  const told = new Map([...files].map(([path, file]) => [plainPath(path), file]));
  const heard = [...expected].map(([path, file]) =>
    path.endsWith('/') ? hearFolder(path, told) : hearFile(path, file, told.get(path)),
  );
  const problems = heard.flatMap((each) => (each.type === 'Not' ? [each.why] : []));
  if (problems.length > 0) {
    const more = problems.length > NAMED ? ` and ${problems.length - NAMED} more` : '';
    return { type: 'Not', why: `${problems.slice(0, NAMED).join('; ')}${more}` };
  }
  return heard.every(({ type }) => type === 'Loaded') ? { type: 'Loaded' } : { type: 'Accepted' };
};

const hearFile = (path: string, expected: ExpectedFile, told: ToldFile | undefined): Heard => {
  const gone = expected.digest === '';
  if (told === undefined) return gone ? { type: 'Loaded' } : not(`the application does not watch ${path}`);
  if (isSecret(expected)) {
    // Neither is a plain hash of a Secret's value compared, nor does anything go on that a value could be told from.
    if (told.error !== undefined) return not(`${path} is refused: the application's log may say why`);
    return { type: 'Accepted' };
  }
  if (gone && told.sha256 === undefined && told.error === undefined) return { type: 'Loaded' };
  if (!gone && told.sha256 !== undefined && digestFromSha256(told.sha256) === expected.digest)
    return { type: 'Loaded' };
  if (told.error !== undefined) return not(`${path} is refused: ${oneLine(told.error)}`);
  if (gone) return not(`the application still has ${path}, which is gone`);
  return told.sha256 === undefined ? { type: 'Accepted' } : not(`the application has another version of ${path}`);
};

/** All files of a source of which no values are read. */
const hearFolder = (folder: string, told: ReadonlyMap<string, ToldFile>): Heard => {
  const refused = [...told].find(([path, { error }]) => path.startsWith(folder) && error !== undefined);
  return refused === undefined
    ? { type: 'Accepted' }
    : not(`${refused[0]} is refused: the application's log may say why`);
};

const not = (why: string): Heard => ({ type: 'Not', why });

const plainPath = (path: string): string =>
  `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;

/** What others wrote goes on one line, and is no longer than a line. */
export const oneLine = (text: string): string => {
  const line = text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
  return line.length <= LONGEST_ERROR ? line : `${line.slice(0, LONGEST_ERROR - 1)}…`;
};
