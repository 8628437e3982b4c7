/**
 * Documents as they are found in clusters, what a policy says of them, and what edits of them must bring about. The same
 * cases go through the reading of documents, through `kubectl reload plan`, and through the operator on a real node.
 */

import { readFileSync } from 'node:fs';
import type { ReloadClass, ReloadRule } from '../../src/api/v1alpha1/types.ts';

export interface DocumentEdit {
  readonly what: string;
  readonly edit: (text: string) => string;
  /** Of the parts that change; none: nothing happens. */
  readonly classes: readonly ReloadClass[];
  /** The places that change, in order. Absent: the key changes as a whole, or by its bytes alone. */
  readonly paths?: readonly string[];
  /** The edited text is no document any more. */
  readonly broken?: true;
}

export interface DocumentCase {
  readonly name: string;
  readonly key: string;
  readonly text: string;
  readonly rules: readonly ReloadRule[];
  readonly defaultClass: ReloadClass;
  readonly edits: readonly DocumentEdit[];
}

const real = (file: string): string => readFileSync(new URL(`real/${file}`, import.meta.url), 'utf8');

/** Replaces what must stand there exactly once. */
const swap =
  (from: string, to: string) =>
  (text: string): string => {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`${JSON.stringify(from)} stands there ${parts.length - 1} times`);
    return parts.join(to);
  };

const all =
  (...edits: readonly ((text: string) => string)[]) =>
  (text: string): string =>
    edits.reduce((edited, edit) => edit(edited), text);

const append =
  (more: string) =>
  (text: string): string =>
    text + more;

