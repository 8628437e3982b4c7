/** What the tables of the pages say is tried, row by row. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import type { DocumentFormatName } from '../../../src/api/v1alpha1/documents.ts';
import { FORMATS } from '../../../src/documents/checks/schema-keywords.ts';
import { inspectKey } from '../../../src/documents/inspect.ts';
import { PLAIN } from '../../../src/domain/digest.ts';
import { missingKeys } from '../../../src/domain/inspection.ts';
import { compilePaths } from '../../../src/domain/paths.ts';
import { problemText, type Validation } from '../../../src/domain/validation.ts';
import { read, rowsOf, sectionOf, spansOf } from './pages.ts';
import { beginWalk, stepsOf, type Walk } from './walk.ts';

interface Planned {
  readonly effect: string;
  readonly keys: readonly { readonly key: string }[];
}

/** What the plugin says of the one workload whose ConfigMap becomes another. */
const plan = async (walk: Walk, configMap: object): Promise<Planned> => {
  walk.write({ type: 'File', name: 'edited.yaml', text: stringify(configMap) });
  const { stdout, stderr } = await walk.run('kubectl reload plan -f edited.yaml --against manifests -o json');
  assert.equal(stderr, '');
  const { workloads } = JSON.parse(stdout) as { readonly workloads: readonly Planned[] };
  assert.equal(workloads.length, 1);
  return workloads[0] ?? { effect: 'none', keys: [] };
};

const paths = read('docs/paths.md');

interface ConfigMap {
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
}

/** A folder with the manifests of the page. */
const manifestsOf = (page: string): { readonly walk: Walk; readonly configMap: ConfigMap } => {
  const walk = beginWalk();
  const files = stepsOf(page).filter((step) => step.type === 'File');
  for (const file of files) if (file.name.startsWith('manifests/')) walk.write(file);
  return {
    walk,
    configMap: parse(files.find(({ name }) => name === 'manifests/configmap.yaml')?.text ?? '') as ConfigMap,
  };
};

describe('docs/paths.md: what an edit does', () => {
  const rows = rowsOf(sectionOf(paths, 'What an edit of it does'), 3);
  const { walk, configMap } = manifestsOf(paths);
  const text = configMap.data['config.yaml'] ?? '';

  it('has its rows', () => {
    assert.ok(rows.length > 10);
  });

  for (const [edit = '', places = '', effect = ''] of rows) {
    it(edit, async () => {
      const [from = '', to = ''] = spansOf(edit);
      assert.equal(text.split(from).length, 2, `${from} stands there once`);
      const planned = await plan(walk, { ...configMap, data: { 'config.yaml': text.replace(from, () => to) } });
      const key = 'ConfigMap/web:config.yaml';
      const named =
        places === 'the key as a whole'
          ? [key]
          : places === 'none'
            ? []
            : spansOf(places).map((place) => `${key}#${place}`);
      assert.equal(planned.effect, effect === 'nothing' ? 'Nothing' : effect);
      assert.deepEqual(
        planned.keys.map((each) => each.key).filter((each) => places !== 'none' || each.includes('#')),
        named,
      );
    });
  }
});

describe('docs/paths.md: the notation', () => {
  const rows = rowsOf(sectionOf(paths, 'The notation'), 3);

  it('has its rows', () => {
    assert.ok(rows.length > 5);
  });

  for (const [path = '', is = '', isNot = ''] of rows) {
    it(path, () => {
      const finds = compilePaths([spansOf(path)]);
      for (const place of spansOf(is)) assert.equal(finds(place), 0, `${place} is it`);
      for (const place of spansOf(isNot)) assert.equal(finds(place), -1, `${place} is not it`);
      if (spansOf(is).length === 0) for (const place of ['', '/a', '/a/b/0']) assert.equal(finds(place), 0);
    });
  }
});

