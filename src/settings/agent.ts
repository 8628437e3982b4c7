/** The settings of the node agent. */

import * as z from 'zod';
import type { Program } from './load.ts';
import { DNS_LABEL, LOG_LEVEL, setting, wholeNumber, type SettingTable, type ValuesOf } from './schema.ts';

const accountList = z.string().transform((list, context) => {
  const accounts = list.split(',').map((each) => each.trim().split('/'));
  if (accounts.every((parts) => parts.length === 2 && parts.every((part) => DNS_LABEL.test(part))))
    return new Set(accounts.map((parts) => `system:serviceaccount:${parts.join(':')}`));
  context.addIssue('not of the form namespace/name');
  return z.NEVER;
});

const AGENT_SETTINGS = {
  operatorAccounts: setting({
    flag: '--operator-accounts',
    env: 'OPERATOR_ACCOUNTS',
    value: 'NS/NAME,…',
    allowed: 'a list of service accounts, as namespace/name, separated by commas',
    description: 'who may ask',
    parse: accountList,
    default: 'reload-operator-system/reload-operator',
  }),
  podsFolder: setting({
    flag: '--pods-folder',
    env: 'PODS_FOLDER',
    value: 'FOLDER',
    allowed: 'an absolute path',
    description: "where the kubelet's folder `pods` is seen",
    parse: z.string().regex(/^\//),
    default: '/pods',
  }),
  tokenFile: setting({
    flag: '--token-file',
    env: 'TOKEN_FILE',
    value: 'FILE',
    allowed: 'an absolute path',
    description: 'the token of audience reload-operator-agent by which the agent proves which pod it is',
    parse: z.string().regex(/^\//),
    default: '/var/run/secrets/reload-operator-agent/token',
  }),
  podUid: setting({
    flag: '--pod-uid',
    env: 'POD_UID',
    value: 'UID',
    allowed: 'the uid of a pod',
    description: "the agent's own pod: it is ready when it sees that pod's folder",
    parse: z
      .string()
      .regex(/^[0-9a-f-]{32,36}$/)
      .optional(),
  }),
  port: setting({
    flag: '--port',
    env: 'AGENT_PORT',
    value: 'PORT',
    allowed: 'a port from 1 to 65535',
    description: 'port that questions are answered on, and /livez and /readyz',
    parse: wholeNumber(1, 65_535),
    default: '8444',
  }),
  kubeconfig: setting({
    flag: '--kubeconfig',
    env: 'KUBECONFIG',
    value: 'FILE',
    allowed: 'the path of a kubeconfig file',
    description: 'how to reach the API server; without it, the service account of the pod',
    parse: z.string().optional(),
  }),
  logLevel: LOG_LEVEL,
} as const satisfies SettingTable;

export type AgentSettings = ValuesOf<typeof AGENT_SETTINGS>;

export const AGENT: Program<typeof AGENT_SETTINGS> = {
  name: 'reload-operator-agent',
  purpose: 'Answers whether the kubelet of its node has written a changed ConfigMap or Secret into the files of a pod.',
  settings: AGENT_SETTINGS,
};
