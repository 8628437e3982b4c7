/** The first act: a key that the application takes hot. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { podsOf, readKeys, settled, writeKey, type Pod } from './sample.ts';
import { DemoError, SAMPLE, SAMPLE_NAMESPACE, seconds, table, type Stage } from './stage.ts';

const KEY = 'priority.rego';
const FILE = `/etc/signalprocessing/${KEY}`;
/** Longer than the kubelet takes by itself: a slow answer is still an answer. */
const LONGEST_MS = 120_000;

/** A look into one container. */
interface Witness {
  /** Resolves when it looks. */
  readonly watching: Promise<number>;
  /** Times by `performance.now()`, as the words arrive here: no clocks are compared. */
  readonly file: Promise<number>;
  readonly loaded: Promise<number>;
}

export const showHotChange = async (stage: Stage): Promise<void> => {
  const { client, print } = stage;
  const before = await podsOf(client);
  const { from, to, content } = nextRevision((await readKeys(client))[KEY] ?? '');
  print(`1. A hot key: ${KEY}, revision ${from} -> ${to}`);
  print();

  const sha256 = createHash('sha256').update(content).digest('hex');
  const witnesses = before.map((pod) => witness(stage, pod, sha256));
  await Promise.all(witnesses.map(({ watching }) => watching));
  const sentAt = await writeKey(client, KEY, content);
  const seen = await Promise.all(
    witnesses.map(async ({ file, loaded }) => ({ file: (await file) - sentAt, loaded: (await loaded) - sentAt })),
  );
  await settled(stage, (last) => last?.action === 'Hot');
  const after = await podsOf(client);

  const rows = before.map(({ name, uid, restarts }, index) => {
    const now = after.find((pod) => pod.uid === uid);
    const { file = NaN, loaded = NaN } = seen[index] ?? {};
    return [name, seconds(file), seconds(loaded), now === undefined ? 'gone' : `${restarts} -> ${now.restarts}`];
  });
  const header = ['container in pod', 'file after', 'loaded after', 'restarts'];
  for (const line of table([header, ...rows])) print(`   ${line}`);
  print();
  const last = Math.max(...seen.map(({ file }) => file));
  print(`   The last file was there ${seconds(last)} after the write; the kubelet alone takes up to 90 s.`);
  print(`   ${sameness(before, after)}`);
};

/** The policy counts its revisions in a comment, so that every run writes other content. */
const nextRevision = (policy: string): { readonly from: number; readonly to: number; readonly content: string } => {
  const pattern = /^# revision: (\d+)$/m;
  const from = Number(pattern.exec(policy)?.[1] ?? 0);
  const line = `# revision: ${from + 1}`;
  return { from, to: from + 1, content: from === 0 ? `${line}\n${policy}` : policy.replace(pattern, line) };
};

const sameness = (before: readonly Pod[], after: readonly Pod[]): string => {
  const same =
    before.length === after.length &&
    before.every(({ uid, restarts }) => after.some((pod) => pod.uid === uid && pod.restarts === restarts));
  if (same) return `No pod restarted: the same ${before.length} uids, the same restart counts.`;
  throw new DemoError('pods were replaced or restarted, which a hot change must not do', [
    `kubectl -n ${SAMPLE_NAMESPACE} describe reloadpolicy ${SAMPLE}`,
    `kubectl -n ${SAMPLE_NAMESPACE} describe pods`,
  ]);
};

const witness = ({ cluster }: Stage, pod: Pod, sha256: string): Witness => {
  const words = new Map(['watching', 'file', 'loaded'].map((word) => [word, Promise.withResolvers<number>()]));
  const child = spawn(
    cluster.kubectl,
    [
      ...['--kubeconfig', cluster.kubeconfig, '-n', SAMPLE_NAMESPACE, 'exec', '-i', pod.name, '--'],
      ...['node', '--no-warnings', '--input-type=module-typescript', '-', FILE, sha256],
    ],
    { stdio: 'pipe', signal: AbortSignal.timeout(LONGEST_MS) },
  );
  child.stdin.end(readFileSync(join(import.meta.dirname, 'inside.ts')));
  createInterface({ input: child.stdout }).on('line', (word) => words.get(word)?.resolve(performance.now()));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const fail = (reason: string): void => {
    const error = new DemoError(`the look into pod ${pod.name} ended: ${reason}`, [
      `kubectl -n ${SAMPLE_NAMESPACE} describe pod ${pod.name}`,
      'and once more: make demo',
    ]);
    for (const { reject } of words.values()) reject(error);
  };
  child.once('error', (error) => {
    fail(error.name === 'AbortError' ? `nothing came within ${LONGEST_MS / 1000} s` : error.message);
  });
  // Words that have come before are settled: this fails only those that are missing.
  child.once('close', (code) => {
    fail(said.trim() || `kubectl exec ended with ${code ?? 'a signal'}`);
  });
  const when = (word: string): Promise<number> => {
    const promise = words.get(word)?.promise ?? Promise.reject(new RangeError(`no word ${word}`));
    // Whoever waits for it handles it; until then it must not end the process.
    promise.catch(() => undefined);
    return promise;
  };
  return { watching: when('watching'), file: when('file'), loaded: when('loaded') };
};
