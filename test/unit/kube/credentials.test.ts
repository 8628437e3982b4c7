import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { createCredentialSource, type CredentialSource } from '../../../src/kube/credentials.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

describe('credentials', () => {
  const dir = mkdtempSync(join(tmpdir(), 'credentials-'));
  after(() => {
    rmSync(dir, { recursive: true });
  });

  const from = (user: object): { readonly source: CredentialSource; readonly clock: FakeClock } => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'c', server: 'https://127.0.0.1:9', skipTLSVerify: false },
      { name: 'u', ...user },
    );
    const clock = createFakeClock();
    return { source: createCredentialSource(config, clock), clock };
  };

  /** A login command that answers with `answer`, in which `n` counts its runs. */
  const command = (name: string, answer: string): { readonly exec: object; readonly runs: () => number } => {
    const log = join(dir, name);
    writeFileSync(log, '');
    const script = `const fs = require('fs'); fs.appendFileSync(${JSON.stringify(log)}, '.');
      const n = fs.readFileSync(${JSON.stringify(log)}).length; process.stdout.write(${answer});`;
    return {
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] },
      runs: () => readFileSync(log).length,
    };
  };
  const token = 'JSON.stringify({ status: { token: "token-" + n } })';

  it('are asked of a login command again after a refusal, and the new ones stay', async () => {
    const { exec, runs } = command('refused', token);
    const { source, clock } = from({ exec });
    const refused = await source.current();
    assert.equal(refused.headers['authorization'], 'Bearer token-1');
    const renewed = await Promise.all([source.refresh(refused), source.refresh(refused)]);
    assert.deepEqual(
      renewed.map(({ headers }) => headers['authorization']),
      ['Bearer token-2', 'Bearer token-2'],
    );
    // One whose request was refused before they were renewed.
    assert.equal((await source.refresh(refused)).id, renewed[0].id);
    await clock.advance(31_000);
    assert.equal((await source.current()).id, renewed[0].id);
    assert.equal(runs(), 2);
  });

  it('are read from a token file again after a refusal', async () => {
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, 'old\n');
    const { source } = from({ authProvider: { name: 'tokenFile', config: { tokenFile } } });
    const refused = await source.current();
    assert.equal(refused.headers['authorization'], 'Bearer old');
    writeFileSync(tokenFile, 'new\n');
    assert.equal((await source.refresh(refused)).headers['authorization'], 'Bearer new');
  });

  const unusable: readonly [string, string, string][] = [
    ['no JSON', '"hunter2 " + n', 'what the login command answered is not JSON'],
    ['JSON of another form', 'JSON.stringify({ hunter2: n })', 'they have not the expected form'],
  ];
  for (const [what, answer, why] of unusable) {
    it(`are said to be unusable where a login command answers ${what}, without its words`, async () => {
      const { source } = from({ exec: command('unusable', answer).exec });
      await assert.rejects(source.current(), (error: Error & { readonly code?: unknown }) => {
        assert.equal(error.message, `the credentials of user u cannot be used: ${why}`);
        assert.deepEqual([error.code, error.cause], ['KUBE_CREDENTIALS', undefined]);
        return true;
      });
    });
  }
});
