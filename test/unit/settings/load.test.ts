import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadSettings, type LoadResult } from '../../../src/settings/load.ts';
import { SETTINGS, type Setting, type Settings } from '../../../src/settings/schema.ts';

const load = (argv: readonly string[] = [], env: Record<string, string> = {}): LoadResult =>
  loadSettings({ argv, env, version: '1.2.3' });

function settings(argv: readonly string[] = [], env: Record<string, string> = {}): Settings {
  const result = load(argv, env);
  assert.ok('settings' in result, JSON.stringify(result));
  return result.settings;
}

function text(argv: readonly string[]): string {
  const result = load(argv);
  assert.ok('text' in result, JSON.stringify(result));
  return result.text;
}

describe('settings', () => {
  it('have defaults', () => {
    assert.deepEqual(settings(), {
      kubeconfig: undefined,
      context: undefined,
      namespaces: [],
      secretsNamespaces: [],
      secretsBlind: false,
      notify: 'Enabled',
      operatorNamespace: undefined,
      logLevel: 'info',
      healthPort: 8081,
      healthHost: undefined,
      workers: 32,
      maxConcurrentRestarts: 0,
      maxInFlight: 32,
      watchIdleSeconds: 90,
      agentNamespace: undefined,
      identity: 'reload-operator',
    });
  });

  it('take a flag before its variable, and that before the default', () => {
    assert.equal(settings([], { WORKERS: '3' }).workers, 3);
    assert.equal(settings(['--workers', '5'], { WORKERS: '3' }).workers, 5);
    assert.equal(settings(['--workers=5'], { WORKERS: '3' }).workers, 5);
    assert.equal(settings([], { WORKERS: '' }).workers, 32);
  });

  it('take namespaces as a list', () => {
    assert.deepEqual(settings([], { WATCH_NAMESPACES: 'b, a,b' }).namespaces, ['b', 'a']);
  });

  it('take true and false, and nothing else, for reading no value of a Secret', () => {
    assert.equal(settings(['--secrets-blind=true']).secretsBlind, true);
    assert.equal(settings([], { SECRETS_BLIND: 'false' }).secretsBlind, false);
    assert.deepEqual(load(['--secrets-blind', 'yes']), {
      ok: false,
      message: '--secrets-blind is "yes", but it takes true or false',
    });
  });

  it('take 0 for no health port', () => {
    assert.equal(settings(['--health-port', '0']).healthPort, 0);
  });

  const refused: readonly [string, readonly string[], Record<string, string>, string][] = [
    ['an unknown flag', ['--worker', '3'], {}, 'unknown flag --worker: see --help for those there are'],
    ['an unknown short flag', ['-w', '3'], {}, 'unknown flag -w: see --help for those there are'],
    ['a missing value', ['--workers'], {}, '--workers has no value, but it takes a whole number from 1 to 256'],
    ['an empty value', ['--workers='], {}, '--workers has no value, but it takes a whole number from 1 to 256'],
    ['no number', ['--workers', 'many'], {}, '--workers is "many", but it takes a whole number from 1 to 256'],
    ['a number too small', ['--workers', '0'], {}, '--workers is "0", but it takes a whole number from 1 to 256'],
    ['a number too large', ['--workers', '257'], {}, '--workers is "257", but it takes a whole number from 1 to 256'],
    ['a negative number', ['--workers', '-3'], {}, '--workers is "-3", but it takes a whole number from 1 to 256'],
    ['a fraction', ['--workers', '1.5'], {}, '--workers is "1.5", but it takes a whole number from 1 to 256'],
    [
      'a bad variable',
      [],
      { HEALTH_PORT: '99999' },
      'HEALTH_PORT is "99999", but it takes a port from 1 to 65535, or 0 for none',
    ],
    ['an unknown level', ['--log-level', 'loud'], {}, '--log-level is "loud", but it takes debug, info, warn or error'],
    [
      'a bad namespace',
      ['--namespaces', 'a,B'],
      {},
      '--namespaces is "a,B", but it takes a list of namespaces, separated by commas',
    ],
    ['a stray argument', ['run'], {}, 'unexpected argument "run": every setting is a flag, see --help'],
    ['a flag given twice', ['--workers', '1', '--workers', '2'], {}, '--workers is given twice, as "1" and as "2"'],
    ['a value for --help', ['--help=yes'], {}, '--help is "yes", but it takes no value'],
  ];
  for (const [what, argv, env, message] of refused) {
    it(`refuse ${what} in one sentence`, () => {
      assert.deepEqual(load(argv, env), { ok: false, message });
    });
  }

  it('print the version', () => {
    assert.equal(text(['--version']), 'reload-operator 1.2.3');
  });

  it('print every flag, variable and default there is', () => {
    const help = text(['--help', '--workers', '3']);
    for (const { flag, env, default: preset, description } of Object.values<Setting<unknown>>(SETTINGS)) {
      const line = help.split('\n').find((each) => each.includes(flag)) ?? '';
      for (const part of [env, preset, description]) assert.ok(line.includes(part ?? ''), `${flag}: ${part ?? ''}`);
    }
  });
});
