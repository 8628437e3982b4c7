import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { reload } from '../../support/reload.ts';

/** Nothing listens on the discard port. */
const KUBECONFIG = join(mkdtempSync(join(tmpdir(), 'reload-cli-')), 'config');
writeFileSync(
  KUBECONFIG,
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }),
);

const COMMANDS = [
  ...['status', 'history', 'wait', 'plan', 'explain', 'approve', 'now', 'retry', 'reset', 'rbac', 'completion'],
  'version',
];

describe('kubectl reload', () => {
  it('says what it can do, whether asked or not', async () => {
    const asked = await reload(['--help']);
    assert.equal(asked.code, 0);
    for (const command of COMMANDS) assert.match(asked.stdout, new RegExp(`^  ${command} `, 'm'));
    assert.doesNotMatch(asked.stdout, /__complete/);
    assert.deepEqual(await reload([]), asked);
  });

  for (const command of COMMANDS.filter((each) => each !== 'version')) {
    it(`helps with ${command}, by examples`, async () => {
      const { code, stdout } = await reload([command, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: kubectl reload ${command} `));
      assert.match(stdout, new RegExp(`^  .*kubectl reload ${command}`, 'm'));
      if (command !== 'completion') assert.match(stdout, /^Exit codes: 0 [^]*; 2 bad usage/m);
      for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
    });
  }

  it('tells its version, by command and by flag', async () => {
    const { code, stdout } = await reload(['version']);
    assert.match(stdout, /^kubectl-reload \d+\.\d+\.\d+\n$/);
    assert.deepEqual(await reload(['--version']), { code, stdout, stderr: '' });
  });

  const wrong: readonly (readonly [args: string, sentence: RegExp])[] = [
    ['stat', /unknown command 'stat' \(Did you mean status\?\)/],
    ['status --all', /unknown option '--all'/],
    ['status a b', /too many arguments/],
    ['status -A -n shop', /cannot be used with/],
    ['status -n Shop', /"Shop" is no name of a namespace/],
    ['status -o xml', /Allowed choices are text, json, yaml/],
    ['plan', /required option '-f, --filename <file>' not specified/],
    ['plan -f https:\/\/example.com/a.yaml --against .', /is an address: fetch it/],
    ['wait', /required option '--source <kind\/name>' not specified/],
    ['wait --source app', /"app" names no source: write cm\/NAME or secret\/NAME/],
    ['wait --source cm/../x', /names no source/],
    ['wait --source cm/app --timeout 5', /is no duration/],
    ['history job/web', /"job\/web" names no workload: write deploy\/NAME, sts\/NAME, ds\/NAME, cj\/NAME/],
    ['explain web', /names no workload/],
    ['approve', /missing required argument 'workload\|policy'/],
    ['approve job/web', /names no workload/],
    ['approve Web', /"Web" is no name of a policy/],
    ['approve app --digest x', /names the content of one workload/],
    ['approve deploy/web --timeout 5', /is no duration/],
    ['now web', /names no workload/],
    ['retry web', /names no workload/],
    ['reset', /missing required argument 'workload'/],
    ['completion tcsh', /there are bash, zsh and fish/],
  ];
  for (const [args, sentence] of wrong) {
    it(`refuses ${args} with one sentence and code 2`, async () => {
      const { code, stdout, stderr } = await reload([
        ...args.split(' '),
        ...(/^(status|history)/.test(args) ? ['--kubeconfig', KUBECONFIG] : []),
      ]);
      assert.equal(stdout, '');
      assert.match(stderr, sentence);
      assert.match(stderr, /^kubectl reload: .*\n$/);
      assert.equal(code, 2);
    });
  }

  it('says what is missing to reach a cluster', async () => {
    const { code, stderr } = await reload(['status', '--kubeconfig', '/nonexistent/config']);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      'kubectl reload: kubeconfig /nonexistent/config does not exist: check --kubeconfig and KUBECONFIG\n',
    );
  });

  it('says that it cannot reach a cluster, and does not try for ever', async () => {
    const { code, stderr } = await reload(['status', '--kubeconfig', KUBECONFIG]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^kubectl reload: .*cannot reach https:\/\/127\.0\.0\.1:9: .*; check --context and --kubeconfig\n$/,
    );
  });
});

describe('completion', () => {
  const offered = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await reload(['__complete', '--', ...words])).stdout.trim().split('\n');

  it('offers commands, flags and what flags take', async () => {
    assert.deepEqual(await offered('st'), ['status', ':4']);
    assert.deepEqual(await offered('plan', '-o', 'm'), ['markdown', ':4']);
    assert.deepEqual(await offered('plan', '--ag'), ['--against', ':4']);
    assert.deepEqual(await offered('plan', '-f', ''), [':0']);
    assert.deepEqual(await offered('wait', '--source', ''), ['cm/', 'secret/', ':4']);
    assert.deepEqual(await offered('explain', 'd'), ['deploy/', 'ds/', ':4']);
    assert.deepEqual(await offered('approve', 's'), ['sts/', ':4']);
    assert.deepEqual(await offered('now', '--t'), ['--timeout', ':4']);
    assert.deepEqual(await offered('nonsense', ''), [':4']);
    assert.ok((await offered('')).includes('rbac'));
  });

  for (const shell of ['bash', 'zsh', 'fish']) {
    it(`prints a script for ${shell}`, async () => {
      const { code, stdout } = await reload(['completion', shell]);
      assert.equal(code, 0);
      assert.match(stdout, /kubectl-reload __complete/);
    });
  }
});
