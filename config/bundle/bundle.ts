import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { REPLACEMENTS, type Replacement } from './replacements.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

export interface BundleOptions {
  /** The program, as a path in the checkout. Default: src/main.ts. */
  readonly entry?: string;
  /** The file to write, with its source map beside it. Default: dist/reload-operator.mjs. */
  readonly outfile?: string;
}

/**
 * Bundles the program into one ES module for Node 24, without those parts of its libraries that it never calls. Beside
 * the bundle stand its source map, the licence comments of what is in it, and esbuild's metafile (`.meta.json`), which
 * is also returned. Throws esbuild's BuildFailure.
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
  return metafile;
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

if (import.meta.main) await bundle();
