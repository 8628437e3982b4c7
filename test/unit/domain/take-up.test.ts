/** What people ask for takes effect once each, for exactly the content that they mean, and is said. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RECORD_LIMITS } from '../../../src/api/v1alpha1/limits.ts';
import { compare } from '../../../src/domain/difference.ts';
import { bareDigest } from '../../../src/domain/digest.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Failed, Ledger, Observed, Policy } from '../../../src/domain/observed.ts';
import { restartIssued } from '../../../src/domain/outcomes.ts';
import { ledgerOf, recordStatusOf } from '../../../src/domain/record.ts';
import type { Request } from '../../../src/domain/requests.ts';
import { approvalGiven } from '../../../src/domain/gates/approval.ts';
import { takeUp } from '../../../src/domain/take-up.ts';
import {
  aGate,
  aLedger,
  aPod,
  aPolicy,
  aRestart,
  aWorkload,
  changed,
  deployment,
  digestsOf,
  edited,
  found,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  T0,
  type Content,
} from '../../support/builders.ts';
import { World } from '../../support/world.ts';

type Act = Extract<Plan, { readonly type: 'Act' }>;

const A = { flag: 'a', hot: 'a' };
const B = { flag: 'b', hot: 'a' };
const C = { flag: 'c', hot: 'a' };
/** Long past any debounce. */
const NOW = T0 + MINUTE;

const manual = aPolicy({ gates: aGate({ approval: 'Manual' }) });

const contentOf = (content: Content): string =>
  bareDigest(compare(observing(found(content)), aLedger(content)).restartDigest);

const aRequest = (more: Partial<Request> = {}): Request => ({
  name: 'request',
  uid: `uid-${more.name ?? 'request'}`,
  createdAt: T0 + 30 * SECOND,
  type: 'Approve',
  ...more,
});

const approving = (content: Content, name = 'request'): Request => aRequest({ name, digest: contentOf(content) });

/** `flag` has changed to b, and a policy wants approval. */
const due = (more: Parameters<typeof observing>[1] = {}, content: Content = B): Observed =>
  observing(edited(content, T0), { ledger: aLedger(A), policies: [manual], ...more });

const act = (observed: Observed, now = NOW): Act => {
  const plan = decide(observed, now);
  assert.equal(plan.type, 'Act');
  return plan;
};

/** The next look, as the API gives the record back. */
const next = (observed: Observed, plan: Act, more: Partial<Observed> = {}): Observed => ({
  ...observed,
  ledger: ledgerOf(recordStatusOf(plan.ledger)),
  ...more,
});

const answerOf = ({ ledger: { answers = [] } }: Pick<Act, 'ledger'>): string =>
  answers.map(({ phase, reason = '' }) => `${phase} ${reason}`.trim()).join(', ');

const failedWith = (content: Content, more: Partial<Ledger> = {}): Ledger =>
  aLedger(A, {
    restart: aRestart({
      digest: contentOf(content),
      phase: 'Failed',
      reason: 'CrashLoopBackOff',
      changes: changed({ flag: content['flag'] }),
    }),
    ...more,
  });

/** A restart for content whose new pods don't become available. */
const stuck = (content: Content): ReturnType<typeof aWorkload> =>
  aWorkload({
    annotation: { n: 1, digest: contentOf(content), ours: true },
    annotationValue: `v1.1.${contentOf(content)}`,
    rollout: deployment({ status: { replicas: 3, updated: 1, available: 2 } }),
  });

const givenUp = (content: Content, more: Partial<Failed> = {}): Failed => ({
  n: 1,
  digest: contentOf(content),
  at: T0,
  reason: 'CrashLoopBackOff',
  changes: changed({ flag: content['flag'] }),
  ...more,
});

