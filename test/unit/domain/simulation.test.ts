/** Random histories: whatever users, rollouts and crashes do in turn, the laws hold in the end. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Digest } from '../../../src/domain/digest.ts';
import type { Ledger } from '../../../src/domain/observed.ts';
import { aPolicy, aUse, digestsOf, HOUR, MINUTE, SECOND, type Content } from '../../support/builders.ts';
import { runs } from '../../support/runs.ts';
import { World, type WorldOptions } from '../../support/world.ts';

type Step =
  | { readonly do: 'edit'; readonly flag?: string; readonly hot?: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'finish' | 'fail' | 'deploy' | 'scale' | 'pause' | 'unpause' | 'suspend' | 'resume' }
  | { readonly do: 'crash' | 'crash after restart' | 'start' }
  | { readonly do: 'load' | 'refuse' | 'accept' };

const value = fc.constantFrom('a', 'b', 'c');
const edit: fc.Arbitrary<Step> = fc.record(
  { do: fc.constant('edit' as const), flag: value, hot: value },
  { requiredKeys: ['do'], noNullPrototype: true },
);
const wait: fc.Arbitrary<Step> = fc
  .constantFrom(1, 100, 499, 500, 999, SECOND, 1_500, 10 * SECOND, MINUTE, HOUR)
  .map((ms) => ({ do: 'wait', ms }));
const event: fc.Arbitrary<Step> = fc
  .constantFrom('finish', 'fail', 'deploy', 'scale', 'pause', 'unpause', 'suspend', 'resume' as const)
  .map((what) => ({ do: what }));
const process: fc.Arbitrary<Step> = fc
  .constantFrom('crash', 'crash after restart', 'start' as const)
  .map((what) => ({ do: what }));

/** What applications say when they are asked to reload. */
const answer: fc.Arbitrary<Step> = fc.constantFrom('load', 'refuse', 'accept' as const).map((what) => ({ do: what }));

/** A world, and what a reader of its history needs to know to judge it. */
class History {
  readonly world: World;
  /** How often the content moved. */
  edits = { flag: 0, hot: 0 };
  /** Files that were not there at once after an edit, though nothing was in the way. */
  readonly late: string[] = [];
  /** What was said of proofs that can't be so. */
  readonly wrong: string[] = [];
  #templates = 1;
  /**
   * What nobody saw can't be undone by anybody: content that came and went while the operator was down, after pods had
   * started on it. Such histories are not asked for.
   */
  #editable = true;
  /** What was held or debounced may have come back: a kubelet that delivered it in between is left to its own period. */
  #waited = false;

  constructor(options: WorldOptions) {
    this.world = new World(options);
  }

  take(step: Step): void {
    const { world } = this;
    const before = { nudges: world.nudges, ledger: world.ledger() };
    this.#do(step);
    this.#judge(before);
  }

