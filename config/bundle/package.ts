/** The package that applications install: the watcher as one module with its types, and nothing that it depends on. */

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import ts from 'typescript';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const LIBRARY = 'src/watcher';
/** The oldest Node that applications may run on. */
const OLDEST_NODE = 20;

/**
 * Lays the package out in a folder, which may be copied as `node_modules/reload-operator` as it is.
 *
 * @throws where the types can't be written, or something is left to be installed
 */
export async function layOutPackage(folder = join(CHECKOUT, 'dist/package')): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'watcher'), { recursive: true });
  const { metafile } = await build({
    absWorkingDir: CHECKOUT,
    entryPoints: [join(LIBRARY, 'index.ts')],
    outfile: join(folder, 'watcher/index.js'),
    bundle: true,
    platform: 'node',
    target: `node${OLDEST_NODE}`,
    format: 'esm',
    metafile: true,
    logLevel: 'warning',
  });
  const foreign = Object.keys(metafile.inputs).filter((input) => !input.startsWith(`${LIBRARY}/`));
  if (foreign.length > 0) throw new Error(`the library is to stand alone, but holds ${foreign.join(', ')}`);
  for (const [name, text] of declarations()) await writeFile(join(folder, 'watcher', name), text);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(await manifest(), undefined, 2)}\n`);
  await cp(join(CHECKOUT, LIBRARY, 'README.md'), join(folder, 'README.md'));
  await cp(join(CHECKOUT, 'LICENSE'), join(folder, 'LICENSE'));
  return folder;
}

/** @returns the archive that `npm install` and `npm publish` take. @throws what npm says */
export async function pack(into = join(CHECKOUT, 'dist')): Promise<string> {
  const folder = await layOutPackage(join(into, 'package'));
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--pack-destination', into, folder], {
    cwd: into,
  });
  const [packed] = JSON.parse(stdout) as readonly { readonly filename: string }[];
  if (packed === undefined) throw new Error(`npm pack has made nothing: ${stdout}`);
  return join(into, packed.filename);
}

async function manifest(): Promise<object> {
  const { name, version, license } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')) as Readonly<
    Record<'name' | 'version' | 'license', string>
  >;
  return {
    name,
    version,
    description: 'Follow mounted configuration: watch, validate, swap, call back, and tell what is loaded.',
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: `>=${OLDEST_NODE}` },
    exports: {
      './watcher': { types: './watcher/index.d.ts', default: './watcher/index.js' },
      './package.json': './package.json',
    },
  };
}

/** The types that an application sees, by name of file: those of the entry, and of what they name. */
function declarations(): ReadonlyMap<string, string> {
  const written = new Map<string, string>();
  const entry = join(CHECKOUT, LIBRARY, 'index.ts');
  const { config } = ts.readConfigFile(join(CHECKOUT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    readonly config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, CHECKOUT);
  const program = ts.createProgram([entry], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: '/',
  });
  const { diagnostics } = program.emit(undefined, (path, text) => {
    // The compiler leaves the names of the sources in them, which aren't shipped.
    written.set(path.slice(path.lastIndexOf('/') + 1), text.replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"));
  });
  const [first] = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (first !== undefined) throw new Error(ts.flattenDiagnosticMessageText(first.messageText, '\n'));
  return reachable('index.d.ts', written);
}

function reachable(entry: string, all: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string): void => {
    const text = all.get(name);
    if (text === undefined) throw new Error(`there are no types for ${name}`);
    if (found.has(name)) return;
    found.set(name, text);
    for (const [, next] of text.matchAll(/from '\.\/([\w-]+)\.js'/g)) visit(`${next ?? ''}.d.ts`);
  };
  visit(entry);
  return found;
}

if (import.meta.main) console.log(await pack());
