import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startSearch } from '../../../../config/samples/kloros/app/experiment.ts';
import type { Reloaded } from '../../../../config/samples/kloros/app/fleet.ts';
import type { Parameters } from '../../../../config/samples/kloros/app/parameters.ts';
import { runRound, type Surroundings } from '../../../../config/samples/kloros/app/round.ts';
import { figuresOf } from '../../../../config/samples/kloros/app/tally.ts';

const FIRST: Parameters = { threshold: 2.2, batchSize: 48, smoothing: 0.05, holdSamples: 10 };
const ENV = {
  KLR_EXPERIMENT_CANDIDATES: '2',
  KLR_EXPERIMENT_SAMPLES: '1000',
  KLR_PROMOTION_LIVE_TIMEOUT_MS: '5000',
  KLR_VALIDATION_SAMPLES: '1000',
  KLR_VALIDATION_TIMEOUT_MS: '5000',
};
const NEW = 'digest of what was promoted';

/** Processes in memory, and a time that passes only where somebody waits. */
interface Process {
  /** Milliseconds from the promotion until it runs on it; Infinity: never. */
  readonly liveAfterMs: number;
  /** When it comes to be. */
  readonly comesAtMs?: number;
  readonly error?: string;
  readonly samples?: number;
  readonly silent?: boolean;
}

const given = (
  observers: Readonly<Record<string, Process>>,
  { ownAfterMs = 0, promote }: { readonly ownAfterMs?: number; readonly promote?: Surroundings['promote'] } = {},
) => {
  let now = 1_000;
  let promotedAt = Infinity;
  const set = new Map<string, string>();
  const loaded = ({ liveAfterMs, error }: Process): Reloaded => ({
    files: [{ sha256: now >= promotedAt + liveAfterMs ? NEW : 'earlier', ...(error !== undefined && { error }) }],
  });
  const processOf = (name: string): Process => {
    const found = observers[name];
    if (found === undefined || found.silent === true) throw new Error('connection refused');
    return found;
  };
  const around: Surroundings = {
    promote:
      promote ??
      ((variables) => {
        promotedAt = now;
        for (const [name, value] of variables) set.set(name, value);
        return Promise.resolve(NEW);
      }),
    fleet: {
      list: () =>
        Promise.resolve(
          Object.entries(observers)
            .filter(([, { comesAtMs = 0 }]) => now >= promotedAt + comesAtMs)
            .map(([name]) => ({ name, url: `http://${name}` })),
        ),
      reloaded: async ({ name }) => loaded(await Promise.resolve(processOf(name))),
      performance: async ({ name }) => {
        const { samples = 1_000 } = await Promise.resolve(processOf(name));
        return {
          process: name,
          experiment: Number(set.get('KLR_EXPERIMENT_ID')),
          parameters: FIRST,
          since: '',
          figures: figuresOf({ samples, anomalies: 10, detected: 9, falseAlarms: 1, delays: 90 }),
        };
      },
    },
    own: () => loaded({ liveAfterMs: ownAfterMs }),
    env: ENV,
    now: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  };
  return { around, set, elapsed: () => now - promotedAt };
};

describe('a round', () => {
  it('is validated when every process runs on what was promoted and has been measured', async () => {
    const { around, set } = given({ a: { liveAfterMs: 300 }, b: { liveAfterMs: 700 } }, { ownAfterMs: 500 });
    const { round, search } = await runRound(startSearch(FIRST), 7, around);
    assert.equal(round.outcome, 'Validated', round.why);
    assert.equal(round.observers, 2);
    assert.equal(round.figures?.anomalies, 20);
    assert.ok(round.liveMs !== undefined && round.liveMs >= 700 && round.liveMs < 750, String(round.liveMs));
    assert.equal(set.get('KLR_EXPERIMENT_ID'), '7');
    assert.equal(set.get('KLR_DETECTOR_THRESHOLD'), round.parameters.threshold.toFixed(2));
    assert.deepEqual(search.best, round.parameters);
    assert.equal(search.score, round.figures.score);
  });

  it('waits for its own process, too', async () => {
    const { around } = given({ a: { liveAfterMs: 0 } }, { ownAfterMs: 900 });
    const { round } = await runRound(startSearch(FIRST), 1, around);
    assert.ok((round.liveMs ?? 0) >= 900, String(round.liveMs));
  });

  it('waits for one that has come meanwhile', async () => {
    const { around } = given({ a: { liveAfterMs: 300 }, b: { comesAtMs: 250, liveAfterMs: 2_000 } });
    const { round } = await runRound(startSearch(FIRST), 1, around);
    assert.ok((round.liveMs ?? 0) >= 2_000, String(round.liveMs));
    assert.equal(round.observers, 2);
  });

  for (const { what, observers, own, outcome, why } of [
    {
      what: 'is not live where a process refuses the file',
      observers: { a: { liveAfterMs: 0 }, b: { liveAfterMs: Infinity, error: 'line 3 is no assignment' } },
      outcome: 'NotLive',
      why: 'b: line 3 is no assignment',
    },
    {
      what: 'is not live where a process keeps to other content',
      observers: { a: { liveAfterMs: Infinity } },
      outcome: 'NotLive',
      why: 'a: runs on other content',
    },
    {
      what: 'is not live where a process does not answer',
      observers: { a: { liveAfterMs: 0 }, b: { liveAfterMs: 0, silent: true } },
      outcome: 'NotLive',
      why: 'b: connection refused',
    },
    {
      what: 'is not live where its own process is not',
      observers: { a: { liveAfterMs: 0 } },
      own: Infinity,
      outcome: 'NotLive',
      why: 'this process: runs on other content',
    },
    { what: 'is not live where nobody is there', observers: {}, outcome: 'NotLive', why: 'no observer is there' },
    {
      what: 'is not measured where a process sees too little',
      observers: { a: { liveAfterMs: 0, samples: 999 }, b: { liveAfterMs: 0 } },
      outcome: 'NotMeasured',
      why: '1 of 2 observers have looked at 1000 samples of experiment 1',
    },
  ] as const satisfies readonly {
    readonly what: string;
    readonly observers: Readonly<Record<string, Process>>;
    readonly own?: number;
    readonly outcome: string;
    readonly why: string;
  }[]) {
    it(`${what}, and nothing is learned`, async () => {
      const search = startSearch(FIRST);
      const { around, elapsed } = given(observers, { ownAfterMs: own ?? 0 });
      const ended = await runRound(search, 1, around);
      assert.equal(ended.round.outcome, outcome);
      assert.equal(ended.round.why, why);
      assert.deepEqual(ended.search, search);
      assert.ok(elapsed() >= 5_000 && elapsed() < 11_000, `${elapsed()} ms`);
    });
  }

  it('has failed where the API server refuses, and says what it said', async () => {
    const promote = (): Promise<string> => Promise.reject(new Error('PATCH …: configmaps "kloros" is forbidden'));
    const search = startSearch(FIRST);
    const ended = await runRound(search, 1, given({ a: { liveAfterMs: 0 } }, { promote }).around);
    assert.equal(ended.round.outcome, 'Failed');
    assert.equal(ended.round.why, 'PATCH …: configmaps "kloros" is forbidden');
    assert.deepEqual(ended.search, search);
  });
});