describe('docs/paths.md: what counts as a change', () => {
  const rows = rowsOf(sectionOf(paths, 'What counts as a change'), 4);
  const { walk, configMap } = manifestsOf(paths);

  it('has rows for every format', () => {
    const formats: readonly DocumentFormatName[] = ['YAML', 'JSON', 'TOML', 'Properties', 'Dotenv', 'INI'];
    assert.deepEqual([...new Set(rows.map(([format]) => format))], formats);
  });

  for (const [format = '', before = '', after = '', verdict = ''] of rows) {
    it(`${format}: ${before} → ${after}`, async () => {
      const [from, to] = [spansOf(before), spansOf(after)].map(([text = '']) => text);
      walk.write({
        type: 'File',
        name: 'manifests/policy.yaml',
        text: stringify({
          apiVersion: 'reload-operator.dev/v1alpha1',
          kind: 'ReloadPolicy',
          metadata: { name: 'web' },
          spec: {
            sources: [{ kind: 'ConfigMap', name: 'web' }],
            rules: [{ keys: ['document'], format, comparison: 'Meaning', class: 'Hot' }],
            // A text that is no such document is refused, and proves nothing.
            validation: [{ keys: ['document'], format }],
          },
        }),
      });
      const holding = (text: string | undefined): object => ({ ...configMap, data: { document: text } });
      walk.write({ type: 'File', name: 'manifests/configmap.yaml', text: stringify(holding(from)) });
      assert.match(verdict, /^(yes|no)\b/);
      const { effect } = await plan(walk, holding(to));
      assert.equal(effect, verdict.startsWith('yes') ? 'Hot' : 'Nothing');
    });
  }
});

describe('docs/validate.md', () => {
  const page = read('docs/validate.md');
  const source = { kind: 'ConfigMap', name: 'web' } as const;

  /** The sentences of one entry about one key. */
  const sentences = (entry: Omit<Validation, 'keys'>, key: string, content: string): readonly string[] => {
    const validation = [{ keys: [key], ...entry }];
    const policy = { name: 'web', rules: [], defaultClass: 'Restart', validation } as const;
    const request = { source, scheme: PLAIN, key, content, policies: [policy], schemas: true };
    const problems = inspectKey(request).problems.get('web') ?? [];
    return [...missingKeys(policy, [key]), ...problems].map((problem) =>
      problemText(problem)
        .replace(/^\S+ /, '')
        .replace(/ \(validation 1\)$/, ''),
    );
  };

  const said = (cell: string): readonly string[] => (cell === 'nothing' ? [] : spansOf(cell));

  const demands = rowsOf(sectionOf(page, 'What can be demanded'), 3);
  for (const [entry = '', content = '', cell = ''] of demands) {
    it(`${entry}, ${content}`, () => {
      const [[demand = ''], [text = '']] = [entry, content].map((each) => spansOf(each)) as [string[], string[]];
      assert.deepEqual(sentences(parse(demand) as Validation, 'text', text), said(cell));
    });
  }

  const schemas = rowsOf(sectionOf(page, 'Schemas'), 3);
  for (const [schema = '', content = '', cell = ''] of schemas) {
    it(`${schema}, ${content}`, () => {
      const [[text = ''], [document = '']] = [schema, content].map((each) => spansOf(each)) as [string[], string[]];
      assert.deepEqual(sentences({ schema: text }, 'document.yaml', document), said(cell));
    });
  }

  it('has rows for every format', () => {
    const named = demands.map(([entry = '']) => (parse(spansOf(entry)[0] ?? '') as Validation).format);
    const formats = validationFormats();
    assert.ok(formats.length > 10);
    assert.deepEqual(new Set(named.filter((format) => format !== undefined)), new Set(formats));
    assert.ok(schemas.length > 5);
  });

  it('names every format that schemas are held to', () => {
    const text = sectionOf(page, 'Schemas');
    for (const format of new Set(Object.values(FORMATS))) assert.ok(text.includes(`\`${format}\``), format);
  });
});

/** As the schema of policies has them. */
function validationFormats(): readonly string[] {
  const [, row = ''] = /^\| `validation\[\]\.format` \| (.*?) \|/m.exec(read('docs/api.md')) ?? [];
  return spansOf(row);
}
