/** Proof of hot changes: who is asked when, what counts, and what is said of those that are missing. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FollowedPod } from '../../../src/controller/ports.ts';
import { aContainer, aFollowedPod, changed } from '../../support/builders.ts';
import { NOTIFY, ProofScene, tells, WEB } from '../../support/proof-scene.ts';

const POD = aFollowedPod();

describe('an application that tells what it has loaded', () => {
  it('is asked at once and with growing pauses, until it has loaded what is expected', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells(scene.at() < 300 ? 'one' : 'two');
    await scene.pursue();
    assert.deepEqual(scene.pod(), {
      name: 'web-1',
      reached: 'Nudged',
      notified: false,
      done: false,
      why: 'container main: the application has another version of /etc/app/app.yaml',
    });
    await scene.advance(20_000);
    assert.deepEqual(scene.askTimes(), [0, 50, 150, 350]);
    assert.deepEqual(scene.pod(), { name: 'web-1', reached: 'Loaded', notified: true, done: true });
    assert.ok(scene.asks.every(({ method, port, path }) => method === 'POST' && port === 8080 && path === '/-/reload'));
    assert.deepEqual(scene.told.at(-1), { complete: true, at: 350 });
    assert.equal(scene.progress().blind, false);
    assert.deepEqual(scene.nudges, []);
    scene.prover.close();
  });

  it('has its pod nudged again when it still has the old content', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells('one');
    await scene.pursue();
    await scene.advance(25_000);
    assert.deepEqual(scene.nudgeTimes(), [1_500, 4_500, 10_500, 22_500]);
    assert.ok(scene.nudges.every(({ value }) => value.startsWith('v1.d1.')));
    assert.ok(scene.askTimes().length < 14, String(scene.askTimes()));
    scene.prover.close();
  });

  it('that refuses content is quoted, on one line', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells('one', { error: `line 3:\n\tunknown\u0007 provider ${'x'.repeat(300)}` });
    await scene.pursue();
    const { why = '', done } = scene.pod();
    assert.equal(done, false);
    assert.match(why, /^container main: \/etc\/app\/app\.yaml is refused: line 3: unknown provider x+…$/);
    assert.ok(why.length < 270);
    scene.prover.close();
  });

  it('is asked anew when it is to have other content under the same name', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells('two');
    await scene.pursue();
    assert.equal(scene.pod().done, true);
    await scene.pursue({ expected: changed({ 'app.yaml': 'three' }) });
    assert.equal(scene.pod().done, false);
    assert.equal(scene.asks.length, 2);
    // The same again changes nothing.
    await scene.pursue({ expected: changed({ 'app.yaml': 'three' }) });
    assert.equal(scene.asks.length, 2);
    scene.prover.close();
  });

  it('is asked again when its container has been started anew', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells('two');
    await scene.pursue();
    scene.answer = () => tells('one');
    await scene.see({ ...POD, sideBySide: [aContainer({ startedAt: scene.startedAt + 5_000 })] });
    assert.equal(scene.asks.length, 2);
    assert.equal(scene.pod().done, false);
    scene.prover.close();
  });
});

describe('an application that only accepts', () => {
  it('counts, and is asked twice more, since it may have read too early', async () => {
    const scene = new ProofScene({ pods: [POD] });
    await scene.pursue();
    assert.deepEqual(scene.pod(), { name: 'web-1', reached: 'Loaded', notified: true, done: true });
    assert.equal(scene.progress().blind, true);
    await scene.advance(60_000);
    assert.deepEqual(scene.askTimes(), [0, 500, 3_000]);
    scene.prover.close();
  });

  it('is asked those times also when everything counts as done', async () => {
    const scene = new ProofScene({ pods: [POD] });
    await scene.pursue();
    scene.prover.release(WEB);
    await scene.advance(60_000);
    assert.deepEqual(scene.askTimes(), [0, 500, 3_000]);
    assert.equal(scene.prover.progress(WEB), undefined);
    assert.deepEqual([scene.watches, scene.clock.pending], [0, 0]);
  });

  it('is asked once more at the end, three times where that fails', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => (scene.asks.length < 2 ? { type: 'Failed', why: 'it answered 500' } : { type: 'Accepted' });
    await scene.pursue({ effort: 'AskAgain' });
    assert.equal(scene.progress().askedAgain, false);
    await scene.advance(1_000);
    assert.equal(scene.progress().askedAgain, true);
    await scene.advance(60_000);
    assert.deepEqual(scene.askTimes(), [0, 1_000]);
    assert.deepEqual(scene.nudges, []);
    scene.prover.close();
  });

  it('is asked when its files are known to be right, and not before, where there are agents', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.mounted = () => (scene.at() < 900 ? { type: 'Differs', files: ['app.yaml'] } : { type: 'Mounted' });
    await scene.pursue();
    await scene.advance(999);
    assert.deepEqual(scene.asks, []);
    await scene.advance(60_000);
    assert.deepEqual(scene.askTimes(), [1_000]);
    assert.equal(scene.progress().blind, false);
    assert.deepEqual(scene.nudges, []);
    scene.prover.close();
  });

  it('is asked again when its files are known to be right at last', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.mounted = () => (scene.at() < 6_000 ? { type: 'Unavailable', why: 'it is away' } : { type: 'Mounted' });
    await scene.pursue();
    await scene.advance(60_000);
    assert.deepEqual(scene.askTimes(), [0, 500, 3_000, 6_000]);
    assert.equal(scene.progress().blind, false);
    scene.prover.close();
  });

  it('is tried again, and its failure told, until it accepts', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => (scene.at() < 100 ? { type: 'Failed', why: 'it answered 500' } : { type: 'Accepted' });
    await scene.pursue();
    assert.equal(scene.pod().why, 'container main: it answered 500');
    await scene.advance(200);
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });
});

describe('files', () => {
  it('that agents see to be right prove it, without asking any application', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    await scene.pursue({ proof: 'Mounted', targets: [] });
    assert.deepEqual(scene.pod(), { name: 'web-1', reached: 'Mounted', done: true });
    assert.deepEqual(scene.questions[0]?.question, {
      volume: 'config',
      plugin: 'kubernetes.io~configmap',
      files: changed({ 'app.yaml': 'two' }).get('ConfigMap/app'),
    });
    assert.deepEqual(scene.asks, []);
    await scene.advance(60_000);
    assert.equal(scene.questions.length, 1);
    scene.prover.close();
  });

  it('that stay old have their pod nudged again', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.mounted = () => ({ type: 'Differs', files: ['app.yaml'] });
    await scene.pursue({ proof: 'Mounted', targets: [] });
    await scene.advance(11_000);
    assert.deepEqual(scene.nudgeTimes(), [1_500, 4_500, 10_500]);
    assert.equal(scene.pod().why, 'its files are old: app.yaml');
    scene.prover.close();
  });

  it('that nobody sees are nudged by the schedule, and said so; an agent that is back ends that', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.mounted = () =>
      scene.at() < 31_000 ? { type: 'Unavailable', why: 'there is no agent on node n1' } : { type: 'Mounted' };
    await scene.pursue({ proof: 'Mounted', targets: [] });
    await scene.advance(30_500);
    assert.deepEqual(scene.nudgeTimes(), [5_000, 15_000, 30_000]);
    assert.equal(scene.pod().why, 'there is no agent on node n1');
    await scene.advance(1_500);
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });

  it('without any agents can not be proven, and it is said why', async () => {
    const scene = new ProofScene({ pods: [POD] });
    await scene.pursue({ proof: 'Mounted', targets: [] });
    assert.equal(scene.pod().why, 'there is no agent on the nodes that could tell');
    scene.prover.close();
  });

  it('of an agent that says nothing at all hold nobody up', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.mounted = () => new Promise(() => undefined);
    await scene.pursue();
    await scene.advance(2_600);
    assert.deepEqual(scene.askTimes(), [2_500]);
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });

  it('of which none has changed are no matter of the pod', async () => {
    const scene = new ProofScene({ pods: [aFollowedPod({ mounts: [] })] });
    await scene.pursue();
    assert.deepEqual(scene.progress().pods, []);
    assert.deepEqual(scene.told.at(-1)?.complete, true);
    scene.prover.close();
  });
});

describe('pods', () => {
  it('that do not belong to the workload are neither asked nor counted', async () => {
    const scene = new ProofScene({ pods: [POD, aFollowedPod({ name: 'lookalike' })] });
    scene.belongs = ({ name }) => name !== 'lookalike';
    await scene.pursue();
    assert.deepEqual(
      scene.progress().pods.map(({ name }) => name),
      ['web-1'],
    );
    assert.equal(scene.asks.length, 1);
    scene.prover.close();
  });

  it('of which it can not be told are not asked, and counted until it can', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.belongs = () => {
      if (scene.at() < 1_000) throw Object.assign(new Error('no'), { status: 403 });
      return true;
    };
    await scene.pursue();
    assert.match(scene.pod().why ?? '', /lacks the right to get ReplicaSets/);
    assert.deepEqual(scene.asks, []);
    await scene.advance(2_000);
    assert.equal(scene.pod().done, true);
    scene.prover.close();
  });

  it("on the host's network are never asked, but their files are looked at", async () => {
    const scene = new ProofScene({ pods: [aFollowedPod({ hostNetwork: true })], agents: true });
    await scene.pursue();
    assert.deepEqual(scene.pod(), {
      name: 'web-1',
      reached: 'Mounted',
      notified: false,
      done: false,
      why: "it is on the host's network: never asked",
    });
    await scene.advance(10_000);
    assert.deepEqual(scene.asks, []);
    scene.prover.close();
  });

  it('are not asked where the operator is told not to, and that is said', async () => {
    const scene = new ProofScene({ pods: [POD], notify: 'Disabled' });
    await scene.pursue({ proof: 'Nudged' });
    assert.match(scene.pod().why ?? '', /--notify=Disabled/);
    assert.equal(scene.pod().done, false);
    scene.prover.close();
  });

  it('that come meanwhile are included; those that go are not counted', async () => {
    const scene = new ProofScene({ pods: [POD] });
    await scene.pursue();
    const late = aFollowedPod({
      name: 'web-2',
      running: false,
      sideBySide: [aContainer({ state: 'Waiting', ready: false })],
    });
    await scene.see(late);
    assert.deepEqual(scene.pod('web-2').done, true);
    scene.answer = () => ({ type: 'Failed', why: 'connection refused' });
    await scene.see({ ...late, running: true, sideBySide: [aContainer()] });
    assert.equal(scene.pod('web-2').why, 'container main: connection refused');
    await scene.see({ ...late, reachable: false });
    assert.deepEqual(
      scene.progress().pods.map(({ name }) => name),
      ['web-1'],
    );
    await scene.go(POD);
    assert.deepEqual(scene.progress().pods, []);
    scene.prover.close();
  });

  it('that come when nobody else nudges any more are nudged once', async () => {
    const scene = new ProofScene({ pods: [] });
    await scene.pursue({ effort: 'Watch' });
    await scene.advance(12_000);
    await scene.see(aFollowedPod());
    await scene.see(aFollowedPod());
    assert.deepEqual(scene.nudgeTimes(), [12_000]);
    assert.deepEqual(scene.askTimes(), [12_000]);
    scene.prover.close();
  });

  const holding: readonly (readonly [string, Partial<FollowedPod>, string | undefined])[] = [
    [
      'whose container runs, but is not ready',
      { sideBySide: [aContainer({ ready: false })] },
      'container main is not ready',
    ],
    ['whose container has still to start', { sideBySide: [aContainer({ state: 'Waiting', ready: false })] }, undefined],
    [
      'whose container has crashed',
      { sideBySide: [aContainer({ state: 'Crashed', ready: false, reason: 'CrashLoopBackOff' })] },
      'container main does not run (CrashLoopBackOff)',
    ],
    [
      'without the port',
      { sideBySide: [aContainer({ ports: new Map() })] },
      'no container that mounts what has changed has a port named http',
    ],
  ];
  for (const [what, more, why] of holding) {
    it(`${what}: ${why ?? 'not waited for'}`, async () => {
      const scene = new ProofScene({ pods: [aFollowedPod(more)] });
      await scene.pursue();
      assert.equal(scene.pod().done, why === undefined);
      assert.equal(scene.pod().why, why);
      assert.deepEqual(scene.asks, []);
      scene.prover.close();
    });
  }

  it('without the port hold nothing up where Loaded is not demanded', async () => {
    const scene = new ProofScene({ pods: [aFollowedPod({ sideBySide: [aContainer({ ports: new Map() })] })] });
    await scene.pursue({ proof: 'Nudged' });
    assert.deepEqual(scene.pod(), { name: 'web-1', reached: 'Nudged', done: true });
    scene.prover.close();
  });

  it('must have all their containers accept, for all targets', async () => {
    const both = [aContainer(), aContainer({ name: 'side', ports: new Map([['admin', 9090]]) })];
    const mounts = POD.mounts.map((mount) => ({
      ...mount,
      containers: [...mount.containers, { name: 'side', path: '/side/' }],
    }));
    const scene = new ProofScene({ pods: [aFollowedPod({ sideBySide: both, mounts })] });
    scene.answer = ({ port }) => (port === 9090 ? { type: 'Failed', why: 'it answered 503' } : { type: 'Accepted' });
    await scene.pursue({ targets: [NOTIFY, { port: 'admin', path: '/reload' }] });
    assert.deepEqual(scene.asks.map(({ port, path }) => `${port}${path}`).sort(), ['8080/-/reload', '9090/reload']);
    assert.equal(scene.pod().why, 'container side: it answered 503');
    scene.prover.close();
  });
});

describe('when the time is over', () => {
  it('only those that tell are asked, by GET, and nothing is nudged', async () => {
    const scene = new ProofScene({ pods: [POD, aFollowedPod({ name: 'web-2', address: '10.0.0.2' })] });
    scene.answer = ({ address }) =>
      address === '10.0.0.2' ? { type: 'Failed', why: 'it answered 500' } : tells('one');
    await scene.pursue();
    await scene.advance(1_000);
    const before = scene.asks.length;
    const nudges = scene.nudges.length;
    await scene.pursue({ effort: 'Watch' });
    await scene.advance(70_000);
    const later = scene.asks.slice(before);
    assert.deepEqual(
      later.map(({ method, address }) => `${method} ${address}`),
      ['GET 10.0.0.1', 'GET 10.0.0.1'],
    );
    assert.equal(scene.nudges.length, nudges);
    scene.answer = () => tells('two');
    await scene.advance(30_000);
    assert.equal(scene.pod('web-1').done, true);
    scene.prover.close();
  });

  it('and the process is a new one, a 2xx to a GET proves nothing', async () => {
    const scene = new ProofScene({ pods: [POD] });
    await scene.pursue({ effort: 'Watch' });
    assert.deepEqual(
      scene.asks.map(({ method }) => method),
      ['GET'],
    );
    assert.equal(scene.pod().done, false);
    scene.prover.close();
  });
});

describe('an end', () => {
  it('leaves no watch and no timer behind', async () => {
    const scene = new ProofScene({ pods: [POD], agents: true });
    scene.mounted = () => ({ type: 'Differs', files: ['app.yaml'] });
    await scene.pursue();
    assert.equal(scene.watches, 1);
    scene.prover.forget(WEB);
    await scene.settle();
    assert.deepEqual([scene.watches, scene.clock.pending], [0, 0]);
    assert.equal(scene.prover.progress(WEB), undefined);
  });

  it('of one comes with another', async () => {
    const scene = new ProofScene({ pods: [POD] });
    scene.answer = () => tells('two');
    await scene.pursue();
    await scene.pursue({ digest: 'd2', expected: changed({ 'app.yaml': 'three' }) });
    assert.equal(scene.progress().digest, 'd2');
    assert.equal(scene.pod().done, false);
    assert.equal(scene.watches, 1);
    scene.prover.close();
  });
});