describe('a policy that wants approval', () => {
  it('holds a restart, and says how to approve which content', () => {
    const { restart, ledger, verdict } = act(due());
    assert.equal(restart, undefined);
    assert.deepEqual([ledger.held?.reason, ledger.held?.digest], ['ApprovalPending', contentOf(B)]);
    const said = `policy policy wants approval: kubectl reload approve deploy/web (content ${contentOf(B)})`;
    assert.equal(ledger.held?.message, said);
    assert.deepEqual([verdict.state, verdict.reason], ['Held', 'ApprovalPending']);
  });

  it('lets the hot part through meanwhile', () => {
    const plan = act(due({}, { flag: 'b', hot: 'b' }));
    assert.deepEqual(plan.nudge?.changes, changed({ hot: 'b' }));
    assert.equal(plan.restart, undefined);
  });

  it('does not hold what another source changes, and only observing is no reason to hold', () => {
    assert.equal(act(due({ policies: [aPolicy(), { ...manual, name: 'other', sources: [] }] })).restart?.n, 1);
    assert.equal(act(due({ policies: [aPolicy(), { ...manual, name: 'other', observes: true }] })).restart?.n, 1);
    const said = act(due({ policies: [{ ...manual, observes: true }] }));
    assert.deepEqual([said.ledger.held, said.ledger.history[0]?.outcome], [undefined, 'Observed']);
  });

  it('holds a restart that is forced after a crash, too', () => {
    const workload = aWorkload({ annotation: { n: 1, digest: 'other', ours: true } });
    const { restart, ledger } = act(observing(found(A), { ledger: aLedger(A), policies: [manual], workload }));
    assert.deepEqual([restart, ledger.held?.reason, ledger.held?.digest], [undefined, 'ApprovalPending', contentOf(A)]);
  });

  it('holds a restart for what was not proven in time, and the record says for which content', () => {
    const hot = { proof: 'Loaded', timeoutMs: 30 * SECOND, onTimeout: 'Restart', notify: { port: 'http', path: '/' } };
    const policies = [{ ...manual, hot: hot as Policy['hot'] }];
    const world = new World({ policies }).application('Refuses').edit({ flag: 'a', hot: 'b' }).advance(MINUTE);
    const digest = contentOf(A);
    assert.deepEqual(world.ledger()?.delivery?.awaits, { reason: 'ApprovalPending', digest });
    assert.deepEqual([world.state(), world.reason(), world.restarts.length], ['Held', 'ApprovalPending', 0]);
    const plan = act({ ...world.observed(), requests: [aRequest({ digest })] }, world.now);
    assert.equal(plan.restart?.digest, digest);
    world.application('Loads');
    assert.equal(world.ledger()?.delivery, undefined);
    const late = act({ ...world.observed(), requests: [aRequest({ digest })] }, world.now);
    assert.deepEqual([late.restart, answerOf(late)], [undefined, 'Refused NothingWaits']);
  });

  it('does not let a restart through for what is no longer unproven', () => {
    const hot = { proof: 'Loaded', timeoutMs: 30 * SECOND, onTimeout: 'Restart', notify: { port: 'http', path: '/' } };
    const world = new World({ policies: [{ ...manual, hot: hot as Policy['hot'] }] })
      .application('Refuses')
      .edit({ flag: 'a', hot: 'b' })
      .advance(MINUTE);
    world.edit({ flag: 'a', hot: 'c' });
    assert.equal(world.ledger()?.delivery?.awaits, undefined, 'its time runs anew');
    world.advance(MINUTE);
    assert.ok(world.ledger()?.delivery?.awaits !== undefined);
    world.policy({ suspended: true });
    assert.equal(world.ledger()?.delivery?.awaits, undefined, 'nobody is to approve it now');
  });

  it('is content with an approval, and the restart uses it up', () => {
    const observed = due({ requests: [approving(B)] });
    const plan = act(observed);
    assert.equal(plan.recordFirst, true);
    assert.equal(answerOf(plan), 'Done');
    assert.deepEqual(plan.ledger.approved, { digest: contentOf(B), at: NOW });
    assert.ok(plan.restart !== undefined);
    const issued = restartIssued(plan.ledger, plan.restart, observed.workload, NOW);
    assert.equal(issued.approved, undefined);
    const again = act({ ...observed, ledger: aLedger(B, { ...issued, restart: aRestart({ phase: 'Succeeded' }) }) });
    assert.equal(again.restart, undefined);
  });

  it('wants a new one for newer content, in either order', () => {
    const approved = act(due({ requests: [approving(B)] }));
    const moved = act(next(due({}, C), approved));
    assert.deepEqual([moved.restart, moved.ledger.held?.digest], [undefined, contentOf(C)]);
    assert.equal(moved.ledger.approved, undefined, 'the earlier word is forgotten');
    const late = act(due({ requests: [approving(B)] }, C));
    assert.deepEqual([late.restart, answerOf(late)], [undefined, 'Refused Superseded']);
    assert.match(late.ledger.answers?.[0]?.message ?? '', new RegExp(`waits now is ${contentOf(C)}`));
  });

  it('keeps an approval while another gate holds', () => {
    const pods = [aPod(T0 - HOUR), aPod(T0 - HOUR, 'web-2')];
    const stopped = aWorkload({ rollout: deployment({ paused: true }) });
    const observed = due({ requests: [approving(B)], workload: stopped });
    const plan = act(observed);
    assert.deepEqual([plan.restart, plan.ledger.held?.reason], [undefined, 'Paused']);
    const waiting = next(observed, plan, { requests: [] });
    assert.deepEqual(act(waiting, NOW + MINUTE).ledger.approved, plan.ledger.approved);
    const released = act({ ...waiting, workload: aWorkload(), pods }, NOW + MINUTE);
    assert.equal(released.ledger.held, undefined);
    assert.deepEqual(released.ledger.approved, plan.ledger.approved, 'also through the debounce after a hold');
    assert.ok(released.pending !== undefined);
    const later = act(
      next({ ...waiting, workload: aWorkload(), pods }, released, { pending: released.pending }),
      NOW + 2 * MINUTE,
    );
    assert.equal(later.restart?.digest, contentOf(B));
  });

  it('forgets an approval when nothing is left to approve', () => {
    const approved = act(
      due({ requests: [approving(B)], workload: aWorkload({ rollout: deployment({ paused: true }) }) }),
    );
    const back = act(next(due({ policies: [manual], pods: [] }, A), approved));
    assert.equal(back.ledger.approved, undefined);
  });

  it('forgets an approval of what runs', () => {
    const consents = { approved: { digest: contentOf(A), at: T0 }, opened: { digest: contentOf(A), at: T0 } };
    const { ledger } = act(observing(found(A), { ledger: aLedger(A, consents), policies: [manual] }));
    assert.deepEqual([ledger.approved, ledger.opened], [undefined, undefined]);
  });

  it('is asked by its digest alone, whatever else has been approved', () => {
    const observed = due();
    const ledger = aLedger(A, { approved: { digest: contentOf(C), at: T0 } });
    const question = { observed, changed: new Set(['ConfigMap/app']), ledger, digest: contentOf(B), now: NOW };
    assert.equal(approvalGiven(question)?.reason, 'ApprovalPending');
    assert.equal(approvalGiven({ ...question, digest: contentOf(C) }), undefined);
    assert.equal(approvalGiven({ ...question, changed: new Set(['ConfigMap/other']) }), undefined);
  });

  it('keeps an approval while a source can not be read', () => {
    const approved = act(
      due({ requests: [approving(B)], workload: aWorkload({ rollout: deployment({ paused: true }) }) }),
    );
    const unread = act(
      next(due(), approved, { sources: new Map([['ConfigMap/app', { state: 'Unknown', message: 'no' }]]) }),
    );
    assert.deepEqual(unread.ledger.approved, approved.ledger.approved);
  });
});

