import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Live } from '../../../src/domain/live.ts';
import type { KnownSnapshots, Observed } from '../../../src/domain/observed.ts';
import { wayBack, type WayBack } from '../../../src/domain/roll-back.ts';
import { aLedger, aPolicy, aUse, aWorkload, digestsOf, found, T0, type Content } from '../../support/builders.ts';

const APP = { kind: 'ConfigMap', name: 'app' } as const;
const MORE = { kind: 'ConfigMap', name: 'more' } as const;

const live = (name: string): Live => ({
  state: 'Present',
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  keys: digestsOf({ flag: 'b' }),
  snapshot: 3,
  ours: true,
});

const kept = (object: string, snapshots: Readonly<Record<number, Content>>): KnownSnapshots => ({
  object,
  numbers: Object.keys(snapshots).map(Number).reverse(),
  keys: new Map(Object.entries(snapshots).map(([number, content]) => [Number(number), digestsOf(content)])),
});

/** A workload that reads two live objects, each with snapshots of its own. */
const observed = (snapshots: readonly (readonly [string, KnownSnapshots])[]): Observed => ({
  workload: aWorkload({
    uses: [APP, MORE].map((source) => aUse({ source, key: 'flag', way: 'Env' })),
  }),
  templateSeenAt: 0,
  policies: [aPolicy({ sources: [APP, MORE] })],
  complete: true,
  sources: new Map(['ConfigMap/app', 'ConfigMap/more'].map((id) => [id, found({ flag: 'b' })])),
  live: new Map([
    ['ConfigMap/app', live('app-live')],
    ['ConfigMap/more', live('more-live')],
  ]),
  snapshots: new Map(snapshots),
});

const LEDGER = aLedger(
  {},
  {
    applied: new Map([
      ['ConfigMap/app', digestsOf({ flag: 'b' })],
      ['ConfigMap/more', digestsOf({ flag: 'b' })],
    ]),
  },
);

const told = (way: WayBack): string => {
  if (way.type === 'Waits') return 'Waits';
  if (way.type === 'Refused') return `${way.reason}: ${way.message}`;
  return (way.ledger.intent?.snapshots ?? []).map(({ object, number }) => `${object} ${number}`).join(', ');
};

const BOTH = [
  ['ConfigMap/app', kept('app-live', { 1: { flag: 'a' }, 3: { flag: 'b' } })],
  ['ConfigMap/more', kept('more-live', { 1: { flag: 'a' }, 2: { flag: 'a2' }, 3: { flag: 'b' } })],
] as const;

describe('a rollback that somebody asks for', () => {
  for (const [what, asked, answer] of [
    ['takes the object that is named, and no other', { snapshot: 1, object: 'app-live' }, /^app-live 1$/],
    ['takes the only object that has the snapshot', { snapshot: 2 }, /^more-live 2$/],
    [
      'is refused where several have it: numbers of different objects have nothing to do with each other',
      { snapshot: 1 },
      /^SeveralSnapshots: there is a snapshot 1 of app-live, more-live: say which object is meant$/,
    ],
    [
      'is refused where the named object has none of that number',
      { snapshot: 2, object: 'app-live' },
      /^NoSnapshot: there is no snapshot 2; there are: of app-live 3, 1$/,
    ],
    [
      'is refused where the workload does not read the named object',
      { snapshot: 1, object: 'other-live' },
      /^NoSnapshot: it reads no live object other-live$/,
    ],
  ] as const) {
    it(what, () => {
      assert.match(told(wayBack(observed(BOTH), LEDGER, asked, T0)), answer);
    });
  }
});
