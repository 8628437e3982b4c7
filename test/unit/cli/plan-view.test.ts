import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exitCodeOf, renderPlan } from '../../../src/cli/plan-view.ts';
import type { WorkloadPlan } from '../../../src/domain/plan.ts';

type Key = WorkloadPlan['keys'][number];

const aPlan = (more: Partial<WorkloadPlan> = {}): WorkloadPlan => ({
  namespace: 'shop',
  kind: 'Deployment',
  name: 'web',
  effect: 'Nothing',
  keys: [],
  reasons: [],
  policies: ['app'],
  ...more,
});

const key = (effect: Key['effect'], more: Partial<Key> = {}): Key => ({
  key: 'ConfigMap/app:flag',
  effect,
  why: 'by rule 1 of policy app',
  ...more,
});

describe('the exit code of a plan', () => {
  const cases: readonly (readonly [what: string, plans: readonly WorkloadPlan[], code: number])[] = [
    ['no workload', [], 0],
    ['nothing', [aPlan()], 0],
    ['hot', [aPlan(), aPlan({ effect: 'Hot' })], 10],
    ['a restart', [aPlan({ effect: 'Restart' }), aPlan({ effect: 'Hot' })], 20],
    ['invalid content', [aPlan({ effect: 'Invalid' }), aPlan({ effect: 'Restart' })], 30],
    ['a blocked restart', [aPlan({ effect: 'Blocked', keys: [key('Restart'), key('Hot')] })], 20],
    ['a blocked hot change', [aPlan({ effect: 'Blocked', keys: [key('Hot'), key('Ignore')] })], 10],
    ['blocked for another reason', [aPlan({ effect: 'Blocked' })], 20],
  ];
  for (const [what, plans, code] of cases) {
    it(`is ${code} for ${what}`, () => assert.equal(exitCodeOf(plans), code));
  }
});

const PLANS: readonly WorkloadPlan[] = [
  aPlan({ name: 'quiet' }),
  aPlan({
    name: 'docs',
    keys: [key('Ignore', { key: 'ConfigMap/app:README.md' }), key('Unused', { key: 'ConfigMap/app:x' })],
  }),
  aPlan({
    effect: 'Restart',
    keys: [
      key('Restart', { why: 'command line of container main' }),
      key('Hot', { key: 'ConfigMap/app:config.yaml#/logging/level' }),
    ],
    policies: ['app', 'more'],
  }),
  aPlan({ kind: 'StatefulSet', name: 'db', effect: 'Invalid', reasons: ['ConfigMap/app: config.yaml is no YAML'] }),
];

describe('a plan', () => {
  it('is printed for people, the worst first, without what is left alone', () => {
    assert.equal(
      renderPlan(PLANS, 'text'),
      `Invalid  shop StatefulSet/db                         by policy app
           ConfigMap/app: config.yaml is no YAML
Restart  shop Deployment/web                         by policies app, more
           ConfigMap/app:flag                        restart                command line of container main
           ConfigMap/app:config.yaml#/logging/level  hot                    by rule 1 of policy app
Nothing  shop Deployment/docs                        by policy app
           ConfigMap/app:README.md                   ignored                by rule 1 of policy app

1 workload with invalid content, 1 workload to restart, 2 workloads left alone.
`,
    );
  });

  it('is printed for a pull request', () => {
    assert.equal(
      renderPlan(PLANS.slice(2), 'markdown'),
      `**1 workload with invalid content, 1 workload to restart**

| effect | workload | namespace | why |
|---|---|---|---|
| **Invalid** | \`StatefulSet/db\` | \`shop\` | ConfigMap/app: config.yaml is no YAML |
| **Restart** | \`Deployment/web\` | \`shop\` | \`ConfigMap/app:flag\` restart (command line of container main)<br>\`ConfigMap/app:config.yaml#/logging/level\` hot (by rule 1 of policy app) |
`,
    );
  });

  it('becomes no markup, whatever stands in it', () => {
    const hostile = aPlan({
      effect: 'Hot',
      keys: [key('Hot', { key: 'ConfigMap/app:a.yaml#/x`|<b>', why: 'a_b' })],
      reasons: ['a | <img src=x> [y](z)\nnew'],
    });
    const row = renderPlan([hostile], 'markdown').trimEnd().split('\n').at(-1) ?? '';
    assert.equal(
      row,
      '| **Hot** | `Deployment/web` | `shop` | `` ConfigMap/app:a.yaml#/x`\\|<b> `` hot (a\\_b)<br>a \\| \\<img src=x\\> \\[y\\](z) new |',
    );
  });

  it('is printed for programs, whole', () => {
    const printed = JSON.parse(renderPlan(PLANS, 'json')) as Readonly<Record<string, unknown>>;
    assert.deepEqual(printed['summary'], { invalid: 1, blocked: 0, restart: 1, hot: 0, nothing: 2 });
    assert.equal(printed['exitCode'], 30);
    assert.deepEqual(printed['workloads'], [PLANS[3], PLANS[2], PLANS[1], PLANS[0]]);
    assert.match(renderPlan([], 'yaml'), /^exitCode: 0\nsummary:\n {2}invalid: 0\n[^]*workloads: \[\]\n$/);
  });

  it('says so when it reaches nobody', () => {
    const sentence = 'No policy binds a workload that this change could reach.\n';
    assert.equal(renderPlan([], 'text'), sentence);
  });

  it('is coloured only where asked', () => {
    assert.match(renderPlan(PLANS, 'text', { colour: true }), /\u001B\[31mInvalid\u001B\[0m {2}shop/);
  });
});
