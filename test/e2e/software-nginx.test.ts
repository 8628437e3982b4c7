/** nginx as the sample runs it, with the reloader beside it: what it serves by is its own answer. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { ensureNginxImage } from '../cluster/software.ts';
import { installOperator } from '../support/install.ts';
import { ensureReloaderImage } from '../support/nginx-reloader.ts';
import { applySample, untilAnswers, type Sample } from '../support/samples.ts';
import { settled } from '../support/sentinel.ts';
import { stagedTests, type Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

const PORT = 8080;

describe('nginx', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
  });
  after(() => cluster.stop());

  stagedTests('nginx', () => cluster)(
    'serves by the new configuration without losing a request, keeps to the old while the new is invalid, and is never restarted',
    async (stage) => {
      const nginx = await applySample(stage, {
        name: 'nginx',
        images: { 'docker.io/library/nginx': ensureNginxImage, 'localhost/nginx-reloader': ensureReloaderImage },
      });
      const incarnations = await nginx.incarnations();
      assert.equal(incarnations.length, 2);
      const edit = (sites: string): Promise<void> => stage.edit({ 'sites.conf': sites }, 'nginx');
      await untilGreeting(nginx, 'hello');

      const { answers, failures } = await askingMeanwhile(nginx, async () => {
        await edit(sitesWith('servus'));
        await untilGreeting(nginx, 'servus');
        await untilReloader(stage, nginx, { status: 200, loaded: sitesWith('servus') });
        await stage.until('HotReloaded', 'True', { policy: 'nginx', reason: 'Loaded' });

        await edit(sitesWith('ciao').replace('listen', 'lisen'));
        await untilReloader(stage, nginx, {
          status: 422,
          loaded: sitesWith('servus'),
          error: 'unknown directive "lisen" in /etc/nginx/reloaded/sites.conf:2',
        });
        assert.deepEqual(await greetings(nginx), ['servus', 'servus']);
        await untilPasses(
          async () => assert.match(await hotReloaded(stage), /sites\.conf.* unknown directive "lisen"/),
          {
            what: 'the status to tell what nginx has refused, and why',
          },
        );

        await edit(sitesWith('moin'));
        await untilGreeting(nginx, 'moin');
        await untilReloader(stage, nginx, { status: 200, loaded: sitesWith('moin') });
        await stage.until('HotReloaded', 'True', { policy: 'nginx', reason: 'Loaded' });
      });
      assert.deepEqual(failures, []);
      assert.ok(answers > 20, `${answers} answers`);

      await settled(stage);
      assert.deepEqual(await nginx.incarnations(), incarnations);
    },
  );
});

const hotReloaded = async (stage: Stage): Promise<string> =>
  (await stage.condition('HotReloaded', 'nginx'))?.message ?? '';

const sitesWith = (greeting: string): string => `server {
  listen ${PORT};
  location = /healthz {
    return 200 "ok\\n";
  }
  location / {
    default_type application/json;
    return 200 '{"greeting": "${greeting}"}\\n';
  }
}
`;

const greetings = async (nginx: Sample): Promise<readonly unknown[]> =>
  ((await nginx.ask(PORT, '/')) as readonly { readonly greeting?: unknown }[]).map(({ greeting }) => greeting);

const untilGreeting = (nginx: Sample, expected: string): Promise<void> =>
  untilAnswers(() => greetings(nginx), expected, `nginx to say ${expected} in both pods`);

/** Asks all pods again and again, until something else is done. */
const askingMeanwhile = async (
  nginx: Sample,
  work: () => Promise<void>,
): Promise<{ readonly answers: number; readonly failures: readonly unknown[] }> => {
  const ending = new AbortController();
  const failures: unknown[] = [];
  let answers = 0;
  const asking = (async () => {
    while (!ending.signal.aborted) {
      await greetings(nginx).then(
        (said) => (answers += said.length),
        (error: unknown) => failures.push(error),
      );
    }
  })();
  try {
    await work();
  } finally {
    ending.abort();
    await asking;
  }
  return { answers, failures };
};

interface Expected {
  readonly status: number;
  /** The text of sites.conf that is in force. */
  readonly loaded: string;
  readonly error?: string;
}

interface Answer {
  readonly files: readonly { readonly path: string; readonly sha256?: string; readonly error?: string }[];
}

const ASK =
  "const r = await fetch('http://127.0.0.1:8081/-/reload'); console.log(JSON.stringify({ status: r.status, ...(await r.json()) }))";

/** What the reloader says of sites.conf. */
const untilReloader = (stage: Stage, nginx: Sample, { status, loaded, error }: Expected): Promise<void> =>
  untilAnswers(
    async () => {
      const { kubectl, namespace } = stage;
      const texts = (await nginx.pods()).map(({ metadata: { name } }) =>
        kubectl.run([
          ...['-n', namespace, 'exec', name, '-c', 'reloader', '--'],
          ...['node', '--input-type=module', '-e', ASK],
        ]),
      );
      return (await Promise.all(texts)).map((text) => {
        const { files, ...answer } = JSON.parse(text) as Answer & { readonly status: number };
        const sites = files.find(({ path }) => path === '/etc/nginx/reloaded/sites.conf');
        return { status: answer.status, sha256: sites?.sha256, error: sites?.error };
      });
    },
    { status, sha256: createHash('sha256').update(loaded).digest('hex'), error },
    `the reloader to answer ${status} in both pods`,
  );
