import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What a cluster can be asked through its control socket. */
export type Operation = 'ping' | 'killApiServer' | 'startApiServer' | 'compact' | 'stop' | 'watch';

type Answer = { readonly done: true } | { readonly error: string };

/** One line of JSON each way; `watch` stays open and gets a line when the cluster breaks. */
export interface ControlServer {
  /** Tells every watcher why the cluster is broken, also those that come later. */
  broken(reason: string): void;
  close(): void;
}

/**
 * Answers operations on a unix socket.
 *
 * @param perform does one operation; what it throws is the asker's error message.
 */
export async function serveControl(
  path: string,
  perform: (operation: Operation) => Promise<void>,
): Promise<ControlServer> {
  const watchers = new Set<Socket>();
  let brokenBy: string | undefined;
  const tell = (watcher: Socket, reason: string): void => {
    watcher.write(`${JSON.stringify({ error: reason } satisfies Answer)}\n`);
  };
  const server = createServer((socket) => {
    // An asker may go away at any time, even before it has its answer.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => watchers.delete(socket));
    createInterface({ input: socket }).once('line', (line) => {
      const operation = line as Operation;
      if (operation === 'watch') {
        watchers.add(socket);
        if (brokenBy !== undefined) tell(socket, brokenBy);
        return;
      }
      void answer(perform, operation).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  });
  await listen(server, path);
  return {
    broken: (reason) => {
      brokenBy = reason;
      for (const watcher of watchers) tell(watcher, reason);
    },
    close: () => {
      server.close();
      for (const watcher of watchers) watcher.destroy();
    },
  };
}

async function answer(perform: (operation: Operation) => Promise<void>, operation: Operation): Promise<Answer> {
  try {
    await perform(operation);
    return { done: true };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** Asks for one operation and waits for its end. @throws what the operation threw, or when nobody answers. */
export async function ask(path: string, operation: Exclude<Operation, 'watch'>, timeoutMs = 120_000): Promise<void> {
  const reply = await new Promise<Answer>((resolve, reject) => {
    const socket = createConnection(path);
    const fail = (message: string, cause?: Error): void => {
      socket.destroy();
      reject(new Error(message, { cause }));
    };
    socket.setTimeout(timeoutMs, () => {
      fail(`the cluster did not answer ${operation} within ${timeoutMs / 1000} s`);
    });
    socket.once('error', (cause) => {
      fail(`the cluster does not answer at ${path}`, cause);
    });
    socket.once('close', () => {
      reject(new Error(`the cluster ended while asked to ${operation}`));
    });
    createInterface({ input: socket }).once('line', (line) => {
      resolve(JSON.parse(line) as Answer);
    });
    socket.write(`${operation}\n`);
  });
  if ('error' in reply) throw new Error(reply.error);
}

/** Calls back when the cluster breaks. Keeps no process alive. */
export function watchForBreakage(path: string, onBroken: (reason: string) => void): void {
  const socket = createConnection(path);
  socket.unref();
  // The end of the cluster ends the connection; whoever uses the cluster notices by using it.
  socket.on('error', () => socket.destroy());
  createInterface({ input: socket }).on('line', (line) => {
    const reply = JSON.parse(line) as Answer;
    if ('error' in reply) onBroken(reply.error);
  });
  socket.write('watch\n');
}
