import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { layOutPackage } from './package.ts';
import { REPLACEMENTS, type Replacement } from './replacements.ts';
import { statedLicence } from './stated-licence.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

export interface BundleOptions {
  /** The program, as a path in the checkout. Default: src/main.ts. */
  readonly entry?: string;
  /** The file to write, with its source map beside it. Default: dist/reload-operator.mjs. */
  readonly outfile?: string;
}

/**
 * Bundles the program into one ES module for Node 24, without those parts of its libraries that it never calls. Beside
 * the bundle stand its source map, the licences of what is in it (`.LEGAL.txt`), and esbuild's metafile (`.meta.json`),
 * which is also returned. Throws esbuild's BuildFailure, or an Error for a package without a licence.
 */
export async function bundle(options: BundleOptions = {}): Promise<Metafile> {
  const outfile = resolve(CHECKOUT, options.outfile ?? 'dist/reload-operator.mjs');
  const { metafile } = await build({
    absWorkingDir: CHECKOUT,
    entryPoints: [resolve(CHECKOUT, options.entry ?? 'src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Identifiers stay, so that stack traces can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
    banner: { js: "const require = process.getBuiltinModule('module').createRequire(import.meta.url);" },
    plugins: [replacing(REPLACEMENTS)],
  });
  await writeFile(`${outfile}.meta.json`, JSON.stringify(metafile));
  // esbuild has put the licence comments there; few packages have any.
  await appendFile(`${outfile}.LEGAL.txt`, await licencesIn(metafile));
  return metafile;
}

/** The licences of all packages of which the bundle has a part, in full: they are to go with every copy. */
async function licencesIn(metafile: Metafile): Promise<string> {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  const packages = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []);
  const texts = [...new Set(packages)].sort().map(async (name) => {
    const folder = resolve(CHECKOUT, name);
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    const stated = files.length === 0 ? await statedLicence(folder) : '';
    if (stated === undefined) throw new Error(`${name} has no licence to go with the bundle`);
    const text = [stated, ...(await Promise.all(files.sort().map((file) => readFile(join(folder, file), 'utf8'))))];
    return `\n${name.replace(/^.*node_modules\//, '')}\n\n${text.join('\n').trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n`);
}

function replacing(replacements: readonly Replacement[]): Plugin {
  const namespace = 'replacement';
  return {
    name: 'replacing',
    setup: (building) => {
      for (const replacement of replacements) {
        const { module: filter, importer: where, kind: only } = replacement;
        building.onResolve({ filter }, ({ path, kind, importer }) => {
          const matches = (only === undefined || only === kind) && (where === undefined || where.test(importer));
          return matches ? { path, namespace, pluginData: replacement } : undefined;
        });
      }
      building.onLoad({ filter: /.*/, namespace }, ({ path, pluginData }) => ({
        contents: (pluginData as Replacement).contents(path),
        loader: 'js',
        resolveDir: CHECKOUT,
      }));
    },
  };
}

/** All that the image has of ours: the operator, the program of its worker that looks into content, and the node agent. */
export async function bundleOperator(): Promise<void> {
  await bundle();
  await bundle({ entry: 'src/documents/worker.ts', outfile: 'dist/reload-operator-worker.mjs' });
  await bundle({ entry: 'src/agent-main.ts', outfile: 'dist/reload-operator-agent.mjs' });
}

/** `kubectl reload`, in one file. */
export async function bundlePlugin(): Promise<void> {
  await bundle({ entry: 'src/kubectl-reload.ts', outfile: 'dist/kubectl-reload.mjs' });
}

if (import.meta.main) {
  await bundleOperator();
  await bundlePlugin();
  await layOutPackage();
}
