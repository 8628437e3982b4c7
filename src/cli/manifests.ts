/** Manifests from files, folders and standard input: each file is read and parsed once. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument, type DocumentOptions, type ParseOptions, type SchemaOptions } from 'yaml';
import { toError } from '../runtime/errors.ts';
import { Failure, usage } from './exit.ts';
import { isManifestKind, MANIFEST_KINDS, MANIFEST_SCHEMAS, type ManifestKind } from './manifest-schemas.ts';
import { faults } from './paths.ts';
import { policyFaults } from './policy-faults.ts';

export interface ManifestMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An object of a kind that matters, from a manifest or from the cluster. */
export interface Manifest {
  readonly kind: ManifestKind;
  readonly metadata: ManifestMetadata;
  /** All of it, as it was checked by its kind's schema. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Where it comes from, for messages: `app.yaml, document 2`. */
  readonly origin: string;
  /** It comes from a cluster, which has filled in what was left out. */
  readonly live?: boolean;
}

export const manifestId = ({ kind, metadata: { namespace, name } }: Pick<Manifest, 'kind' | 'metadata'>): string =>
  `${namespace}/${kind}/${name}`;

export interface ReadOptions {
  /** Of objects that name none. */
  readonly defaultNamespace: string;
  /** As kubectl: with --namespace, an object that names another one is refused. */
  readonly onlyNamespace?: string | undefined;
  readonly stdin: () => Promise<string>;
}

const ENDINGS = /\.(ya?ml|json)$/i;

/**
 * The objects of kinds that matter; others are passed over.
 * @param paths files, folders (all manifests below), or `-` for standard input
 * @throws a Failure that names file and document
 */
export const readManifests = async (paths: readonly string[], options: ReadOptions): Promise<readonly Manifest[]> => {
  const texts = (await Promise.all(paths.map((path) => textsAt(path, options.stdin)))).flat();
  const manifests = texts.flatMap(({ origin, text, strict }) => parseManifests(text, origin, strict, options));
  const byId = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const id = manifestId(manifest);
    const before = byId.get(id);
    if (before !== undefined)
      throw new Failure(`${id} is in ${before.origin} and in ${manifest.origin}: leave one of them out`);
    byId.set(id, manifest);
  }
  return manifests;
};

interface Text {
  readonly origin: string;
  readonly text: string;
  /** It was named by itself: everything in it is to be an object. In folders lie other things too. */
  readonly strict: boolean;
}

const textsAt = async (path: string, stdin: () => Promise<string>): Promise<readonly Text[]> => {
  if (path === '-') return [{ origin: 'standard input', text: await stdin(), strict: true }];
  if (/^https?:/.test(path)) throw usage(`${path} is an address: fetch it, and give the file, or - for standard input`);
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return [{ origin: path, text: await readFile(path, 'utf8'), strict: true }];
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.flatMap((entry) =>
      ENDINGS.test(entry.name) && !entry.isDirectory() ? [join(entry.parentPath, entry.name)] : [],
    );
    if (files.length === 0) throw new Failure(`${path} has no file that ends in .yaml, .yml or .json`);
    return await Promise.all(
      files.sort().map(async (file) => ({ origin: file, text: await readFile(file, 'utf8'), strict: false })),
    );
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const { message, code } = toError(thrown) as NodeJS.ErrnoException;
    throw new Failure(code === 'ENOENT' ? `${path} does not exist` : `${path} can't be read: ${message}`, undefined, {
      cause: thrown,
    });
  }
};

/** @param strict whether a document without a kind is refused */
export const parseManifests = (
  text: string,
  origin: string,
  strict: boolean,
  options: Omit<ReadOptions, 'stdin'>,
): readonly Manifest[] => {
  const documents = documentsOf(text);
  return documents.flatMap((document, index) => {
    const place = documents.length === 1 ? origin : `${origin}, document ${index + 1}`;
    return objectsOf(parseText(document, place), place, strict).flatMap(([value, at]) => {
      const manifest = manifestOf(value, at, options);
      return manifest === undefined ? [] : [manifest];
    });
  });
};

interface Document {
  readonly text: string;
  /** The line of the file before its first one. */
  readonly line: number;
}