export const cases: readonly DocumentCase[] = [
  {
    name: 'Prometheus',
    key: 'prometheus.yml',
    text: real('prometheus.yml'),
    // Prometheus reloads all of it but the storage settings.
    rules: [
      { keys: ['prometheus.yml'], paths: ['/storage/**'], class: 'Restart' },
      { keys: ['prometheus.yml'], comparison: 'Meaning', class: 'Hot' },
    ],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'an interval',
        edit: swap('  scrape_interval: 15s', '  scrape_interval: 30s'),
        classes: ['Hot'],
        paths: ['/global/scrape_interval'],
      },
      {
        what: 'one more target',
        edit: swap('["localhost:9090"]', '["localhost:9090", "other:9090"]'),
        classes: ['Hot'],
        paths: ['/scrape_configs/0/static_configs/0/targets/1'],
      },
      {
        what: 'one more job',
        edit: swap('\nstorage:', '  - job_name: node\n    static_configs: []\n\nstorage:'),
        classes: ['Hot'],
        paths: ['/scrape_configs/2/job_name', '/scrape_configs/2/static_configs'],
      },
      {
        what: 'a quoted "true" that is true now',
        edit: swap('regex: "true"', 'regex: true'),
        classes: ['Hot'],
        paths: ['/scrape_configs/1/relabel_configs/0/regex'],
      },
      {
        what: 'the storage',
        edit: swap('out_of_order_time_window: 30m', 'out_of_order_time_window: 1h'),
        classes: ['Restart'],
        paths: ['/storage/tsdb/out_of_order_time_window'],
      },
      {
        what: 'both at once',
        edit: all(swap('30m', '1h'), swap('action: keep', 'action: drop')),
        classes: ['Hot', 'Restart'],
        paths: ['/scrape_configs/1/relabel_configs/0/action', '/storage/tsdb/out_of_order_time_window'],
      },
      {
        what: 'comments, quotes, order of keys and indentation',
        edit: all(
          swap('# The monitoring of one cluster.\n', ''),
          swap('cluster: eu-1', "cluster: 'eu-1'"),
          swap('  scrape_interval: 15s\n  scrape_timeout: 10s\n', '  scrape_timeout: 10s\n  scrape_interval: "15s"\n'),
          swap('[alertmanager.monitoring.svc:9093]', '\n          - alertmanager.monitoring.svc:9093 # the only one'),
          swap('storage:\n  tsdb:\n    out', 'storage:\n    tsdb:\n        out'),
        ),
        classes: [],
        paths: [],
      },
      {
        what: 'a bracket too few',
        edit: swap('["localhost:9090"]', '["localhost:9090"'),
        classes: ['Restart'],
        broken: true,
      },
    ],
  },
  {
    name: 'CoreDNS',
    key: 'Corefile',
    text: real('Corefile'),
    // Its reload plugin looks at the file; no format is known for it.
    rules: [{ keys: ['Corefile'], class: 'Hot' }],
    defaultClass: 'Restart',
    edits: [
      { what: 'the cache', edit: swap('cache 30', 'cache 60'), classes: ['Hot'] },
      { what: 'a comment', edit: append('# end\n'), classes: ['Hot'] },
    ],
  },
  {
    name: 'nginx',
    key: 'nginx.conf',
    text: real('nginx.conf'),
    rules: [{ keys: ['*.crt', '*.key'], class: 'Hot' }],
    defaultClass: 'Restart',
    edits: [
      { what: 'a timeout', edit: swap('proxy_read_timeout 30s', 'proxy_read_timeout 60s'), classes: ['Restart'] },
      {
        what: 'one more server',
        edit: swap('        server app-1', '        server app-2.app:8080;\n        server app-1'),
        classes: ['Restart'],
      },
    ],
  },
  {
    name: 'Envoy',
    key: 'envoy.yaml',
    text: real('envoy.yaml'),
    // The bootstrap is read at the start; an agent beside it takes runtime and clusters from the file.
    rules: [
      { keys: ['envoy.yaml'], paths: ['/layered_runtime/**', '/static_resources/clusters/**'], class: 'Hot' },
      { keys: ['envoy.yaml'], paths: ['/node/id'], class: 'Ignore' },
    ],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'a timeout of a cluster',
        edit: swap('connect_timeout: 0.25s', 'connect_timeout: 0.250s'),
        classes: ['Hot'],
        paths: ['/static_resources/clusters/0/connect_timeout'],
      },
      {
        what: 'a runtime key with a dot',
        edit: swap('health_check.min_interval: 500', 'health_check.min_interval: 500.0'),
        classes: ['Hot'],
        paths: ['/layered_runtime/layers/0/static_layer/health_check.min_interval'],
      },
      {
        what: 'the port of a listener',
        edit: swap('port_value: 10000', 'port_value: 10001'),
        classes: ['Restart'],
        paths: ['/static_resources/listeners/0/address/socket_address/port_value'],
      },
      {
        what: 'a filter, deep inside',
        edit: swap('stat_prefix: ingress_http', 'stat_prefix: edge_http'),
        classes: ['Restart'],
        paths: ['/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/stat_prefix'],
      },
      { what: 'what is ignored', edit: swap('id: edge-proxy', 'id: edge'), classes: ['Ignore'], paths: ['/node/id'] },
      {
        what: 'flow to block form',
        edit: swap('{ address: 127.0.0.1, port_value: 9901 }', '\n      address: "127.0.0.1"\n      port_value: 9901'),
        classes: [],
        paths: [],
      },
      {
        what: 'a list that becomes a map: its ancestor counts',
        edit: swap('domains: ["*"]', 'domains: {"0": "*"}'),
        classes: ['Restart'],
        paths: [
          '/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/domains',
        ],
      },
    ],
  },
  {
    name: 'Spring',
    key: 'application.yaml',
    text: real('application.yaml'),
    rules: [{ keys: ['application*.yaml'], paths: ['/*/logging/level/**', '/logging/level/**'], class: 'Hot' }],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'a level of the second document',
        edit: swap('root: WARN', 'root: ERROR'),
        classes: ['Hot'],
        paths: ['/1/logging/level/root'],
      },
      {
        what: 'a level whose name has dots',
        edit: swap('com.example.orders: DEBUG', 'com.example.orders: TRACE'),
        classes: ['Hot'],
        paths: ['/0/logging/level/com.example.orders'],
      },
      {
        what: 'the size of a pool',
        edit: swap('maximum-pool-size: 10', 'maximum-pool-size: 20'),
        classes: ['Restart'],
        paths: ['/0/spring/datasource/hikari/maximum-pool-size'],
      },
      {
        what: 'a level and the threads',
        edit: all(swap('root: INFO', 'root: WARN'), swap('max: 200', 'max: 400')),
        classes: ['Hot', 'Restart'],
        paths: ['/0/logging/level/root', '/1/server/tomcat/threads/max'],
      },
      {
        what: 'a level that YAML 1.1 takes for false',
        edit: swap('root: WARN', 'root: OFF'),
        classes: ['Hot'],
        paths: ['/1/logging/level/root'],
      },
      {
        what: 'one more document',
        edit: append('---\nspring:\n  config:\n    activate:\n      on-profile: test\n'),
        classes: ['Restart'],
        paths: ['/2/spring/config/activate/on-profile'],
      },
      {
        what: 'a document less: all of them are no list any more',
        edit: (text) => text.slice(0, text.indexOf('---')),
        classes: ['Hot', 'Restart'],
        paths: [''],
      },
      {
        what: 'a tab as indentation',
        edit: swap('    root: WARN', '\troot: WARN'),
        classes: ['Restart'],
        broken: true,
      },
    ],
  },
  {
    name: 'log4j2',
    key: 'log4j2.properties',
    text: real('log4j2.properties'),
    // It looks at the file every monitorInterval seconds, which itself counts only at the start.
    rules: [
      { keys: ['log4j2.properties'], paths: ['/monitorInterval'], class: 'Restart' },
      { keys: ['log4j2.properties'], comparison: 'Meaning', class: 'Hot' },
    ],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'a level',
        edit: swap('rootLogger.level = info', 'rootLogger.level = debug'),
        classes: ['Hot'],
        paths: ['/rootLogger.level'],
      },
      {
        what: 'a line that is not folded any more, other separators, a comment',
        edit: all(swap('[%t] \\\n    %c', '[%t] %c'), swap('status = warn', 'status: warn'), append('! the end\n')),
        classes: [],
        paths: [],
      },
      {
        what: 'the interval',
        edit: swap('monitorInterval = 30', 'monitorInterval = 5'),
        classes: ['Restart'],
        paths: ['/monitorInterval'],
      },
      {
        what: 'one more logger',
        edit: append('logger.db.name = com.example.db\n'),
        classes: ['Hot'],
        paths: ['/logger.db.name'],
      },
    ],
  },
  {
    name: 'Rego',
    key: 'priority.rego',
    text: real('priority.rego'),
    rules: [{ keys: ['*.rego'], class: 'Hot' }],
    defaultClass: 'Restart',
    edits: [{ what: 'a confidence', edit: swap('"confidence": 0.95', '"confidence": 0.99'), classes: ['Hot'] }],
  },
  {
    name: 'LLM service',
    key: 'llm.yaml',
    text: real('llm.yaml'),
    rules: [
      {
        keys: ['llm.yaml'],
        paths: ['/model', '/temperature', '/max_tokens', '/prompts/**', '/toolsets/*/enabled', '/toolsets/*/config/**'],
        class: 'Hot',
      },
      { keys: ['llm.yaml'], paths: ['/**/prometheus_url'], class: 'Ignore' },
    ],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'the model',
        edit: swap('model: claude-sonnet-4', 'model: claude-opus-4'),
        classes: ['Hot'],
        paths: ['/model'],
      },
      {
        what: 'the provider',
        edit: swap('provider: anthropic', 'provider: vertex'),
        classes: ['Restart'],
        paths: ['/provider'],
      },
      {
        what: 'a number that is written otherwise',
        edit: swap('temperature: 0.20', 'temperature: 0.2'),
        classes: ['Hot'],
        paths: ['/temperature'],
      },
      {
        what: 'a prompt in another form',
        edit: swap(
          'system: |\n    You find the cause of an incident.\n    Say what you know, and how you know it.\n',
          'system: "You find the cause of an incident.\\nSay what you know, and how you know it.\\n"\n',
        ),
        classes: [],
        paths: [],
      },
      {
        what: 'off that is false now: who reads it decides whether that is the same',
        edit: swap('enabled: off', 'enabled: false'),
        classes: ['Hot'],
        paths: ['/toolsets/bash/enabled'],
      },
      {
        what: 'a toolset whose name has a slash',
        edit: swap('kubernetes/core:\n    enabled: true', 'kubernetes/core:\n    enabled: false'),
        classes: ['Hot'],
        paths: ['/toolsets/kubernetes~1core/enabled'],
      },
      {
        what: 'a value under an anchor: also where it is merged',
        edit: swap('attempts: 3', 'attempts: 5'),
        classes: ['Hot', 'Restart'],
        paths: ['/retries/attempts', '/toolsets/prometheus~1metrics/config/attempts'],
      },
      {
        what: 'the merge key written out',
        edit: swap('      <<: *retries\n', '      attempts: 3\n      backoff: 2s\n'),
        classes: [],
        paths: [],
      },
    ],
  },
  {
    name: 'dotenv',
    key: 'params.env',
    text: real('params.env'),
    rules: [
      { keys: ['params.env'], paths: ['/LISTEN_ADDR'], class: 'Restart' },
      { keys: ['params.env'], paths: ['/**'], class: 'Hot' },
    ],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'a promoted value',
        edit: swap('FUSION_THRESHOLD=0.82', 'FUSION_THRESHOLD=0.85'),
        classes: ['Hot'],
        paths: ['/FUSION_THRESHOLD'],
      },
      {
        what: 'the address',
        edit: swap('0.0.0.0:9000', '0.0.0.0:9001'),
        classes: ['Restart'],
        paths: ['/LISTEN_ADDR'],
      },
      {
        what: 'a comment, quotes, order and export',
        edit: all(
          swap('        # joules', ''),
          swap('"/models/current"', '/models/current'),
          swap('export FUSION', 'FUSION'),
          (text) => text.split('\n').reverse().join('\n'),
        ),
        classes: [],
        paths: [],
      },
      {
        what: 'quotes that decide whether a variable is replaced',
        edit: swap("'Hello $USER'", '"Hello $USER"'),
        classes: ['Hot'],
        paths: ['/GREETING'],
      },
      { what: 'a line that is no assignment', edit: append('not this\n'), classes: ['Restart'], broken: true },
    ],
  },
  {
    name: 'Telegraf',
    key: 'telegraf.conf',
    text: real('telegraf.toml'),
    rules: [{ keys: ['telegraf.conf'], paths: ['/inputs/**', '/global_tags/*'], format: 'TOML', class: 'Hot' }],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'a tag of an input',
        edit: swap('team = "platform"', 'team = "storage"'),
        classes: ['Hot'],
        paths: ['/inputs/disk/0/tags/team'],
      },
      {
        what: 'one more input',
        edit: append('\n[[inputs.cpu]]\npercpu = false\n'),
        classes: ['Hot'],
        paths: ['/inputs/cpu/1/percpu'],
      },
      {
        what: 'the interval',
        edit: swap('interval = "10s"', 'interval = "30s"'),
        classes: ['Restart'],
        paths: ['/agent/interval'],
      },
      {
        what: 'a number that is written otherwise',
        edit: swap('1_000', '1000'),
        classes: ['Restart'],
        paths: ['/agent/metric_batch_size'],
      },
      {
        what: 'other quotes, a comment, a table written with dots',
        edit: all(
          swap('"10s"', "'10s'"),
          swap('debug = false', 'debug = false # never'),
          swap('[inputs.disk.tags]\nteam = ', 'tags.team = '),
        ),
        classes: [],
        paths: [],
      },
    ],
  },
  {
    name: 'PHP',
    key: 'php.ini',
    text: real('php.ini'),
    rules: [{ keys: ['*.ini'], paths: ['/PHP/memory_limit', '/PHP/max_execution_time'], class: 'Hot' }],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'the limit',
        edit: swap('memory_limit = 256M', 'memory_limit = 512M'),
        classes: ['Hot'],
        paths: ['/PHP/memory_limit'],
      },
      {
        what: 'one more extension',
        edit: swap('extension = redis\n', 'extension = redis\nextension = intl\n'),
        classes: ['Restart'],
        paths: ['/PHP/extension/2'],
      },
      {
        what: 'what stands behind a value: not every reader takes it for a comment',
        edit: swap('; seconds', '; s'),
        classes: ['Hot'],
        paths: ['/PHP/max_execution_time'],
      },
      {
        what: 'comments on lines of their own, blanks, and the order of sections',
        edit: (text) => {
          const [php = '', opcache = '', session = ''] = text.split(/(?=\n\[)/);
          return `${session}\n; comment\n${opcache}\n${php}\n`.replaceAll(' = ', '=');
        },
        classes: [],
        paths: [],
      },
    ],
  },
  {
    name: 'ASP.NET',
    key: 'appsettings.json',
    text: real('appsettings.json'),
    rules: [
      { keys: ['appsettings*.json'], paths: ['/Kestrel/**', '/ConnectionStrings/**'], class: 'Restart' },
      { keys: ['appsettings*.json'], paths: ['/**'], class: 'Hot' },
    ],
    defaultClass: 'Restart',
    edits: [
      {
        what: 'a level',
        edit: swap('"Default": "Information"', '"Default": "Debug"'),
        classes: ['Hot'],
        paths: ['/Logging/LogLevel/Default'],
      },
      {
        what: 'a share that is written otherwise',
        edit: swap('0.10', '0.1'),
        classes: ['Hot'],
        paths: ['/Features/0/Share'],
      },
      {
        what: 'a limit',
        edit: swap('"MaxConcurrentConnections": 100', '"MaxConcurrentConnections": 200'),
        classes: ['Restart'],
        paths: ['/Kestrel/Limits/MaxConcurrentConnections'],
      },
      {
        what: 'a number that is a string now',
        edit: swap('"MaxConcurrentConnections": 100', '"MaxConcurrentConnections": "100"'),
        classes: ['Restart'],
        paths: ['/Kestrel/Limits/MaxConcurrentConnections'],
      },
      {
        what: 'a map that becomes null: it counts for all that was in it',
        edit: swap('"Http": { "Url": "http://0.0.0.0:8080" }', '"Http": null'),
        classes: ['Restart'],
        paths: ['/Kestrel/Endpoints/Http'],
      },
      {
        what: 'the order of keys, blanks and escapes',
        edit: all(
          swap(
            '"Default": "Information", "Microsoft.AspNetCore": "Warning"',
            '"Microsoft.AspNetCore":"Warning","Default":"Information"',
          ),
          swap('"AllowedHosts": "*"', '"AllowedHosts": "\\u002a"'),
        ),
        classes: [],
        paths: [],
      },
      { what: 'a comment, which JSON has none', edit: append('// end\n'), classes: ['Restart'], broken: true },
    ],
  },
];
