import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AGENT } from '../../../src/settings/agent.ts';
import { loadSettingsOf } from '../../../src/settings/load.ts';
import type { Setting } from '../../../src/settings/schema.ts';
import { read, rowsOf, sectionOf } from '../docs/pages.ts';

const load = (argv: readonly string[] = [], env: Record<string, string> = {}) =>
  loadSettingsOf(AGENT, { argv, env, version: '1.2.3' });

describe('the settings of the agent', () => {
  it('have defaults', () => {
    assert.deepEqual(load(), {
      ok: true,
      settings: {
        operatorAccounts: new Set(['system:serviceaccount:reload-operator-system:reload-operator']),
        podsFolder: '/pods',
        tokenFile: '/var/run/secrets/reload-operator-agent/token',
        podUid: undefined,
        port: 8444,
        kubeconfig: undefined,
        logLevel: 'info',
      },
    });
  });

  it('take several accounts', () => {
    const result = load([], { OPERATOR_ACCOUNTS: 'a/reload-operator, b/other' });
    assert.ok('settings' in result);
    assert.deepEqual(
      [...result.settings.operatorAccounts],
      ['system:serviceaccount:a:reload-operator', 'system:serviceaccount:b:other'],
    );
  });

  for (const accounts of [
    'reload-operator',
    'a/b/c',
    'a/',
    '/b',
    'a/b,',
    'A/b',
    'a:b/c',
    'system:serviceaccount:a:b',
  ]) {
    it(`refuse ${accounts} as an account, in one sentence`, () => {
      assert.deepEqual(load(['--operator-accounts', accounts]), {
        ok: false,
        message: `--operator-accounts is "${accounts}", but it takes a list of service accounts, as namespace/name, separated by commas`,
      });
    });
  }

  it('refuse folders that are not absolute, and uids that are none', () => {
    assert.equal(load(['--pods-folder', 'pods']).ok, false);
    assert.equal(load(['--pod-uid', '../etc']).ok, false);
  });

  it('have a help and a version of their own', () => {
    const [help, version] = [load(['--help']), load(['--version'])];
    assert.ok('text' in help && 'text' in version);
    assert.match(help.text, /^usage: reload-operator-agent \[flags\]$/m);
    assert.equal(version.text, 'reload-operator-agent 1.2.3');
  });

  it('are listed on the page of the agent, as they are', () => {
    const bare = (cell = ''): string => cell.replaceAll('`', '').trim();
    const rows = rowsOf(sectionOf(read('docs/node-agent.md'), 'Settings'), 4);
    assert.deepEqual(
      rows.map(([flag, env, preset]) => [bare(flag), bare(env), bare(preset)]),
      Object.values<Setting<unknown>>(AGENT.settings).map(({ flag, env = '', default: preset = '' }) => [
        flag,
        env,
        preset,
      ]),
    );
  });
});
