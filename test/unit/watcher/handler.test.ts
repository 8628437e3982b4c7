import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, request, type RequestListener } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { handler, watchDirectory, watchFile, type HandlerOptions } from '../../../src/watcher/index.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { watched } from '../../support/watched.ts';

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

const serve = async (t: TestContext, listener: RequestListener) => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return (method: string, path = '/-/reload', headers: Readonly<Record<string, string>> = {}, sent = '') =>
    new Promise<Answer>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, type: headers['content-type'], body: Buffer.concat(chunks).toString('utf8') });
        });
      });
      asked.on('error', reject);
      asked.end(sent);
    });
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the handler', () => {
  const begin = async (t: TestContext, options: Omit<HandlerOptions, 'group'> = {}) => {
    const all = watched(t);
    writeFileSync(all.path('a'), 'content-1');
    const watcher = watchFile(all.path('a'), {
      ...all.common,
      debounceMs: 60_000,
      validate: (text) => {
        if (text.startsWith('bad')) throw new Error('bad thing');
      },
    });
    await watcher.ready();
    return { ...all, watcher, ask: await serve(t, handler({ group: all.common.group, ...options })) };
  };

  it('reloads on POST, tells on GET, and never shows content', async (t: TestContext) => {
    const { path, ask, watcher } = await begin(t);
    const file = (text: string) => ({
      path: path('a'),
      sha256: sha256(text),
      loadedAt: watcher.status().files[0]?.loadedAt,
    });
    writeFileSync(path('a'), 'content-2');
    const before = await ask('GET');
    assert.deepEqual([before.status, before.type], [200, 'application/json']);
    assert.deepEqual(JSON.parse(before.body), { reload: 'v1', files: [file('content-1')] });
    const after = await ask('POST', '/-/reload', {}, 'a body that nobody asked for'.repeat(10_000));
    assert.equal(after.status, 200);
    assert.deepEqual(JSON.parse(after.body), { reload: 'v1', files: [file('content-2')] });
    assert.doesNotMatch(before.body + after.body, /content-/);
  });

  it('answers 422 where something was refused, and the earlier digest', async (t: TestContext) => {
    const { path, ask } = await begin(t);
    writeFileSync(path('a'), 'bad');
    const { status, body } = await ask('POST');
    assert.equal(status, 422);
    const { files } = JSON.parse(body) as { readonly files: readonly Readonly<Record<string, string>>[] };
    assert.equal(files[0]?.['sha256'], sha256('content-1'));
    assert.equal(files[0]['error'], 'bad thing');
  });

  it('knows two methods', async (t: TestContext) => {
    const { ask } = await begin(t);
    for (const method of ['PUT', 'DELETE', 'HEAD', 'OPTIONS']) assert.equal((await ask(method)).status, 405);
  });

  it('of a group without watchers has nothing to tell', async (t: TestContext) => {
    const ask = await serve(t, handler({ group: watched(t).common.group }));
    assert.deepEqual(await ask('POST'), {
      status: 200,
      type: 'application/json',
      body: '{"reload":"v1","files":[]}\n',
    });
  });

  it('keeps digests of what is sensitive to itself', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('token'), 'secret');
    await watchFile(path('token'), { ...common, sensitive: true }).ready();
    const ask = await serve(t, handler({ group: common.group }));
    const { files } = JSON.parse((await ask('POST')).body) as { readonly files: readonly object[] };
    assert.deepEqual(files.map(Object.keys), [['path', 'loadedAt']]);
  });

  it('answers at most 64 KiB, refusals first', async (t: TestContext) => {
    const { folder, path, common } = watched(t);
    const { write } = createAtomicWriter(folder);
    const names = Array.from({ length: 1_000 }, (_, index) => `key-${String(index).padStart(4, '0')}`);
    write(Object.fromEntries(names.map((name) => [name, '1'])));
    let refuse = false;
    const watcher = watchDirectory(folder, {
      ...common,
      validate: () => {
        if (refuse) throw new Error('no');
      },
    });
    await watcher.ready();
    const ask = await serve(t, handler({ group: common.group }));
    refuse = true;
    write(Object.fromEntries(names.map((name) => [name, name === 'key-0999' ? '2' : '1'])));
    const { body, status } = await ask('POST');
    assert.equal(status, 422);
    assert.ok(Buffer.byteLength(body) <= 64 * 1024);
    const answer = JSON.parse(body) as {
      readonly omitted: number;
      readonly files: readonly { readonly path: string }[];
    };
    assert.equal(answer.files.length + answer.omitted, 1_000);
    assert.ok(answer.files.length > 300);
    assert.equal(answer.files[0]?.path, path('key-0999'));
  });

  describe('with a signing key', () => {
    const now = Math.floor(Date.now() / 1000);
    const sign = (key: string, time: number, method: string, path: string): string =>
      `t=${time},v1=${createHmac('sha256', key).update(`${time}.${method}.${path}`).digest('hex')}`;
    const right = sign('key', now, 'POST', '/-/reload');

    const cases: readonly (readonly [name: string, header: string | undefined, status: number])[] = [
      ['is right', right, 200],
      ['is missing', undefined, 401],
      ['is of another key', sign('other', now, 'POST', '/-/reload'), 401],
      ['is of another method', sign('key', now, 'GET', '/-/reload'), 401],
      ['is of another path', sign('key', now, 'POST', '/'), 401],
      ['is 290 s old', sign('key', now - 290, 'POST', '/-/reload'), 200],
      ['is too old', sign('key', now - 310, 'POST', '/-/reload'), 401],
      ['is from the future', sign('key', now + 310, 'POST', '/-/reload'), 401],
      ['has another time', right.replace(/^t=[0-9]+/, `t=${now - 1}`), 401],
      ['is cut short', right.slice(0, -1), 401],
      ['has more behind it', `${right},v1=x`, 401],
    ];
    for (const [name, header, status] of cases)
      it(`answers ${status} to a signature that ${name}`, async (t: TestContext) => {
        const { ask } = await begin(t, { signingKey: 'key' });
        const answer = await ask('POST', '/-/reload?x=1', header === undefined ? {} : { 'reload-signature': header });
        assert.equal(answer.status, status);
        if (status === 401) assert.doesNotMatch(answer.body, /sha256/);
      });

    it('takes it from a function, so that it can change', async (t: TestContext) => {
      let key: string | Buffer | undefined = Buffer.from('key');
      const { ask } = await begin(t, { signingKey: () => key });
      const asked = async (): Promise<number> => (await ask('POST', '/-/reload', { 'reload-signature': right })).status;
      assert.equal(await asked(), 200);
      for (const other of ['other', '', undefined]) {
        key = other;
        assert.equal(await asked(), 401);
      }
    });

    it('refuses all where the function throws, and says nothing of it', async (t: TestContext) => {
      const { ask } = await begin(t, {
        signingKey: () => {
          throw new Error('secret');
        },
      });
      const { status, body } = await ask('POST', '/-/reload', { 'reload-signature': right });
      assert.equal(status, 500);
      assert.doesNotMatch(body, /secret/);
    });
  });
});
