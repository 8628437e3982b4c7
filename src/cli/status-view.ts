/** Policies and their workloads, as rows for people. */

import type { LiveObjectStatus, ReloadPolicySpec, SourceStatus, WorkloadStatus } from '../api/v1alpha1/types.ts';
import { goalOf } from '../domain/proof-words.ts';
import type { RawPolicy } from '../kube/policies.ts';
import { age, count, type Cell, type Paint } from './style.ts';

type Row = readonly Cell[];

export const STATUS_HEADER: Row = ['POLICY', 'READY', 'STATE', 'LAST', 'MESSAGE'];

/** One policy: itself, the workloads that it binds, and the sources that are not as they should be. */
export const policyRows = ({ metadata, spec, status }: RawPolicy, now: number): readonly Row[] => {
  const {
    conditions = [],
    last,
    workloads = [],
    workloadCount = workloads.length,
    sources = [],
    liveObjects = [],
  } = status ?? {};
  const ready = conditions.find(({ type }) => type === 'Ready');
  const seen = ready !== undefined && status?.observedGeneration === metadata.generation;
  const { mode, suspend } = spec as Partial<ReloadPolicySpec>;
  const [state, message] = seen
    ? [ready.reason, ready.message]
    : ['Unseen', 'the operator has not looked at this version of the policy yet'];
  const marks = [...(mode === 'Observe' ? ['mode Observe'] : []), ...(suspend === true ? ['suspended'] : [])];
  const unlisted = workloadCount - workloads.filter((each) => each.reason !== 'WorkloadMissing').length;
  return [
    [
      { text: metadata.name, paint: 'bold' },
      { text: ready?.status ?? '-', paint: ready?.status === 'False' ? 'bad' : 'good' },
      { text: state, paint: ready?.status === 'False' ? 'bad' : POLICY_PAINTS[state] },
      last === undefined
        ? ''
        : `${last.action} ${last.outcome}, ${count(last.pods, 'pod')}, ${age(Date.parse(last.time), now)} ago`,
      [...marks.map((mark) => `(${mark})`), message].join(' '),
    ],
    ...sources.filter(({ state: of }) => of !== 'Present').map(sourceRow),
    ...liveObjects.filter(({ state: of }) => of !== 'Rendered').map(liveRow),
    ...workloads.flatMap((workload) => [workloadRow(workload, now), ...unprovenRows(workload), ...noteRows(workload)]),
    ...(unlisted > 0 ? [[`  and ${count(unlisted, 'more workload')}`]] : []),
  ];
};

const workloadRow = (
  { kind, name, state, reason, message = '', until, hot = 0, restart = 0 }: WorkloadStatus,
  now: number,
): Row => [
  `  ${kind}/${name}`,
  '',
  { text: state, paint: PAINTS[state] },
  until === undefined ? '' : goesOn(Date.parse(until), now),
  [
    ...(reason === undefined || reason === state ? [] : [`${reason}:`]),
    // A workload about which there is nothing to say has its keys counted.
    message === '' ? `${count(hot, 'hot key')}, ${restart} that need a restart` : message,
  ].join(' '),
];

/** When what waits goes on by itself. */
const goesOn = (until: number, now: number): string => (until <= now ? 'any moment' : `goes on in ${age(now, until)}`);

/** The pods of which a hot change was not proven in time, as they stand now. */
const unprovenRows = ({ delivery }: WorkloadStatus): readonly Row[] =>
  delivery?.phase === 'TimedOut'
    ? (delivery.missing ?? []).map((pod) => ['', '', '', '', { text: `not ${goalOf(delivery)}: ${pod}`, paint: 'bad' }])
    : [];

/** What is delivered otherwise than its policy would have it. */
const noteRows = ({ notes = [] }: WorkloadStatus): readonly Row[] =>
  notes.map((text) => ['', '', '', '', { text, paint: 'warn' }]);

const sourceRow = ({ kind, name, state, problems = [] }: SourceStatus): Row => [
  `  ${kind}/${name}`,
  '',
  { text: state, paint: state === 'Ignored' || state === 'Unknown' ? 'dim' : 'bad' },
  '',
  problems.join('; '),
];

const liveRow = ({ kind, name, state, message = '' }: LiveObjectStatus): Row => [
  `  ${kind}/${name}`,
  '',
  { text: state, paint: state === 'Missing' ? 'dim' : 'bad' },
  '',
  message,
];

const POLICY_PAINTS: Readonly<Record<string, Paint>> = {
  UpToDate: 'good',
  NoWorkloads: 'dim',
  Suspended: 'warn',
  Held: 'warn',
  Blocked: 'warn',
  Unseen: 'warn',
};

const PAINTS: Readonly<Record<WorkloadStatus['state'], Paint>> = {
  Adopted: 'good',
  UpToDate: 'good',
  Pending: 'warn',
  Restarting: 'warn',
  Reloading: 'warn',
  Held: 'warn',
  Blocked: 'warn',
  Failed: 'bad',
  TimedOut: 'bad',
  Unmatched: 'bad',
  Ignored: 'dim',
  Error: 'bad',
};
