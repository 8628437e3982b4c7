import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { classify, type Classifier, type EffectiveClass } from '../../../src/domain/classify.ts';
import { declaredClass, strictest, WHOLE, type Class } from '../../../src/domain/rules.ts';
import type { Use } from '../../../src/domain/references.ts';
import { aPolicy, aUse, rule } from '../../support/builders.ts';

const APP = { kind: 'ConfigMap', name: 'app' };
const OTHER = { kind: 'ConfigMap', name: 'other' };

describe('the class that a policy declares', () => {
  const policy = aPolicy({
    rules: [
      rule('*.rego', 'Hot'),
      rule('secret.rego', 'Restart'),
      rule('shared', 'Ignore', { from: [OTHER] }),
      rule('a b', 'Ignore'),
    ],
    defaultClass: 'Restart',
  });
  for (const [what, source, key, expected] of [
    ['the first rule that matches, not the nearest', APP, 'secret.rego', 'Hot'],
    ['any glob of a rule', APP, 'b', 'Ignore'],
    ['a rule for another source does not count', APP, 'shared', 'Restart'],
    ['a rule for this source does', OTHER, 'shared', 'Ignore'],
    ['the default where none matches', APP, 'flag', 'Restart'],
  ] as const) {
    it(what, () => {
      assert.equal(declaredClass(policy, source, key), expected);
    });
  }

  it('is the same at the second question, and each policy has its own', () => {
    const other = aPolicy({ rules: [], defaultClass: 'Ignore' });
    for (let times = 0; times < 2; times++) {
      assert.equal(classify([policy], [aUse()], APP, 'flag').declared, 'Restart');
      assert.equal(classify([other], [aUse()], APP, 'flag').declared, 'Ignore');
      assert.equal(classify([policy], [aUse()], APP, 'shared').declared, 'Restart');
      assert.equal(
        classify([policy], [aUse({ source: { kind: 'ConfigMap', name: 'other' } })], OTHER, 'shared').declared,
        'Ignore',
      );
    }
  });
});

describe('a source whose values are not read', () => {
  for (const [what, rules, expected] of [
    ['the default, whatever rules say of single keys', [rule('? a* flag', 'Hot')], 'Restart'],
    ['a rule that takes every key', [rule('a', 'Ignore'), rule('x *', 'Hot')], 'Hot'],
    ['no rule that looks into keys', [rule('*', 'Hot', { paths: ['/a'] })], 'Restart'],
    [
      'a rule for this source only',
      [rule('*', 'Hot', { from: [OTHER] }), rule('*', 'Ignore', { from: [APP] })],
      'Ignore',
    ],
  ] as const) {
    it(`has the class of ${what}`, () => {
      assert.equal(declaredClass(aPolicy({ rules, defaultClass: 'Restart' }), APP, WHOLE), expected);
    });
  }

  it('is used by whoever uses any key of it, and is as hot as the least hot of them', () => {
    const hot = aPolicy({ rules: [], defaultClass: 'Hot' });
    assert.equal(classify([hot], [aUse({ key: 'a' })], APP, WHOLE).class, 'Hot');
    assert.equal(classify([hot], [aUse({ key: 'a' }), aUse({ key: 'b', way: 'Env' })], APP, WHOLE).class, 'Restart');
    assert.equal(classify([hot], [aUse({ source: { kind: 'ConfigMap', name: 'other' } })], APP, WHOLE).class, 'Unused');
  });
});

describe('the strictest of several classes', () => {
  it('is Restart before Hot before Ignore, in whatever order they come', () => {
    const classes = fc.array(fc.constantFrom<Class>('Hot', 'Restart', 'Ignore'), { minLength: 1 });
    fc.assert(
      fc.property(classes, (all) => {
        const expected = (['Restart', 'Hot', 'Ignore'] as const).find((each) => all.includes(each));
        assert.equal(strictest(all), expected);
      }),
    );
  });

  it('decides where two policies name one key', () => {
    const policies = [aPolicy({ rules: [], defaultClass: 'Ignore' }), aPolicy({ rules: [], defaultClass: 'Hot' })];
    assert.equal(classify(policies, [aUse()], APP, 'key').class, 'Hot');
    assert.equal(
      classify([...policies, aPolicy({ rules: [], defaultClass: 'Restart' })], [aUse()], APP, 'key').class,
      'Restart',
    );
  });
});

