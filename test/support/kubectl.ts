import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** What kubectl needs to know of a cluster; every `Cluster` is one. */
export interface KubectlTarget {
  readonly kubectl: string;
  readonly kubeconfig: string;
}

export interface KubectlOptions {
  /** Given to kubectl on standard input (`-f -`). */
  readonly input?: string;
  /** Default 60 s. */
  readonly timeoutMs?: number;
}

export interface Kubectl {
  /** Standard output. @throws with the command and its standard error when it exits non-zero. */
  run(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** `run` with `-o json`, parsed. The caller vouches for the shape. */
  json(args: readonly string[], options?: KubectlOptions): Promise<unknown>;
  /** `kubectl apply -f -` of any number of manifests. */
  apply(...manifests: readonly object[]): Promise<string>;
}

/** kubectl of a test cluster, with that cluster's own kubeconfig and nothing from the environment's. */
export function kubectlFor(target: KubectlTarget): Kubectl {
  const run = async (args: readonly string[], { input, timeoutMs = 60_000 }: KubectlOptions = {}): Promise<string> => {
    const child = spawn(target.kubectl, ['--kubeconfig', target.kubeconfig, ...args], {
      stdio: 'pipe',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const exited = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    // kubectl may exit without reading its input: its exit code and message tell why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${(stderr || stdout).trim()}`);
    return stdout;
  };
  return {
    run,
    json: async (args, options) => JSON.parse(await run([...args, '-o', 'json'], options)) as unknown,
    apply: (...manifests) =>
      run(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }) }),
  };
}
