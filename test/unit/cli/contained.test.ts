import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isContained } from '../../../src/cli/contained.ts';

const LIVE = {
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'web:1',
        resources: { limits: { cpu: '1', memory: '1Gi' } },
        terminationMessagePath: '/dev/x',
      },
    ],
    restartPolicy: 'Always',
    volumes: [{ name: 'tmp', emptyDir: {} }],
  },
};
const template = (container: object, more: object = {}): object => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'main', ...container }], ...more },
});

describe('a manifest that is applied already', () => {
  const cases: readonly (readonly [what: string, applied: unknown, contained: boolean])[] = [
    ['itself', LIVE, true],
    ['what defaults are filled in to', template({ image: 'web:1' }), true],
    ['what is empty', template({ image: 'web:1', env: [], securityContext: {}, tty: false, workingDir: '' }), true],
    ['another way to write a quantity', template({ resources: { limits: { cpu: '1000m', memory: '1024Mi' } } }), true],
    ['a quantity as a number', template({ resources: { limits: { cpu: 1 } } }), true],
    ['another quantity', template({ resources: { limits: { cpu: '1001m' } } }), false],
    ['another image', template({ image: 'web:2' }), false],
    ['something new', template({ image: 'web:1', command: ['sh'] }), false],
    ['one container more', { spec: { containers: [{ name: 'main' }, { name: 'side' }] } }, false],
    ['one volume less', template({}, { volumes: [] }), false],
    ['another shape', { spec: [] }, false],
  ];
  for (const [what, applied, contained] of cases) {
    it(`${contained ? 'is' : 'is not'} seen in ${what}`, () => assert.equal(isContained(applied, LIVE), contained));
  }
});