describe('a request', () => {
  const unread = new Map([['ConfigMap/app', { state: 'Unknown', message: 'forbidden' }]] as const);
  const cases: readonly (readonly [
    what: string,
    request: Request,
    observed: Observed,
    answer: string,
    message: RegExp,
  ])[] = [
    ['approves what is due', approving(B), due(), 'Done', /is approved/],
    ['approves nothing where nothing waits', approving(A), due({}, A), 'Refused NothingWaits', /no restart waits/],
    ['approves no earlier content', approving(B), due({}, C), 'Refused Superseded', /what waits now is/],
    [
      'opens every gate for what is due',
      aRequest({ type: 'RunNow', digest: contentOf(B) }),
      due(),
      'Done',
      /every gate/,
    ],
    [
      'opens no suspended policy',
      aRequest({ type: 'RunNow', digest: contentOf(B) }),
      due({ policies: [{ ...manual, suspended: true }] }),
      'Refused Suspended',
      /policy policy is suspended/,
    ],
    [
      'opens nothing that is blocked',
      aRequest({ type: 'RunNow', digest: contentOf(B) }),
      due({ workload: aWorkload({ rollout: deployment({ paused: true }) }) }),
      'Refused Paused',
      /resume it/,
    ],
    ['opens nothing for other content', aRequest({ type: 'RunNow', digest: 'x' }), due(), 'Refused Superseded', /./],
    [
      'tries again what failed',
      aRequest({ type: 'Retry', digest: contentOf(B) }),
      due({ ledger: failedWith(B), workload: stuck(B) }),
      'Done',
      /is tried again/,
    ],
    [
      'tries again what was undone',
      aRequest({ type: 'Retry', digest: contentOf(B) }),
      due({ ledger: aLedger(A, { failed: givenUp(B) }) }),
      'Done',
      /is tried again/,
    ],
    [
      'tries nothing again where nothing failed',
      aRequest({ type: 'Retry', digest: contentOf(B) }),
      due(),
      'Refused NothingFailed',
      /./,
    ],
    [
      'tries nothing else than what failed',
      aRequest({ type: 'Retry', digest: 'x' }),
      due({ ledger: failedWith(B), workload: stuck(B) }),
      'Refused Superseded',
      new RegExp(contentOf(B)),
    ],
    [
      'tries nothing again that has not failed',
      aRequest({ type: 'Retry', digest: contentOf(C) }),
      due({ ledger: failedWith(B), workload: stuck(B) }, C),
      'Refused Superseded',
      new RegExp(`can be tried again is ${contentOf(B)}`),
    ],
    [
      'tries nothing again that is gone',
      aRequest({ type: 'Retry', digest: contentOf(B) }),
      due({ ledger: failedWith(B), workload: stuck(B) }, C),
      'Refused Superseded',
      new RegExp(`it is ${contentOf(C)} now`),
    ],
    [
      'resets a budget',
      aRequest({ type: 'ResetBudget' }),
      due(),
      'Done',
      /2026-01-01T12:00:30.999Z count for no budget/,
    ],
  ];
  for (const [what, request, observed, answer, message] of cases) {
    it(what, () => {
      const plan = act({ ...observed, requests: [request] });
      assert.equal(answerOf(plan), answer);
      assert.match(plan.ledger.answers?.[0]?.message ?? '', message);
      assert.deepEqual([plan.ledger.answers?.[0]?.uid, plan.ledger.answers?.[0]?.at], [request.uid, NOW]);
      assert.equal(plan.recordFirst, true);
    });
  }

  for (const [what, request, observed] of [
    ['for an approval while content can not be read', approving(B), { ...due(), sources: unread }],
    [
      'for another try while the first is being undone',
      aRequest({ type: 'Retry', digest: contentOf(B) }),
      due({
        workload: stuck(B),
        ledger: failedWith(B, { failed: givenUp(B, { undo: { mode: 'Undo', phase: 'Intended', at: T0 } }) }),
      }),
    ],
  ] as const) {
    it(`waits for its answer: ${what}`, () => {
      const plan = act({ ...observed, requests: [request] });
      assert.equal(plan.ledger.answers, undefined);
      // An undo is recorded first for its own sake.
      assert.equal(plan.recordFirst, plan.undo === undefined ? undefined : true);
    });
  }

  it('for another try comes after the undo that its policy wants', () => {
    const observed = due({
      policies: [aPolicy({ gates: aGate({ onFailure: 'Undo' }) })],
      pods: [aPod(T0 - HOUR), aPod(T0 - HOUR, 'web-2')],
      reports: [],
      ledger: failedWith(B),
      workload: stuck(B),
      requests: [aRequest({ type: 'Retry', digest: contentOf(B) })],
    });
    const plan = act(observed);
    assert.deepEqual([plan.undo?.n, plan.restart, answerOf(plan)], [1, undefined, '']);
    const { annotation: _, annotationValue: __, ...before } = stuck(B);
    const again = act(next(observed, plan, { workload: before }));
    assert.deepEqual([again.undo, again.restart, answerOf(again)], [undefined, undefined, '']);
    const later = act(next({ ...observed, workload: { ...before, rollout: deployment() } }, again));
    assert.equal(answerOf(later), 'Done');
    const { pending, ledger } = later;
    assert.ok(pending !== undefined);
    const released = { ...observed, workload: { ...before, rollout: deployment() }, pending, ledger };
    const tried = act(released, NOW + SECOND);
    assert.equal(tried.restart?.digest, contentOf(B));
    assert.deepEqual(
      tried.ledger.history.map(({ outcome, reason }) => [outcome, reason]),
      later.ledger.history.map(({ outcome, reason }) => [outcome, reason]),
      'nobody has taken back what we have undone',
    );
  });

  it('to restart now does not start pods on what has failed before', () => {
    const observed = due({ policies: [aPolicy()], ledger: aLedger(A, { failed: givenUp(B) }) });
    const plan = act({ ...observed, requests: [aRequest({ type: 'RunNow', digest: contentOf(B) })] });
    assert.equal(plan.restart, undefined);
    assert.match(answerOf(plan), /^Refused (RolledBack|Undone)$/);
  });

  it('for another try makes exactly one more restart due', () => {
    for (const ledger of [failedWith(B), failedWith(B, { failed: givenUp(B) })]) {
      const observed = due({ ledger, policies: [aPolicy()], workload: stuck(B) });
      assert.equal(act(observed).restart, undefined, 'not by itself');
      const plan = act({ ...observed, requests: [aRequest({ type: 'Retry', digest: contentOf(B) })] });
      assert.deepEqual([plan.restart?.n, plan.ledger.failed], [2, undefined]);
      assert.ok(plan.restart !== undefined);
      const issued = restartIssued(plan.ledger, plan.restart, observed.workload, NOW);
      const failedAgain: Ledger = {
        ...issued,
        restart: { ...aRestart(), ...issued.restart, phase: 'Failed', reason: 'x' },
      };
      assert.equal(act({ ...observed, ledger: failedAgain }, NOW + MINUTE).restart, undefined, 'not once more');
    }
  });

  it('to restart now restarts, whoever has not approved', () => {
    const observed = due({ requests: [aRequest({ type: 'RunNow', digest: contentOf(B) })] });
    const plan = act(observed);
    assert.ok(plan.restart !== undefined);
    assert.equal(plan.restart.digest, contentOf(B));
    assert.equal(restartIssued(plan.ledger, plan.restart, observed.workload, NOW).opened, undefined);
  });

  it('to reset a budget never moves its bound back', () => {
    const observed = due({ ledger: aLedger(A, { budgetFrom: NOW }), requests: [aRequest({ type: 'ResetBudget' })] });
    assert.equal(act(observed).ledger.budgetFrom, NOW);
  });
});

