import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadKubeConfig } from '../../../src/kube/kubeconfig.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubeconfig-'));

function file(name: string, content: string | object): string {
  const path = join(dir, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const config = (name: string, more: object = {}): object => ({
  clusters: [{ name: `${name}-cluster`, cluster: { server: `https://${name}.test:6443` } }],
  users: [{ name: `${name}-user`, user: {} }],
  contexts: [{ name, context: { cluster: `${name}-cluster`, user: `${name}-user` } }],
  'current-context': name,
  ...more,
});

describe('kubeconfig', () => {
  after(() => {
    rmSync(dir, { recursive: true });
  });
  const blue = file('blue', config('blue'));
  const red = file('red', config('red'));

  it('is read from the file named', () => {
    assert.equal(loadKubeConfig({ kubeconfig: blue }).getCurrentCluster()?.server, 'https://blue.test:6443');
  });

  it('is put together from several files, the first of which has the current context', () => {
    const kubeconfig = [blue, red].join(delimiter);
    assert.equal(loadKubeConfig({ kubeconfig }).getCurrentContext(), 'blue');
    assert.equal(loadKubeConfig({ kubeconfig, context: 'red' }).getCurrentCluster()?.server, 'https://red.test:6443');
  });

  it('is put together from those files that are there, and the first counts where names are equal', () => {
    const other = file(
      'other',
      config('blue', { clusters: [{ name: 'blue-cluster', cluster: { server: 'https://x' } }] }),
    );
    const kubeconfig = [join(dir, 'gone'), blue, other, red].join(delimiter);
    assert.equal(loadKubeConfig({ kubeconfig }).getCurrentCluster()?.server, 'https://blue.test:6443');
    assert.equal(loadKubeConfig({ kubeconfig, context: 'red' }).getCurrentCluster()?.server, 'https://red.test:6443');
  });

  it('has the first current context that any of the files names', () => {
    const kubeconfig = [file('open', config('blue', { 'current-context': '' })), red].join(delimiter);
    assert.equal(loadKubeConfig({ kubeconfig }).getCurrentContext(), 'red');
  });

  it('is looked for in the home folder at last', () => {
    mkdirSync(join(dir, '.kube'));
    file('.kube/config', config('home'));
    assert.equal(loadKubeConfig({ home: dir, inCluster: false }).getCurrentContext(), 'home');
  });

  const bad: readonly [string, Parameters<typeof loadKubeConfig>[0], RegExp][] = [
    [
      'no file anywhere',
      { home: join(dir, 'nowhere'), inCluster: false },
      /^no cluster to talk to: name a file with --kubeconfig/,
    ],
    [
      'a missing file',
      { kubeconfig: join(dir, 'gone') },
      /^kubeconfig .*gone does not exist: check --kubeconfig and KUBECONFIG$/,
    ],
    [
      'none of several files',
      { kubeconfig: [join(dir, 'gone'), join(dir, 'away')].join(delimiter) },
      /^kubeconfig .*gone does not exist: check --kubeconfig and KUBECONFIG$/,
    ],
    [
      'a bad one among several',
      { kubeconfig: [blue, file('bad', 'a: [')].join(delimiter) },
      /^kubeconfig [^:]*bad cannot be used: /,
    ],
    ['a file that is no YAML', { kubeconfig: file('broken', 'a: [') }, /^kubeconfig .*broken cannot be used: /],
    ['an empty file', { kubeconfig: file('empty', '') }, /^kubeconfig .*empty cannot be used: .*the input is empty$/],
    [
      'a file of something else',
      { kubeconfig: file('null', 'null') },
      /^kubeconfig .*null cannot be used: it is no kubeconfig$/,
    ],
    [
      'an unknown context',
      { kubeconfig: blue, context: 'green' },
      /^context green is not in .*blue: choose one with --context \(it has blue\)$/,
    ],
    [
      'no current context',
      { kubeconfig: file('none', config('x', { 'current-context': '' })) },
      /has no current context: choose one with --context \(it has x\)/,
    ],
    [
      'a missing cluster',
      { kubeconfig: file('c', config('x', { clusters: [] })) },
      /^context x names cluster x-cluster, which is not in /,
    ],
    [
      'a missing user',
      { kubeconfig: file('u', config('x', { users: [] })) },
      /^context x names user x-user, which is not in /,
    ],
    [
      'no usable address',
      { kubeconfig: file('s', config('x', { clusters: [{ name: 'x-cluster', cluster: { server: 'nope' } }] })) },
      /^cluster x-cluster in .* has no usable server address$/,
    ],
  ];
  for (const [what, options, message] of bad) {
    it(`is refused in one sentence for ${what}`, () => {
      assert.throws(
        () => loadKubeConfig(options),
        (error: Error) => message.test(error.message) && !error.message.includes('\n'),
      );
    });
  }
});