describe('the effective class', () => {
  const declared = (as: Class, onImpossible: Classifier['onImpossible'] = 'Restart'): Classifier => ({
    rules: [],
    defaultClass: as,
    onImpossible,
  });
  const init = aUse({ init: true, container: 'setup' });

  interface Case {
    readonly what: string;
    readonly as: Class;
    readonly uses: readonly Use[];
    readonly expected: EffectiveClass;
    readonly impossible?: string;
    readonly report?: EffectiveClass;
  }
  const cases: readonly Case[] = [
    { what: 'a file', as: 'Hot', uses: [aUse()], expected: 'Hot' },
    { what: 'a file, declared Restart', as: 'Restart', uses: [aUse()], expected: 'Restart' },
    { what: 'env, declared Ignore', as: 'Ignore', uses: [aUse({ way: 'Env', key: 'key' })], expected: 'Ignore' },
    { what: 'a key that nothing reads', as: 'Restart', uses: [aUse({ key: 'another' })], expected: 'Unused' },
    {
      what: 'a source that nothing reads',
      as: 'Hot',
      uses: [aUse({ source: { kind: 'ConfigMap', name: 'other' } })],
      expected: 'Unused',
    },
    {
      what: 'env',
      as: 'Hot',
      uses: [aUse({ way: 'Env', key: 'key' })],
      expected: 'Restart',
      impossible: 'env of container main',
      report: 'Ignore',
    },
    {
      what: 'envFrom',
      as: 'Hot',
      uses: [aUse({ way: 'EnvFrom' })],
      expected: 'Restart',
      impossible: 'envFrom of container main',
      report: 'Ignore',
    },
    {
      what: 'the command line',
      as: 'Hot',
      uses: [aUse({ way: 'Args', key: 'key' })],
      expected: 'Restart',
      impossible: 'command line of container main',
      report: 'Ignore',
    },
    {
      what: 'a subPath',
      as: 'Hot',
      uses: [aUse({ way: 'SubPath', key: 'key' })],
      expected: 'Restart',
      impossible: 'subPath mount of container main',
      report: 'Ignore',
    },
    {
      what: 'a file of one container and env of another',
      as: 'Hot',
      uses: [aUse(), aUse({ way: 'Env', key: 'key', container: 'side' })],
      expected: 'Restart',
      impossible: 'env of container side',
      report: 'Hot',
    },
    {
      what: 'env and the command line: the plainer reason',
      as: 'Hot',
      uses: [aUse({ way: 'Env' }), aUse({ way: 'Args' })],
      expected: 'Restart',
      impossible: 'command line of container main',
      report: 'Ignore',
    },
    {
      what: 'an init container alone',
      as: 'Hot',
      uses: [init],
      expected: 'Restart',
      impossible: 'read only by init container setup',
      report: 'Ignore',
    },
    {
      what: 'env of a sidecar',
      as: 'Hot',
      uses: [aUse({ way: 'Env', sidecar: true, container: 'proxy' })],
      expected: 'Restart',
      impossible: 'env of sidecar proxy',
      report: 'Ignore',
    },
    {
      what: 'envFrom whose variable another one hides',
      as: 'Hot',
      uses: [aUse({ way: 'EnvFrom', except: ['other', 'key'] })],
      expected: 'Unused',
    },
    { what: 'an init container and another', as: 'Hot', uses: [init, aUse()], expected: 'Hot' },
    {
      what: 'env of an init container',
      as: 'Hot',
      uses: [aUse({ way: 'Env', init: true, container: 'setup' })],
      expected: 'Restart',
      impossible: 'env of init container setup',
      report: 'Ignore',
    },
  ];
  for (const { what, as, uses, expected, impossible, report = expected } of cases) {
    it(`${what}, declared ${as}: ${expected}`, () => {
      const classified = classify([declared(as)], uses, APP, 'key');
      assert.equal(classified.class, expected);
      assert.equal(classified.declared, expected === 'Unused' ? undefined : as);
      assert.equal(classified.impossible, impossible);
    });
    if (impossible !== undefined) {
      it(`${what}, declared ${as} and only reported: ${report}`, () => {
        const classified = classify([declared(as, 'Report')], uses, APP, 'key');
        assert.equal(classified.class, report);
        assert.equal(classified.impossible, impossible);
      });
    }
  }

  it('restarts where any policy wants a restart for what is impossible', () => {
    const policies = [declared('Hot', 'Report'), declared('Hot', 'Restart')];
    assert.equal(classify(policies, [aUse({ way: 'Env' })], APP, 'key').class, 'Restart');
  });
});