/** A line that begins with three dashes separates documents wherever it stands. */
const documentsOf = (text: string): readonly Document[] => {
  const documents: Document[] = [];
  let line = 0;
  for (const part of text.split(/^(?=---(?:\s|$))/m)) {
    // Comments and directives alone are no document.
    if (/^(?!\s*(#|%|---|\.\.\.|$))/m.test(part) || /^---[^\S\n]+[^\s#]/.test(part))
      documents.push({ text: part, line });
    line += part.split('\n').length - 1;
  }
  return documents;
};

/** YAML 1.1 as kubectl reads it: `on` and `yes` are booleans, but nothing is a time. */
const YAML_OPTIONS: ParseOptions & DocumentOptions & SchemaOptions = {
  schema: 'yaml-1.1',
  customTags: (tags) => tags.filter((tag) => typeof tag !== 'object' || !tag.tag.endsWith(':timestamp')),
  logLevel: 'silent',
  prettyErrors: false,
};

const parseText = ({ text, line }: Document, place: string): unknown => {
  // Parsing is what costs: a text without the name of any kind that matters has nothing to offer.
  if (!MANIFEST_KINDS.some((kind) => text.includes(kind))) return UNREAD;
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // It may be YAML in flow style, or its error is better told by YAML.
    }
  }
  const document = parseDocument(text, YAML_OPTIONS);
  const [error] = document.errors;
  if (error !== undefined) {
    const before = text.slice(0, error.pos[0]);
    const at = line + before.split('\n').length;
    throw new Failure(`${place}, line ${at}: ${firstLine(error.message)}`, undefined, { cause: error });
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (thrown) {
    throw new Failure(`${place}: ${firstLine(toError(thrown).message)}`, undefined, { cause: thrown });
  }
};

const UNREAD = Symbol('unread');

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** The objects of a document, those of lists one by one, each with its place. */
const objectsOf = (
  value: unknown,
  place: string,
  strict: boolean,
): readonly (readonly [object: Loose, place: string])[] => {
  if (value === UNREAD || value === null || value === undefined) return [];
  if (!isLoose(value) || typeof value['kind'] !== 'string' || typeof value['apiVersion'] !== 'string') {
    if (strict) throw new Failure(`${place}: it has no apiVersion and kind: is it a manifest?`);
    return [];
  }
  const { kind, apiVersion, items } = value;
  if (!kind.endsWith('List') || !Array.isArray(items)) return [[value, place]];
  const inherited = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
  return items.flatMap((item: unknown, index) =>
    objectsOf(isLoose(item) ? { ...inherited, ...item } : item, `${place}, item ${index + 1}`, strict),
  );
};

type Loose = Readonly<Record<string, unknown>>;

const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const manifestOf = (
  value: Loose,
  origin: string,
  { defaultNamespace, onlyNamespace }: Omit<ReadOptions, 'stdin'>,
): Manifest | undefined => {
  const kind = String(value['kind']);
  if (!isManifestKind(kind) || MANIFEST_SCHEMAS[kind].apiVersion !== value['apiVersion']) return undefined;
  const parsed = MANIFEST_SCHEMAS[kind].schema.safeParse(withoutNulls(value));
  const what = `${origin}: ${kind}${nameIn(value)}`;
  if (!parsed.success) throw new Failure(`${what}: ${faults(parsed.error.issues)}`);
  const raw = parsed.data;
  const [fault] = kind === 'ReloadPolicy' ? policyFaults(raw['spec']) : [];
  if (fault !== undefined) throw new Failure(`${what}: ${fault}`);
  const { name, namespace = onlyNamespace ?? defaultNamespace, labels, annotations } = raw.metadata;
  if (onlyNamespace !== undefined && namespace !== onlyNamespace)
    throw new Failure(`${what}: it is of namespace ${namespace}, but --namespace is ${onlyNamespace}`);
  const metadata = {
    name,
    namespace,
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
  };
  return { kind, metadata, raw: { ...raw, metadata: { ...raw.metadata, namespace } }, origin };
};

const nameIn = ({ metadata }: Loose): string =>
  isLoose(metadata) && typeof metadata['name'] === 'string' ? ` ${metadata['name']}` : '';

/** Null is how YAML says that there is nothing, and the API server takes it so. */
const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isLoose(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, of]) => (of === null ? [] : [[key, withoutNulls(of)] as const])),
  );
};
