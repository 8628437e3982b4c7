/** Prometheus as the sample runs it: what it has loaded is its own answer. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { ensurePrometheusImage } from '../cluster/software.ts';
import { installOperator } from '../support/install.ts';
import { applySample, untilAnswers, type Sample } from '../support/samples.ts';
import { settled } from '../support/sentinel.ts';
import { stagedTests } from '../support/stage.ts';

const PORT = 9090;

describe('Prometheus', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
  });
  after(() => cluster.stop());

  stagedTests('prometheus', () => cluster)(
    'scrapes by the new configuration, keeps to the old while the new is invalid, and is never restarted',
    async (stage) => {
      const prometheus = await applySample(stage, {
        name: 'prometheus',
        images: { 'docker.io/prom/prometheus': ensurePrometheusImage },
      });
      const incarnations = await prometheus.incarnations();
      assert.equal(incarnations.length, 2);
      const edit = (config: string): Promise<void> => stage.edit({ 'prometheus.yml': config }, 'prometheus');
      await untilInterval(prometheus, '15s');

      await edit(configWith('20s'));
      await untilInterval(prometheus, '20s');
      await stage.until('HotReloaded', 'True', { policy: 'prometheus', reason: 'Loaded' });

      // It is YAML, so that the operator lets it pass; to Prometheus it is no duration.
      await edit(configWith('25x'));
      await untilReloaded(prometheus, '0');
      assert.deepEqual(await intervals(prometheus), ['20s', '20s']);

      await edit(configWith('30s'));
      await untilInterval(prometheus, '30s');
      await untilReloaded(prometheus, '1');
      await stage.until('HotReloaded', 'True', { policy: 'prometheus', reason: 'Loaded' });

      await settled(stage);
      assert.deepEqual(await prometheus.incarnations(), incarnations);
    },
  );
});

const configWith = (interval: string): string => `global:
  scrape_interval: ${interval}
rule_files:
  - rules.yml
scrape_configs:
  - job_name: prometheus
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs:
      - targets: [localhost:9090]
`;

interface ConfigAnswer {
  readonly data: { readonly yaml: string };
}

/** As every pod has it loaded. */
const intervals = async (prometheus: Sample): Promise<readonly unknown[]> => {
  const answers = (await prometheus.ask(PORT, '/api/v1/status/config')) as readonly ConfigAnswer[];
  return answers.map(({ data }) => /^ {2}scrape_interval: (\S+)$/m.exec(data.yaml)?.[1]);
};

const untilInterval = (prometheus: Sample, expected: string): Promise<void> =>
  untilAnswers(() => intervals(prometheus), expected, `both pods to scrape every ${expected}`);

/** Whether the latest reload was taken, as Prometheus says in its metrics. */
const untilReloaded = (prometheus: Sample, expected: '0' | '1'): Promise<void> =>
  untilAnswers(
    async () => {
      const texts = await prometheus.askText(PORT, '/metrics');
      return texts.map((text) => /^prometheus_config_last_reload_successful (\S+)$/m.exec(text)?.[1]);
    },
    expected,
    `prometheus_config_last_reload_successful to be ${expected} in both pods`,
  );
