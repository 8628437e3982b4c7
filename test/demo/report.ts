/** The third act: what the operator says of it, and what to try next. */

import { policyOf } from './sample.ts';
import { makeLine, OPERATOR_NAMESPACE, SAMPLE, SAMPLE_NAMESPACE, shellLines, table, type Stage } from './stage.ts';

interface EventList {
  readonly items: readonly {
    readonly eventTime?: string;
    readonly type: string;
    readonly reason: string;
    readonly note: string;
    readonly reportingController?: string;
  }[];
}

const MOST_EVENTS = 6;

export const showReport = async ({ client, kubectl, print }: Stage): Promise<void> => {
  print('3. What is said of it');
  print();
  const get = async (...what: readonly string[]): Promise<void> => {
    print(`   $ kubectl -n ${SAMPLE_NAMESPACE} get ${what.join(' ')}`);
    const lines = (await kubectl.run(['-n', SAMPLE_NAMESPACE, 'get', ...what])).trimEnd().split('\n');
    for (const line of lines) print(`   ${line.trimEnd()}`);
    print();
  };
  await get('reloadpolicies');
  const { conditions = [] } = (await policyOf(client)).status ?? {};
  print('   conditions of the policy');
  for (const line of table(conditions.map(({ type, status, reason, message }) => [type, status, reason, message])))
    print(`     ${line}`);
  print();
  const { items } = await client.request<EventList>({
    method: 'GET',
    path: `/apis/events.k8s.io/v1/namespaces/${SAMPLE_NAMESPACE}/events`,
  });
  const ours = items
    .filter(({ reportingController = '' }) => reportingController.startsWith('reload-operator.dev/'))
    .sort((a, b) => ((a.eventTime ?? '') < (b.eventTime ?? '') ? -1 : 1))
    .slice(-MOST_EVENTS);
  print(`   events (the latest ${ours.length})`);
  const rows = ours.map(({ eventTime = '', type, reason, note }) => [eventTime.slice(11, 19), type, reason, note]);
  for (const line of table(rows)) print(`     ${line}`);
};

export const showNext = ({ cluster, borrowed, print }: Stage): void => {
  const lines = [
    ...(borrowed ? [] : shellLines(cluster)),
    `kubectl -n ${SAMPLE_NAMESPACE} get reloadpolicies --watch`,
    `kubectl -n ${SAMPLE_NAMESPACE} edit configmap ${SAMPLE}`,
    `kubectl -n ${SAMPLE_NAMESPACE} get reloadrecords -o yaml`,
    `kubectl -n ${SAMPLE_NAMESPACE} patch reloadpolicy ${SAMPLE} --type=merge -p '{"spec":{"suspend":true}}'`,
    `kubectl -n ${OPERATOR_NAMESPACE} logs deployment/reload-operator`,
    ...(borrowed
      ? [`kubectl delete namespace ${SAMPLE_NAMESPACE}`, 'kubectl delete -k config/default']
      : [makeLine('cluster-down', cluster.name)]),
  ];
  print(
    borrowed ? 'All of it stays where it is. To try next, and to remove it:' : 'The cluster stays up. To try next:',
  );
  print();
  for (const line of lines) print(`   ${line}`);
};
