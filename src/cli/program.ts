/** The commands of `kubectl reload`: what they are called, what they take, and what they say of themselves. */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../api/v1alpha1/duration.ts';
import { VERSION } from '../version.ts';
import type { ApproveFlags, AskFlags } from './ask.ts';
import type { ClusterFlags } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import type { ExplainFlags } from './explain.ts';
import type { HistoryFlags } from './history.ts';
import type { RollbackFlags } from './managed.ts';
import type { PlanFlags } from './plan.ts';
import type { RbacFlags } from './rbac.ts';
import type { StatusFlags } from './status.ts';
import type { Terminal } from './terminal.ts';
import type { WaitFlags } from './wait.ts';

/** Runs a command to its end; the exit code. Never rejects. */
export const run = async (argv: readonly string[], terminal: Terminal): Promise<number> => {
  let code: number = EXIT.ok;
  const program = createProgram(terminal, (ended) => {
    code = ended;
  });
  if (argv.length === 0) {
    terminal.out(program.helpInformation());
    return EXIT.ok;
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (terminal.signal.aborted) return EXIT.failed;
    terminal.err(`kubectl reload: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof Failure ? error.code : EXIT.failed;
  }
};

const createProgram = (terminal: Terminal, end: (code: number) => void): Command => {
  const program = new Command('kubectl reload')
    .description(
      'Says what a changed ConfigMap or Secret does to running workloads: what it did, what it does, and what it would do.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      outputError: (text, write) => {
        write(`kubectl reload: ${oneSentence(text)}; see --help\n`);
      },
    })
    .configureHelp({ helpWidth: 100, sortSubcommands: false, showGlobalOptions: false })
    .helpCommand('help [command]', 'show the help of a command')
    .version(`kubectl-reload ${VERSION}`, '--version', 'print the version');
  const command = (name: string, description: string, more: readonly string[]): Command =>
    program
      .command(name)
      .description(description)
      .addHelpText('after', `\n${more.join('\n')}`);

  withCluster(
    command('status [policy]', 'the policies of a namespace, and how their workloads stand', STATUS_HELP),
    true,
  )
    .addOption(output(['text', 'json', 'yaml']))
    .option('-w, --watch', 'go on, and show what changes')
    .action(async (policy: string | undefined, flags: StatusFlags) => {
      end(await (await import('./status.ts')).status(policy, flags, terminal));
    });
  withCluster(command('history [policy|workload]', 'what was done, the newest first', HISTORY_HELP), true)
    .addOption(output(['text', 'json', 'yaml']))
    .option('-w, --watch', 'go on, and show what is done')
    .action(async (of: string | undefined, flags: HistoryFlags) => {
      end(await (await import('./history.ts')).history(of, flags, terminal));
    });
  withCluster(command('wait', 'until the present content of sources is done everywhere', WAIT_HELP))
    .requiredOption('--source <kind/name>', 'cm/NAME or secret/NAME; may be given again', collected)
    .addOption(
      new Option('--timeout <duration>', 'how long to wait, as 90s or 1h30m')
        .argParser(duration)
        .default(300_000, '5m'),
    )
    .action(async (flags: WaitFlags) => {
      end(await (await import('./wait.ts')).wait(flags, terminal));
    });
  withCluster(command('plan', 'what a change would do', PLAN_HELP))
    .requiredOption(
      '-f, --filename <file>',
      'file or folder with what is to change, or - for standard input; may be given again',
      collected,
    )
    .option('--against <folder>', 'manifests that stand for the cluster, which is not asked then')
    .addOption(output(['text', 'json', 'yaml', 'markdown']))
    .action(async (flags: PlanFlags) => {
      end(await (await import('./plan.ts')).plan(flags, terminal));
    });
  withCluster(command('explain <workload>', 'what each key of its sources does to a workload, and why', EXPLAIN_HELP))
    .option('--key <key>', 'only this key')
    .option('--against <folder>', 'manifests that stand for the cluster, which is not asked then')
    .addOption(output(['text', 'json', 'yaml']))
    .action(async (workload: string, flags: ExplainFlags) => {
      end(await (await import('./explain.ts')).explain(workload, flags, terminal));
    });
  withCluster(
    command('approve <workload|policy>', 'let the change through that waits for approval, and no other', APPROVE_HELP),
  )
    .option('--digest <content>', 'only if this content is what waits, of one workload')
    .addOption(answerTimeout())
    .action(async (of: string, flags: ApproveFlags) => {
      end(await (await import('./ask.ts')).approve(of, flags, terminal));
    });
  withCluster(command('now <workload>', 'restart now for what waits, whatever gate holds it', NOW_HELP))
    .addOption(answerTimeout())
    .action(async (workload: string, flags: AskFlags) => {
      end(await (await import('./ask.ts')).now(workload, flags, terminal));
    });
  withCluster(command('retry <workload>', 'try content again that failed', RETRY_HELP))
    .addOption(answerTimeout())
    .action(async (workload: string, flags: AskFlags) => {
      end(await (await import('./ask.ts')).retry(workload, flags, terminal));
    });
  withCluster(command('reset <workload>', 'forget the restarts so far, which used up a budget', RESET_HELP))
    .addOption(answerTimeout())
    .action(async (workload: string, flags: AskFlags) => {
      end(await (await import('./ask.ts')).reset(workload, flags, terminal));
    });
  withCluster(
    command('rollback <workload|live-object>', 'deliver an earlier snapshot again, by a restart', ROLLBACK_HELP),
  )
    .option('--to <number>', 'the snapshot; without it, the latest before the present one', numbered)
    .addOption(answerTimeout())
    .action(async (of: string, flags: RollbackFlags) => {
      end(await (await import('./managed.ts')).rollback(of, flags, terminal));
    });
  withCluster(command('diff [policy]', 'what live objects do not hold yet of their sources', DIFF_HELP)).action(
    async (policy: string | undefined, flags: ClusterFlags) => {
      end(await (await import('./managed.ts')).diff(policy, flags, terminal));
    },
  );
  command('rbac', 'the exact rights that policies need, as Roles', RBAC_HELP)
    .requiredOption(
      '-f, --filename <file>',
      'file or folder with policies, or - for standard input; may be given again',
      collected,
    )
    .option('-n, --namespace <name>', 'namespace of policies that name none')
    .option('--complete', 'all that an operator without any rights needs, not only what Secrets add')
    .option('--secrets-blind', 'the operator runs with --secrets-blind')
    .option('--serviceaccount <namespace:name>', 'whose rights they are; without it, the account of config/default')
    .action(async (flags: RbacFlags) => {
      end(await (await import('./rbac.ts')).rbac(flags, terminal));
    });
  command('completion <shell>', 'a script that completes commands in bash, zsh or fish', COMPLETION_HELP).action(
    async (shell: string) => {
      end((await import('./completion.ts')).completion(shell, terminal));
    },
  );
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      end((await import('./completion.ts')).complete(words, program, terminal));
    });
  program
    .command('version')
    .description('print the version')
    .action(() => {
      terminal.out(`kubectl-reload ${VERSION}\n`);
    });
  return program;
};

/** The flags of kubectl that say which cluster, and where in it. */
const withCluster = (command: Command, all = false): Command => {
  command.option('-n, --namespace <name>', "namespace to look in; without it, the context's own");
  if (all) command.addOption(new Option('-A, --all-namespaces', 'look in all namespaces').conflicts('namespace'));
  return command
    .option('--context <name>', 'context of the kubeconfig to use instead of its current one')
    .option('--kubeconfig <file>', 'how to reach the cluster; without it, KUBECONFIG, then ~/.kube/config');
};

const output = (formats: readonly string[]): Option =>
  new Option('-o, --output <format>', 'how to print it').choices(formats).default('text');

const answerTimeout = (): Option =>
  new Option('--timeout <duration>', 'how long to wait for the answer, as 90s')
    .argParser(duration)
    .default(60_000, '1m');

const numbered = (value: string): number => {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new InvalidArgumentError('it is the number of a snapshot');
  return Number(value);
};

const collected = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const duration = (text: string): number => {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
};

const oneSentence = (text: string): string =>
  text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')
    .replaceAll(/\s*\n\s*/g, ' ');

const STATUS_HELP = [
  'Examples:',
  '  kubectl reload status',
  '  kubectl reload status signalprocessing -n shop -w',
  '  kubectl reload status -A -o json',
  '',
  'Exit codes: 0 shown; 1 the cluster said no, or there is no such policy; 2 bad usage.',
];

const HISTORY_HELP = [
  'Examples:',
  '  kubectl reload history',
  '  kubectl reload history signalprocessing',
  '  kubectl reload history deploy/web -w',
  '',
  'Exit codes: 0 shown; 1 the cluster said no, or there is no such policy or record; 2 bad usage.',
];

const WAIT_HELP = [
  'Examples:',
  '  kubectl apply -f app.yaml && kubectl reload wait --source cm/app',
  '  kubectl reload wait --source cm/app --source secret/app --timeout 15m -n shop',
  '',
  'Exit codes: 0 done, and proven where a policy wants that; 1 a rollout failed or timed out, a proof did, or the',
  'cluster said no; 2 bad usage, or nothing names the source; 3 held or blocked; 124 not done in time.',
];

const PLAN_HELP = [
  'Examples:',
  '  kubectl reload plan -f app.yaml',
  '  kustomize build . | kubectl reload plan -f -',
  '  kubectl reload plan -f changed/ --against manifests/ -o markdown',
  '',
  'Exit codes: 0 nothing; 10 hot only; 20 a restart, also one that is blocked; 30 invalid content; 1 the cluster or',
  'a file said no; 2 bad usage.',
];

const EXPLAIN_HELP = [
  'Examples:',
  '  kubectl reload explain deploy/web',
  '  kubectl reload explain deploy/web --key config.yaml -o yaml',
  '  kubectl reload explain sts/db --against manifests/',
  '',
  'Exit codes: 0 shown; 1 the cluster or a file said no, or there is no such workload; 2 bad usage.',
];

const ANSWER_CODES = [
  'Exit codes: 0 done, which the operator has said; 1 refused, nothing waits, or the cluster said no; 2 bad usage;',
  '124 not answered in time.',
];

const APPROVE_HELP = [
  'Examples:',
  '  kubectl reload approve deploy/web',
  '  kubectl reload approve deploy/web --digest h3pQ2rW7vTt0a6NwB1sKfg',
  '  kubectl reload approve signalprocessing -n shop',
  '',
  ...ANSWER_CODES,
];

const NOW_HELP = ['Examples:', '  kubectl reload now deploy/web', '', ...ANSWER_CODES];

const RETRY_HELP = ['Examples:', '  kubectl reload retry deploy/web', '', ...ANSWER_CODES];

const RESET_HELP = ['Examples:', '  kubectl reload reset deploy/web', '', ...ANSWER_CODES];

const ROLLBACK_HELP = [
  'Examples:',
  '  kubectl reload rollback deploy/web',
  '  kubectl reload rollback web-live --to 3',
  '',
  ...ANSWER_CODES,
];

const DIFF_HELP = [
  'Examples:',
  '  kubectl reload diff',
  '  kubectl reload diff web -n shop',
  '',
  'Exit codes: 0 shown; 1 the cluster said no, or there is no such policy; 2 bad usage.',
];

const RBAC_HELP = [
  'Examples:',
  '  kubectl reload rbac -f policies/ | kubectl apply -f -',
  '  kubectl reload rbac -f policies/ -n shop --complete --serviceaccount shop:reload-operator',
  '',
  'Exit codes: 0 printed; 1 a file said no, or has no policy; 2 bad usage.',
];

const COMPLETION_HELP = [
  'Examples:',
  '  source <(kubectl reload completion bash)',
  '  kubectl reload completion zsh > "${fpath[1]}/_kubectl-reload"',
  '  kubectl reload completion fish > ~/.config/fish/completions/kubectl-reload.fish',
  '',
  'These complete kubectl-reload. For kubectl reload, kubectl runs an executable kubectl_complete-reload from the PATH:',
  "  printf '%s\\n' '#!/bin/sh' 'exec kubectl-reload __complete -- \"$@\"' > ~/bin/kubectl_complete-reload",
  '  chmod +x ~/bin/kubectl_complete-reload',
];