describe('an answer', () => {
  const TYPES = ['Approve', 'RunNow', 'Retry', 'ResetBudget'] as const;
  const requests = fc.array(
    fc.record({
      type: fc.constantFrom(...TYPES),
      digest: fc.constantFrom(contentOf(A), contentOf(B), contentOf(C)),
      createdAt: fc.integer({ min: 0, max: 60 }).map((seconds) => T0 + seconds * SECOND),
    }),
    { maxLength: 25, size: 'max' },
  );

  /** What a look finds next: requests of which the status was written, a crash before that, or a crash before the record was. */
  type Crash = 'Told' | 'Recorded' | 'Nothing';
  const outcomes = fc.infiniteStream(fc.constantFrom<Crash>('Told', 'Recorded', 'Nothing'));

  it('is given once to each request, and no effect comes twice, whatever ends in between', () => {
    fc.assert(
      fc.property(requests, outcomes, fc.constantFrom(A, B, C), (wishes, crashes, content) => {
        const all = wishes.map(({ type, digest, createdAt }, index) =>
          aRequest({ name: `r${index}`, type, createdAt, ...(type !== 'ResetBudget' && { digest }) }),
        );
        const told = new Map<string, string>();
        const takings = new Map<string, number>();
        let ledger: Ledger = failedWith(B);
        for (let look = 0; look < 200 && all.some(({ uid }) => !told.has(uid)); look += 1) {
          // Some come later than others.
          const open = all.filter(({ uid }, index) => !told.has(uid) && index < 12 + look);
          const observed = due({ ledger, requests: open, policies: [manual] }, content);
          const before = ledger.answers ?? [];
          const taken = takeUp({ observed, ledger, forced: false, unproven: false, now: NOW + look });
          assert.equal(
            taken.recordFirst,
            (taken.ledger.answers ?? []).some(({ uid }) => open.some((r) => r.uid === uid)),
          );
          const crash = crashes.next().value as Crash;
          if (crash === 'Nothing') continue;
          ledger = ledgerOf(recordStatusOf(taken.ledger));
          const answers = ledger.answers ?? [];
          assert.ok(answers.length <= RECORD_LIMITS.answers);
          assert.deepEqual(answers, taken.ledger.answers ?? [], 'the record keeps all of them');
          for (const { uid } of answers)
            if (!before.some((each) => each.uid === uid)) takings.set(uid, (takings.get(uid) ?? 0) + 1);
          for (const { uid } of before)
            assert.ok(told.has(uid) || answers.some((each) => each.uid === uid), 'nothing untold is forgotten');
          if (crash === 'Told')
            for (const { uid, phase, message } of answers)
              if (open.some((each) => each.uid === uid)) told.set(uid, `${phase} ${message ?? ''}`);
        }
        assert.equal(told.size, all.length, 'everybody is answered');
        for (const { uid } of all) assert.equal(takings.get(uid), 1, 'and once');
      }),
    );
  });
});

