/** The step of a pipeline that docs/plan-in-ci.md shows, run by a shell, as a pipeline runs it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { blocksOf, CHECKOUT, read, rowsOf, sectionOf } from './pages.ts';
import { stepsOf } from './walk.ts';

const page = read('docs/plan-in-ci.md');

interface Pipeline {
  readonly jobs: { readonly plan: { readonly steps: readonly { readonly name?: string; readonly run?: string }[] } };
}

const scriptOf = (name: string): string => {
  const { jobs } = parse(blocksOf(page).find(({ language }) => language === 'yaml')?.text ?? '') as Pipeline;
  return jobs.plan.steps.find((step) => step.name === name)?.run ?? '';
};

/** kubectl, as far as it hands a command on to the plugin. */
const KUBECTL = `#!/bin/sh
shift
exec '${process.execPath}' '${join(CHECKOUT, 'src/kubectl-reload.ts')}' "$@"
`;

const runStep = (
  files: readonly { readonly name: string; readonly text: string }[],
): { readonly status: number | null; readonly output: string; readonly comment: string } => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-pipeline-'));
  for (const { name, text } of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/kubectl'), KUBECTL);
  chmodSync(join(folder, 'bin/kubectl'), 0o755);
  const output = join(folder, 'output');
  writeFileSync(output, '');
  // As GitHub runs it.
  const { status } = spawnSync('bash', ['-e', '-c', scriptOf('Plan')], {
    cwd: folder,
    env: { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`, GITHUB_OUTPUT: output },
  });
  return { status, output: readFileSync(output, 'utf8'), comment: readFileSync(join(folder, 'plan.md'), 'utf8') };
};

describe('the step of docs/plan-in-ci.md', () => {
  const files = stepsOf(page).filter((step) => step.type === 'File');
  const base = files.filter(({ name }) => name.startsWith('base/'));
  const edited = files.filter(({ name }) => name.startsWith('manifests/')).map(({ text }) => text);
  const same = base.find(({ name }) => name.endsWith('configmap.yaml'))?.text ?? '';
  const cases: readonly (readonly [what: string, text: string | undefined, effect: string])[] = [
    ['the same', same, 'nothing'],
    ['a hot place', edited[0], 'hot'],
    ['a cold place', edited[1], 'restart'],
    ['a document that does not parse', edited[2], 'invalid'],
  ];

  for (const [what, text = '', effect] of cases) {
    it(`finds ${effect} for ${what}`, () => {
      const { status, output, comment } = runStep([...base, { name: 'manifests/configmap.yaml', text }]);
      assert.deepEqual({ status, output }, { status: 0, output: `effect=${effect}\n` });
      assert.match(comment, /^\*\*1 workload /);
    });
  }

  it('fails where there is no answer', () => {
    const broken = { name: 'manifests/configmap.yaml', text: 'kind: ConfigMap\n  broken' };
    const { status, output } = runStep([...base, broken]);
    assert.deepEqual({ status, output }, { status: 1, output: '' });
  });

  it('knows every code that the page promises, and no other', () => {
    const promised = rowsOf(sectionOf(page, 'The step'), 2).map(([code]) => code);
    const handled = [...scriptOf('Plan').matchAll(/^ +(\d+)\)/gm)].map(([, code]) => code);
    assert.deepEqual(promised, [...handled, '1', '2']);
  });
});
