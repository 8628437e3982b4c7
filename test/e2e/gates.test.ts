/** Gates on a real node: an order that stops at a failure, a window that opens, a budget that is used up. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'node:test';
import { startOperator, stopOperator } from '../support/install.ts';
import { installed } from '../support/installed.ts';
import { untilPasses } from '../support/wait.ts';

/** Ends at once where the flag is one that it can't use, and says so. */
const PICKY = [
  'case "$*" in *--flag=bad*) echo "flag: bad is no good" > /dev/termination-log; exit 1;; esac',
  'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done',
].join('\n');

describe('a restart that waits', { concurrency: 3 }, () => {
  const staged = installed('gates', { stops: true });

  staged('for its turn goes on when the one before it has succeeded, and not while it has failed', async (stage) => {
    await stage.configMap({ flag: 'one' });
    const names = ['first', 'second', 'third'] as const;
    for (const name of names) {
      await stage.create({
        name,
        flags: ['flag'],
        ...(name === 'second' && { container: { command: ['sh', '-c', PICKY, 'app', '--flag=$(FLAG)'] } }),
      });
    }
    for (const name of names) await stage.rolledOut(name);
    await stage.policy({
      workloads: names.map((name) => ({ kind: 'Deployment', name })),
      restart: { order: 'Sequential' },
    });
    for (const name of names) await stage.adopted(name);
    const third = await stage.incarnations('third');

    await stage.edit({ flag: 'bad' });

    const stateOf = async (name: string): Promise<string> => {
      const { workloads = [] } = await stage.status();
      const found = workloads.find((each) => each.name === name);
      return `${found?.state ?? ''} ${found?.reason ?? ''} ${found?.message ?? ''}`;
    };
    await untilPasses(
      async () => {
        assert.match(await stateOf('second'), /^Failed CrashLoopBackOff .*flag: bad is no good/);
        assert.match(
          await stateOf('third'),
          /^Held EarlierFailed .*Deployment\/second failed.*read the new content all the same/,
        );
      },
      { what: 'the second to fail, and the third to be held', timeoutMs: 120_000, intervalMs: 200 },
    );
    assert.deepEqual(await stage.argumentsIn('first'), ['--flag=bad']);
    assert.deepEqual(await stage.incarnations('third'), third);
    assert.deepEqual(await stage.argumentsIn('third'), ['--flag=one']);
    assert.equal(await stage.restartAnnotation('third'), undefined);

    await stage.edit({ flag: 'good' });

    await stage.until('Ready', 'True', { reason: 'UpToDate', timeoutMs: 120_000 });
    for (const name of names) {
      await stage.rolledOut(name);
      assert.deepEqual(await stage.argumentsIn(name), ['--flag=good'], name);
    }
    // One for each content that reached them: the third has never seen the bad one.
    const restarts = await Promise.all(names.map(async (name) => (await stage.record(name)).restart?.n));
    assert.deepEqual(restarts, [2, 2, 1]);
    const [first, , last] = await Promise.all(names.map(async (name) => (await stage.record(name)).restart));
    assert.ok(
      Date.parse(last?.issuedAt ?? '') >= Date.parse(first?.finishedAt ?? ''),
      `${last?.issuedAt ?? ''} is before ${first?.finishedAt ?? ''}`,
    );
  });

  staged('for its window goes out once, with the last data, when that opens', async (stage) => {
    await stage.configMap({ flag: 'one', hot: 'one' });
    await stage.start({ flags: ['flag'] });
    // The next whole minute that leaves time to look around before it.
    const opens = new Date(Math.ceil((Date.now() + 40_000) / 60_000) * 60_000);
    const windows = [{ name: 'soon', cron: `${opens.getUTCMinutes()} ${opens.getUTCHours()} * * *`, duration: '30m' }];
    await stage.policy({ rules: [{ keys: ['hot'], class: 'Hot' }], restart: { windows } });
    await stage.adopted();
    const incarnations = await stage.incarnations();

    await stage.edit({ flag: 'two', hot: 'two' });

    await untilPasses(async () => assert.deepEqual(await stage.filesIn('hot'), ['two']), {
      what: 'the hot key in the file',
      timeoutMs: 15_000,
    });
    assert.match(
      await stage.until('RolledOut', 'False', { reason: 'OutsideWindow' }),
      /window soon lets restarts begin/,
    );
    await stage.until('Ready', 'True', { reason: 'Held' });
    assert.deepEqual(await stage.argumentsIn(), ['--flag=one']);
    const { held } = await stage.record();
    assert.equal(held?.until, opens.toISOString());

    await stopOperator(stage.cluster);
    await stage.edit({ flag: 'three' });
    await startOperator(stage.cluster);

    await untilPasses(
      async () => {
        const now = await stage.record();
        assert.ok(now.restart !== undefined || now.held?.digest !== held.digest, 'the last data is not seen yet');
        if (now.restart === undefined) {
          assert.deepEqual([now.held?.since, now.held?.until], [held.since, held.until]);
          assert.deepEqual(await stage.incarnations(), incarnations);
        }
      },
      { what: 'the operator to have seen the last data', timeoutMs: 60_000, intervalMs: 100 },
    );

    await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 150_000 });
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=three']);
    assert.equal((await stage.replicaSets()).length, 2);
    const { restart, held: none } = await stage.record();
    assert.equal(none, undefined);
    const late = Date.parse(restart?.issuedAt ?? '') - opens.getTime();
    assert.ok(late >= 0 && late < 20_000, `issued ${late} ms after the window opened`);
  });

  staged('for its budget is two rollouts of sixty edits, and others do not wait for it', async (stage) => {
    await stage.configMap({ flag: '0' });
    await stage.configMap({ flag: 'one' }, 'other');
    await stage.start({ flags: ['flag'] });
    await stage.start({ name: 'other', configMap: 'other', flags: ['flag'] });
    await stage.policy({ restart: { budget: { restarts: 2, period: '1h' } } });
    await stage.policy({ sources: [{ kind: 'ConfigMap', name: 'other' }] }, 'other');
    await stage.adopted();
    await stage.adopted('other');

    for (let edit = 1; edit <= 60; edit++) {
      const next = sleep(1_000);
      await stage.edit({ flag: String(edit) });
      if (edit === 30) await stage.edit({ flag: 'two' }, 'other');
      await next;
    }

    assert.match(
      await stage.until('Ready', 'False', { reason: 'BudgetExhausted' }),
      /Deployment\/web: .*policy app allows 2 restarts in 1h.*kubectl reload reset/,
    );
    await stage.until('Stalled', 'True', { reason: 'BudgetExhausted' });
    await stage.until('RolledOut', 'False', { reason: 'BudgetExhausted' });
    await stage.rolledOut();
    assert.equal((await stage.replicaSets()).length, 3);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./);
    const { restartTimes = [], held } = await stage.record();
    assert.equal(restartTimes.length, 2);
    assert.equal(Date.parse(held?.until ?? ''), Date.parse(restartTimes[1] ?? '') + 3_600_000);
    const warnings = (await stage.ourEvents()).filter(({ reason }) => reason === 'BudgetExhausted');
    assert.deepEqual(
      warnings.map(({ type }) => type),
      ['Warning'],
    );

    await stage.until('Ready', 'True', { reason: 'UpToDate', policy: 'other' });
    await stage.rolledOut('other');
    assert.deepEqual(await stage.argumentsIn('other'), ['--flag=two']);
  });
});