  #do(step: Step): void {
    const { world } = this;
    switch (step.do) {
      case 'edit':
        this.#edit(step);
        return;
      case 'wait':
        world.advance(step.ms);
        return;
      case 'finish':
        this.#startingPods(() => world.finishRollout());
        return;
      case 'fail':
        world.failRollout();
        return;
      case 'deploy':
        world.deploy(`template-${(this.#templates += 1)}`);
        return;
      case 'scale':
        this.#startingPods(() => world.startPod());
        return;
      case 'pause':
      case 'unpause':
        world.pause(step.do === 'pause');
        return;
      case 'suspend':
      case 'resume':
        world.policy({ suspended: step.do === 'suspend' });
        this.#waited ||= step.do === 'suspend';
        return;
      case 'crash':
        if (!world.running()) return;
        this.#editable = world.observed().pending === undefined;
        world.crash();
        return;
      case 'crash after restart':
        world.dieAfterRestart = world.running();
        return;
      case 'start':
        if (!world.running()) world.start();
        this.#editable = true;
        return;
      case 'load':
        world.application('Loads');
        return;
      case 'refuse':
        world.application('Refuses');
        return;
      case 'accept':
        world.application('Accepts');
    }
  }

  /** What is to be proven comes to an end in its time, and only what was open can time out. */
  #judge(before: { readonly nudges: number; readonly ledger: Ledger | undefined }): void {
    const { world } = this;
    const { delivery, restart, history = [] } = world.ledger() ?? {};
    const timeoutMs = world.policies[0]?.hot.timeoutMs ?? 0;
    const overdue = delivery?.phase === 'InProgress' && world.now >= delivery.startedAt + timeoutMs;
    const waits = ['Held', 'Blocked', 'Restarting'].includes(world.state() ?? '') || restart?.phase === 'InProgress';
    if (world.running() && overdue && !waits) this.wrong.push(`still open: ${world.state() ?? ''}`);
    const open = before.ledger?.delivery?.phase === 'InProgress' || world.nudges > before.nudges;
    const known = before.ledger?.history[0];
    const news = history.filter(({ time, outcome }) => outcome === 'TimedOut' && time > (known?.time ?? 0));
    if (news.some(({ action }) => action === 'Hot') && !open) this.wrong.push('timed out after it was proven');
    const restarts = world.restarts.filter(({ unproven }) => unproven !== undefined).length;
    if (restarts > world.nudges) this.wrong.push('two restarts for one proof');
  }

  /** Everything that waits for somebody is let go, and every rollout comes to its end. */
  end(): void {
    const { world } = this;
    world.dieAfterRestart = false;
    if (!world.running()) world.start();
    world.application('Loads').policy({ suspended: false }).pause(false);
    for (let round = 0; round < 3; round++) world.advance(MINUTE).finishRollout();
  }

  #edit({ flag, hot }: { readonly flag?: string; readonly hot?: string }): void {
    if (!this.world.running() && !this.#editable) return;
    const before = this.world.content() ?? {};
    const after = { flag: flag ?? before['flag'] ?? '', hot: hot ?? before['hot'] ?? '' };
    if (after.flag !== before['flag']) this.edits.flag += 1;
    if (after.hot !== before['hot']) this.edits.hot += 1;
    if (this.world.running()) this.#waited ||= this.world.observed().pending !== undefined;
    this.world.edit(after);
    this.#findLate(after.hot);
  }

  /** A restart that is due or under way takes the hot keys along, and a hold holds them. */
  #findLate(hot: string): void {
    const { world } = this;
    const free = world.running() && ['Adopted', 'UpToDate', 'Reloading'].includes(world.state() ?? '');
    if (free && !this.#waited && !world.podsRun('hot').files) this.late.push(hot);
  }

  #startingPods(run: () => unknown): void {
    if (!this.world.running()) this.#editable = false;
    run();
  }
}

/** The same content, once as keys of their own, and once as places in a document. */
const KEYS: WorldOptions = { policies: [aPolicy({ rules: [{ keys: ['flag'], class: 'Restart' }] })] };
const PLACES: WorldOptions = {
  policies: [aPolicy({ rules: [{ keys: ['*.yaml'], paths: ['/flag'], class: 'Restart' }] })],
  workload: { uses: [aUse()] },
  shape: ({ flag = '', hot = '' }) => ({ 'app.yaml': `# as written\nhot: ${hot}\nflag: ${flag}\n` }),
};

/** The same, with proof demanded; one that takes too long is reported, or restarted for. */
const proven = ({ policies = [], ...options }: WorldOptions, onTimeout: 'Report' | 'Restart'): WorldOptions => ({
  ...options,
  policies: policies.map((policy) => ({
    ...policy,
    hot: { proof: 'Loaded', timeoutMs: 10 * SECOND, onTimeout, notify: { port: 'http', path: '/' } },
  })),
});

const living =
  (options: WorldOptions) =>
  (steps: readonly Step[]): History => {
    const history = new History(options);
    for (const step of steps) history.take(step);
    history.end();
    return history;
  };

const RUNS = runs(500);

