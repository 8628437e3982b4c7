import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { manifestId, parseManifests, readManifests } from '../../../src/cli/manifests.ts';

const OPTIONS = { defaultNamespace: 'default' };
const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {flag: a}\n';
const POLICY = `apiVersion: reload-operator.dev/v1alpha1
kind: ReloadPolicy
metadata: {name: app}
spec: {sources: [{kind: ConfigMap, name: app}]}
`;

const idsOf = (text: string, strict = true): readonly string[] =>
  parseManifests(text, 'app.yaml', strict, OPTIONS).map(manifestId);

const folderOf = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-manifests-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
};

const reading = (paths: readonly string[], more: object = {}): Promise<readonly string[]> =>
  readManifests(paths, { ...OPTIONS, stdin: () => Promise.resolve(CONFIG_MAP), ...more }).then((all) =>
    all.map(manifestId),
  );

describe('manifests in a text', () => {
  it('are the objects of the kinds that matter', () => {
    const others = 'apiVersion: v1\nkind: Service\nmetadata: {name: ConfigMap}\n';
    const foreign = CONFIG_MAP.replace('v1', 'example.com/v1');
    assert.deepEqual(idsOf([CONFIG_MAP, others, POLICY, foreign].join('---\n')), [
      'default/ConfigMap/app',
      'default/ReloadPolicy/app',
    ]);
  });

  it('come as YAML, as JSON, and in lists', () => {
    const item = { metadata: { name: 'b', namespace: 'shop' }, data: {} };
    const typed = { apiVersion: 'v1', kind: 'ConfigMapList', items: [item] };
    const list = { apiVersion: 'v1', kind: 'List', items: [{ ...item, apiVersion: 'v1', kind: 'Secret' }, typed] };
    assert.deepEqual(idsOf(JSON.stringify(list)), ['shop/Secret/b', 'shop/ConfigMap/b']);
    assert.deepEqual(idsOf('{apiVersion: v1, kind: ConfigMap, metadata: {name: flow}}'), ['default/ConfigMap/flow']);
  });

  it('may have comments, directives and empty documents between them', () => {
    const text = `# head\n---\n---\n# nothing\n--- # one\n${CONFIG_MAP}...\n%YAML 1.1\n---\n${POLICY}---\n`;
    assert.deepEqual(idsOf(text), ['default/ConfigMap/app', 'default/ReloadPolicy/app']);
  });

  it('are not cut where dashes are content', () => {
    const text = `${CONFIG_MAP}  \n`.replace('{flag: a}', '\n  flag: |\n    ---\n    kind: Secret\n  b: "--- "');
    const [manifest] = parseManifests(text, 'app.yaml', true, OPTIONS);
    assert.deepEqual(manifest?.raw['data'], { flag: '---\nkind: Secret\n', b: '--- ' });
  });

  it('take null for nothing, and words for booleans as kubectl does', () => {
    const [manifest] = parseManifests(`${CONFIG_MAP}binaryData:\nimmutable: yes\n`, 'app.yaml', true, OPTIONS);
    assert.deepEqual([manifest?.raw['binaryData'], manifest?.raw['immutable']], [undefined, true]);
  });

  const refused: readonly (readonly [name: string, text: string, sentence: RegExp])[] = [
    ['what is no YAML', `${CONFIG_MAP}---\n\nkind: ConfigMap\nx: [\n`, /^app\.yaml, document 2, line 9: /],
    ['a key twice', `${CONFIG_MAP}data: {}\n`, /^app\.yaml, line 5: Map keys must be unique$/],
    ['text', 'ConfigMap', /^app\.yaml: it has no apiVersion and kind: is it a manifest\?$/],
    [
      'a number as content',
      CONFIG_MAP.replace(': a}', ': 1}'),
      /: ConfigMap app: data\.flag: expected string, received number$/,
    ],
    ['no name', CONFIG_MAP.replace('name: app', 'generateName: app'), /: ConfigMap: metadata\.name: /],
    [
      'a Secret that is no base64',
      CONFIG_MAP.replace('ConfigMap', 'Secret').replace(': a}', ': "p@ss"}'),
      /: Secret app: data\.flag: must be base64: stringData takes plain text$/,
    ],
    [
      'a policy that is none',
      POLICY.replace('sources', 'source'),
      /: ReloadPolicy app: unknown field spec\.source: check its spelling$/,
    ],
    [
      'a workload without containers',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {selector: {}, template: {spec: {}}}\n',
      /: Deployment web: spec\.template\.spec\.containers: /,
    ],
    [
      'an alias bomb',
      `${CONFIG_MAP}a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`,
      /^app\.yaml: Excessive alias count/,
    ],
  ];
  for (const [name, text, sentence] of refused) {
    it(`are refused by file, document and place: ${name}`, () => {
      assert.throws(() => idsOf(text), { name: 'Failure', message: sentence });
    });
  }

  it('are refused without a word of what stands in them', () => {
    const secret = CONFIG_MAP.replace('ConfigMap', 'Secret').replace('a}', '[hunter2]}');
    assert.throws(
      () => idsOf(secret),
      (error: Error) => !error.message.includes('hunter2'),
    );
    assert.throws(
      () => idsOf(`${secret}x: "hunter2\n`),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });
});

describe('manifests in files', () => {
  it('are found in folders, at any depth, beside other things', async () => {
    const folder = folderOf({
      'a.yaml': CONFIG_MAP,
      'deep/er/b.yml': POLICY,
      'c.json': JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }),
      'kustomization.yaml': 'resources: [a.yaml] # no ConfigMap\n',
      'values.yaml': 'kindOf: ConfigMap\n',
      'README.md': '# ConfigMap',
    });
    assert.deepEqual((await reading([folder])).toSorted(), [
      'default/ConfigMap/app',
      'default/ReloadPolicy/app',
      'default/Secret/s',
    ]);
  });

  it('are read from standard input', async () => {
    assert.deepEqual(await reading(['-']), ['default/ConfigMap/app']);
  });

  it('are of the namespace that is asked for, and no other', async () => {
    assert.deepEqual(await reading(['-'], { onlyNamespace: 'shop' }), ['shop/ConfigMap/app']);
    const elsewhere = CONFIG_MAP.replace('{name: app}', '{name: app, namespace: other}');
    await assert.rejects(reading(['-'], { onlyNamespace: 'shop', stdin: () => Promise.resolve(elsewhere) }), {
      message: 'standard input: ConfigMap app: it is of namespace other, but --namespace is shop',
    });
  });

  it('may not give an object twice', async () => {
    const folder = folderOf({ 'a.yaml': CONFIG_MAP, 'b.yaml': `${POLICY}---\n${CONFIG_MAP}` });
    await assert.rejects(reading([folder]), {
      message: `default/ConfigMap/app is in ${folder}/a.yaml and in ${folder}/b.yaml, document 2: leave one of them out`,
    });
  });

  it('have to be there', async () => {
    await assert.rejects(reading(['/nonexistent/a.yaml']), { message: '/nonexistent/a.yaml does not exist' });
    const folder = folderOf({ 'README.md': '' });
    await assert.rejects(reading([folder]), { message: `${folder} has no file that ends in .yaml, .yml or .json` });
  });
});