describe('requests that can not be answered yet', () => {
  it('cost no more the more there are of them', () => {
    let reads = 0;
    const watched = (request: Request): Request => ({
      ...request,
      get uid() {
        reads += 1;
        return request.uid;
      },
    });
    const requests = Array.from({ length: 2_000 }, (_, index) =>
      watched(aRequest({ name: `r${index}`, type: 'Approve', digest: contentOf(B) })),
    );
    const observed = due({ requests, sources: { other: { state: 'Unknown' } } }, B);
    const unread = { ...observed, sources: new Map([['ConfigMap/app', { state: 'Unknown' } as const]]) };
    const taken = takeUp({ observed: unread, ledger: aLedger(A), forced: false, unproven: false, now: NOW });
    assert.equal(taken.ledger.answers, undefined);
    assert.ok(reads <= 20 * requests.length, `${reads} looks at ${requests.length} requests`);
  });
});

describe('a request to go back to a snapshot', () => {
  const id = 'ConfigMap/app';
  const asked = (observes: boolean): Act =>
    act(
      observing(found(B), {
        ledger: aLedger(B),
        policies: [aPolicy({ observes })],
        live: new Map([
          [
            id,
            {
              state: 'Present',
              name: 'app-live',
              uid: 'uid-live',
              resourceVersion: '1',
              keys: digestsOf(B),
              snapshot: 2,
              ours: true,
            },
          ],
        ]),
        snapshots: new Map([[id, { object: 'app-live', numbers: [2, 1], keys: new Map([[1, digestsOf(A)]]) }]]),
        requests: [aRequest({ type: 'Rollback', snapshot: 1 })],
      }),
    );

  it('begins at once, and leaves what the source holds alone', () => {
    const plan = asked(false);
    assert.equal(answerOf(plan), 'Done');
    assert.deepEqual([plan.ledger.intent?.n, plan.ledger.failed?.reason], [1, 'RollbackRequested']);
  });

  it('is refused where every policy only observes: it would begin when one enforces', () => {
    const plan = asked(true);
    assert.equal(answerOf(plan), 'Refused Observing');
    assert.deepEqual([plan.ledger.intent, plan.ledger.failed], [undefined, undefined]);
  });
});