/** What is done about a proof that takes too long; undefined: none is demanded. */
const restartsFor = ({ policies = [] }: WorldOptions): 'Report' | 'Restart' | undefined =>
  policies.find(({ hot }) => hot.proof !== 'Nudged')?.hot.onTimeout;

const identity = (content: Content): Content => content;

for (const [what, options] of [
  ['keys', KEYS],
  ['places in a document', PLACES],
  ['keys, proven or reported', proven(KEYS, 'Report')],
  ['keys, proven or restarted for', proven(KEYS, 'Restart')],
  ['places, proven or restarted for', proven(PLACES, 'Restart')],
] as const) {
  const lived = living(options);

  describe(`whatever happens to ${what}`, () => {
    const anything = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: edit },
        { weight: 4, arbitrary: wait },
        { weight: 3, arbitrary: event },
        { weight: 2, arbitrary: process },
        ...(restartsFor(options) === undefined ? [] : [{ weight: 2, arbitrary: answer }]),
      ),
      {
        maxLength: 25,
      },
    );

    it('the pods run on what the source holds in the end, and that is what is recorded', () => {
      fc.assert(
        fc.property(anything, (steps) => {
          const { world } = lived(steps);
          assert.deepEqual(
            { flag: world.podsRun('flag').started, hot: world.podsRun('hot').files },
            { flag: true, hot: true },
          );
          const shown = digestsOf((options.shape ?? identity)(world.content() ?? {}));
          const recorded = world.ledger()?.applied.get('ConfigMap/app') ?? new Map<string, Digest>();
          assert.deepEqual(new Map([...recorded].filter(([name]) => !name.includes('#'))), shown);
          assert.equal(world.ledger()?.held, undefined);
          assert.ok(['Adopted', 'UpToDate'].includes(world.state() ?? ''), world.state());
        }),
        RUNS,
      );
    });

    it('files have what is hot at once, and not only with the next look of a kubelet', () => {
      fc.assert(
        fc.property(anything, (steps) => {
          assert.deepEqual(lived(steps).late, []);
        }),
        RUNS,
      );
    });

    it('no change starts more than one restart', () => {
      fc.assert(
        fc.property(anything, (steps) => {
          const { world, edits } = lived(steps);
          const changes = edits.flag + (restartsFor(options) === 'Restart' ? edits.hot : 0);
          assert.ok(world.restarts.length <= changes, `${world.restarts.length} restarts for ${changes} changes`);
        }),
        RUNS,
      );
    });

    it('what is to be proven is, or is told once to have taken too long', () => {
      fc.assert(
        fc.property(anything, (steps) => {
          const { world, wrong } = lived(steps);
          assert.deepEqual(wrong, []);
          assert.equal(world.ledger()?.delivery, undefined);
          assert.equal(world.proving(), undefined);
        }),
        RUNS,
      );
    });

    it('every restart has a number and a value of its own', () => {
      fc.assert(
        fc.property(anything, (steps) => {
          const numbers = lived(steps).world.restarts.map(({ n }) => n);
          assert.deepEqual(
            numbers,
            numbers.map((_, index) => index + 1),
          );
        }),
        RUNS,
      );
    });

    it('looking once more changes nothing', () => {
      fc.assert(
        fc.property(anything, (steps) => {
          const { world } = lived(steps);
          const before = [world.restarts.length, world.nudges, world.recordWrites, world.notices.length];
          world.crash().start().advance(HOUR);
          assert.deepEqual([world.restarts.length, world.nudges, world.recordWrites, world.notices.length], before);
        }),
        RUNS,
      );
    });
  });

  describe(`without a change of content of ${what}`, () => {
    const quiet = fc.array(fc.oneof(wait, event, process), { maxLength: 25 });

    it('nothing is restarted, nudged, written or told', () => {
      fc.assert(
        fc.property(quiet, (steps) => {
          const { world } = lived(steps);
          assert.deepEqual(
            [world.restarts.length, world.nudges, world.recordWrites, world.notices.length],
            [0, 0, 1, 0],
          );
        }),
        RUNS,
      );
    });
  });
}
