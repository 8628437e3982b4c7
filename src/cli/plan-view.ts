/** What a change would do, for people and for programs, and the exit code that sums it up. */

import type { WorkloadPlan } from '../domain/plan.ts';
import { EXIT } from './exit.ts';
import { asData } from './output.ts';
import { count, plain, table, type Cell, type Paint } from './style.ts';

export type PlanFormat = 'text' | 'json' | 'yaml' | 'markdown';
type Effect = WorkloadPlan['effect'];

/** The worst first, as it is printed. */
const ORDER: readonly Effect[] = ['Invalid', 'Blocked', 'Restart', 'Hot', 'Nothing'];

/** Of all workloads the highest counts. What is blocked counts as what it will be when nothing holds it any more. */
export const exitCodeOf = (plans: readonly WorkloadPlan[]): number => Math.max(EXIT.ok, ...plans.map(codeOf));

const codeOf = ({ effect, keys }: WorkloadPlan): number => {
  switch (effect) {
    case 'Nothing':
      return EXIT.ok;
    case 'Hot':
      return EXIT.hot;
    case 'Restart':
      return EXIT.restart;
    case 'Invalid':
      return EXIT.invalid;
    case 'Blocked': {
      const hot = keys.some((key) => key.effect === 'Hot') && !keys.some((key) => key.effect === 'Restart');
      return hot ? EXIT.hot : EXIT.restart;
    }
  }
};

export const renderPlan = (plans: readonly WorkloadPlan[], format: PlanFormat, { colour = false } = {}): string => {
  const sorted = [...plans].sort(
    (a, b) => ORDER.indexOf(a.effect) - ORDER.indexOf(b.effect) || (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  switch (format) {
    case 'text':
      return text(sorted.filter(isTold), summaryOf(plans), colour);
    case 'markdown':
      return markdown(sorted.filter(isTold), summaryOf(plans));
    case 'json':
    case 'yaml':
      return asData({ exitCode: exitCodeOf(plans), summary: countsOf(plans), workloads: sorted }, format);
  }
};

const nameOf = ({ namespace, kind, name }: WorkloadPlan): string => `${namespace} ${kind}/${name}`;

const countsOf = (plans: readonly WorkloadPlan[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    ORDER.map((effect) => [
      `${effect.slice(0, 1).toLowerCase()}${effect.slice(1)}`,
      plans.filter((plan) => plan.effect === effect).length,
    ]),
  );

/** People need not read the names of what no change touches. */
const isTold = (plan: WorkloadPlan): boolean =>
  plan.effect !== 'Nothing' || toldOf(plan).length > 0 || plan.reasons.length > 0;

const summaryOf = (plans: readonly WorkloadPlan[]): string => {
  if (plans.length === 0) return 'No policy binds a workload that this change could reach.';
  const parts = ORDER.flatMap((effect) => {
    const those = plans.filter((plan) => plan.effect === effect);
    return those.length === 0 ? [] : [`${count(those.length, 'workload')} ${WORDS[effect]}`];
  });
  return `${parts.join(', ')}.`;
};

const WORDS: Readonly<Record<Effect, string>> = {
  Invalid: 'with invalid content',
  Blocked: 'blocked',
  Restart: 'to restart',
  Hot: 'to reload hot',
  Nothing: 'left alone',
};

const PAINTS: Readonly<Record<Effect, Paint>> = {
  Invalid: 'bad',
  Blocked: 'warn',
  Restart: 'warn',
  Hot: 'good',
  Nothing: 'dim',
};

/** The keys that are told of: those that nobody reads say nothing about a workload. */
const toldOf = ({ keys }: WorkloadPlan): WorkloadPlan['keys'] => keys.filter(({ effect }) => effect !== 'Unused');

const text = (plans: readonly WorkloadPlan[], summary: string, colour: boolean): string => {
  const rows = plans.flatMap((plan): readonly (readonly Cell[])[] => [
    [{ text: plan.effect, paint: PAINTS[plan.effect] }, nameOf(plan), by(plan)],
    ...toldOf(plan).map(({ key, effect, why }) => [
      '',
      `  ${key}`,
      effect === 'Ignore' ? 'ignored' : effect.toLowerCase(),
      why,
    ]),
  ]);
  // Reasons are sentences: they don't make columns wide.
  const lines = table(rows, { colour }).split(/(?<=\n)/);
  let at = 0;
  const blocks = plans.map((plan) => {
    const length = 1 + toldOf(plan).length;
    const block = lines.slice(at, at + length).join('');
    at += length;
    return block + plan.reasons.map((reason) => `           ${plain(reason)}\n`).join('');
  });
  return `${blocks.join('')}${blocks.length > 0 ? '\n' : ''}${summary}\n`;
};

const by = ({ policies }: WorkloadPlan): string =>
  policies.length === 0 ? '' : `by ${policies.length === 1 ? 'policy' : 'policies'} ${policies.join(', ')}`;

const markdown = (plans: readonly WorkloadPlan[], summary: string): string => {
  const head = `**${summary.slice(0, -1)}**\n`;
  if (plans.length === 0) return head;
  const rows = plans.map((plan) => {
    const keys = toldOf(plan).map(({ key, effect, why }) => `${code(key)} ${effect.toLowerCase()} (${escaped(why)})`);
    const cells = [
      `**${plan.effect}**`,
      code(`${plan.kind}/${plan.name}`),
      code(plan.namespace),
      [...keys, ...plan.reasons.map(escaped)].join('<br>'),
    ];
    return `| ${cells.join(' | ')} |\n`;
  });
  return `${head}\n| effect | workload | namespace | why |\n|---|---|---|---|\n${rows.join('')}`;
};

/** What comes from manifests must not become markup. */
const escaped = (words: string): string => plain(words).replaceAll(/[\\`*_{}[\]<>|#&~!]/g, '\\$&');
/** A code span, whatever stands in it: longer fences than any within, and no bar that would end the cell. */
const code = (words: string): string => {
  const inner = plain(words).replaceAll('|', '\\|');
  const fence = '`'.repeat(Math.max(0, ...(inner.match(/`+/g) ?? []).map(({ length }) => length)) + 1);
  return fence.length === 1 ? `\`${inner}\`` : `${fence} ${inner} ${fence}`;
};
