/** The node agent as a process: environment, arguments and signals in, exit code out. */

import { readFile, stat } from 'node:fs/promises';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { ask } from './agent/ask.ts';
import { createCertificate } from './agent/certificate.ts';
import { createOperators } from './agent/operators.ts';
import { AGENT_NAME, operatorAudience } from './agent/protocol.ts';
import { createAgentServer } from './agent/server.ts';
import { connect } from './kube/connect.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { reviewToken } from './kube/tokens.ts';
import { systemClock as clock } from './runtime/clock.ts';
import { toError } from './runtime/errors.ts';
import { createLifecycle } from './runtime/lifecycle.ts';
import { AGENT, type AgentSettings } from './settings/agent.ts';
import { loadSettingsOf } from './settings/load.ts';
import { createLogger } from './telemetry/log.ts';
import { VERSION } from './version.ts';

const loaded = loadSettingsOf(AGENT, { argv: process.argv.slice(2), env: process.env, version: VERSION });

if (!loaded.ok) fail(loaded.message);
else if ('text' in loaded) process.stdout.write(`${loaded.text}\n`);
else await run(loaded.settings);

async function run({ kubeconfig, logLevel, operatorAccounts, podsFolder, podUid, port, tokenFile }: AgentSettings) {
  const log = createLogger({ level: logLevel, clock });
  try {
    const client = connect({
      kubeConfig: loadKubeConfig({ kubeconfig, home: process.env.HOME }),
      userAgent: `${AGENT_NAME}/${VERSION}`,
      maxInFlight: 4,
    });
    const certificate = createCertificate(AGENT_NAME);
    const server = createAgentServer({
      port,
      certificate,
      operators: createOperators({
        review: (token, audience) => reviewToken(client, token, audience),
        usernames: operatorAccounts,
        audience: operatorAudience(certificate.fingerprint),
        clock,
      }),
      // The kubelet renews it.
      identity: async () => (await readFile(tokenFile, 'utf8')).trim(),
      ask: (question, signal) => ask(question, signal, { podsFolder, clock, watch: watchFolder }),
      ailment: () => ailmentOf(podsFolder, podUid),
      clock,
      log,
    });
    const lifecycle = createLifecycle({
      parts: [{ name: 'connection', stop: () => client.close() }, server],
      log,
      clock,
      onFatal: () => undefined,
      stopTimeoutMs: 5_000,
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        void lifecycle.stop(signal).then(() => process.exit(0));
      });
    }
    await lifecycle.start();
    log.info({ version: VERSION, podsFolder, askers: [...operatorAccounts] }, 'started');
  } catch (error) {
    fail(toError(error).message);
  }
}

function watchFolder(folder: string, onEvent: () => void): () => void {
  const watcher = watch(folder, onEvent);
  // The folder is gone, or the kernel has no more to give: the next look tells.
  watcher.on('error', () => {
    watcher.close();
    onEvent();
  });
  return () => {
    watcher.close();
  };
}

/** An agent that sees its own pod's folder sees those of all pods of its node. */
async function ailmentOf(podsFolder: string, podUid: string | undefined): Promise<string | undefined> {
  const folder = podUid === undefined ? podsFolder : join(podsFolder, podUid, 'volumes');
  try {
    await stat(folder);
    return undefined;
  } catch (error) {
    return `${toError(error).message}: is the kubelet's root folder another one on this node? The agent has to see its folder pods at ${podsFolder}`;
  }
}

/** Ends the process at once: a wrong setting is put right by a person, not by trying again. */
function fail(sentence: string): never {
  process.stderr.write(`${AGENT_NAME}: ${sentence}\n`);
  process.exit(1);
}
