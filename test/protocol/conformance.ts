/** What it takes to speak `/-/reload`, version v1. docs/applications.md tells how to run it on another application. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/wait.ts';
import { sha256, type Signature } from './answer.ts';
import { Mounted, SIGNING_KEY, type Subject } from './mounted.ts';

export const conformance = (subject: Subject): void => {
  const [one, other] = subject.accepted;

  describe(`${subject.name} at ${subject.path}`, () => {
    let app: Mounted;
    before(async () => {
      app = await Mounted.open(subject, one);
    });
    after(() => app.end());

    it('tells by GET what is loaded', async () => {
      await app.load(one);
      await app.checkLoaded(one, 'GET');
    });

    it('reloads by POST, and answers when that is done', async () => {
      for (const content of [one, other, one]) await app.load(content);
    });

    it('answers each of several POSTs with what was there when it was asked', async () => {
      for (const content of [one, other, one]) {
        app.mount(content);
        await Promise.all([1, 2, 3].map(() => app.checkLoaded(content, 'POST')));
      }
    });

    if (subject.follows)
      it('follows the file by itself', async () => {
        await app.load(one);
        app.mount(other);
        await eventually(async () => (await app.told('GET')).file?.sha256 === sha256(other), {
          what: 'the digest of the new content, by GET',
          timeoutMs: 10_000,
        });
        await app.checkLoaded(other, 'GET');
      });

    for (const [index, content] of subject.refused.entries())
      it(`refuses content ${index + 1}, keeps the earlier in force, and takes what comes next`, async () => {
        for (const next of [one, other]) {
          await app.load(one);
          app.mount(content);
          for (const method of ['POST', 'GET'] as const) {
            const { status, file } = await app.told(method);
            assert.equal(status, 422);
            assert.equal(file?.sha256, sha256(one), 'the digest is that of what is in force');
            assert.notEqual(file.error, undefined, 'error says why');
          }
          await app.checkInForce(one);
          await app.load(next);
        }
      });

    it('does not claim to have loaded a file that is gone', async () => {
      await app.load(one);
      app.mount();
      const { status, file } = await app.told('POST');
      if (status === 200) assert.equal(file?.sha256, undefined, '200, and a digest');
      await app.load(other);
    });

    it('never tells of anything but what was written, while it is being written', async () => {
      const known = [sha256(one), sha256(other)];
      await app.load(one);
      let writing = true;
      const asking = (['GET', 'POST'] as const).map(async (method) => {
        while (writing) assert.ok(known.includes((await app.told(method)).file?.sha256 ?? 'none'), 'another digest');
      });
      for (let swap = 0; swap < 50; swap++) {
        app.mount(swap % 2 === 0 ? other : one);
        await sleep(4);
      }
      writing = false;
      await Promise.all(asking);
      await app.checkLoaded(one, 'POST');
    });

    it('answers other methods with 405', async () => {
      for (const method of ['PUT', 'PATCH', 'DELETE']) assert.equal((await app.ask(method)).status, 405, method);
    });
  });

  describe(`${subject.name}, started on content that it refuses`, () => {
    let app: Mounted;
    before(async () => {
      app = await Mounted.open(subject, subject.refused[0] ?? '', { mayEnd: true });
    });
    after(() => app.end());

    it('ends as failed, or tells that nothing is loaded until something is', async () => {
      const code = app.running.exitCode();
      if (code !== undefined) {
        assert.notEqual(code, 0);
        return;
      }
      const { status, file } = await app.told('GET');
      assert.equal(status, 422);
      assert.equal(file?.sha256, undefined, 'nothing is loaded, and there is a digest');
      await app.load(one);
    });
  });

  if (subject.command.some((word) => word.includes('{key}'))) signatures(subject);
};

const signatures = (subject: Subject): void => {
  const now = Math.floor(Date.now() / 1_000);
  const right: Signature = { key: SIGNING_KEY, time: now };
  const wrong: Readonly<Record<string, Signature | undefined>> = {
    'no signature': undefined,
    'another key': { ...right, key: `${SIGNING_KEY}s` },
    'a signature of another method': { ...right, method: 'PUT' },
    'a signature of another path': { ...right, path: `${subject.path}s` },
    'a signature that is too old': { ...right, time: now - 310 },
  };

  describe(`${subject.name}, with a key for signatures`, () => {
    let app: Mounted;
    before(async () => {
      app = await Mounted.open(subject, subject.accepted[0], { signed: true });
    });
    after(() => app.end());

    for (const method of ['GET', 'POST']) {
      it(`answers a ${method} that is signed`, async () => {
        const { status, body } = await app.ask(method, right);
        assert.equal(status, 200);
        assert.ok(body.includes(sha256(subject.accepted[0])));
      });

      for (const [what, signature] of Object.entries(wrong))
        it(`refuses a ${method} with ${what}`, async () => {
          const { status, body } = await app.ask(method, signature);
          assert.equal(status, 401);
          assert.ok(!body.includes(sha256(subject.accepted[0])), 'a digest is told all the same');
        });
    }
  });
};
