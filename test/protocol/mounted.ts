/** An application with its file, mounted as the kubelet mounts a ConfigMap. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAtomicWriter } from '../support/atomic-writer.ts';
import { ask, filesOf, sha256, type Answer, type Signature, type Told } from './answer.ts';
import { start, type Command, type Running } from './application.ts';

export interface Subject extends Command {
  readonly name: string;
  /** Name of the file that it is given. */
  readonly file: string;
  /** Two contents that it takes. */
  readonly accepted: readonly [string, string];
  /** Contents that it refuses. */
  readonly refused: readonly string[];
  /** Whether it notices changes without being asked. */
  readonly follows: boolean;
  /** @throws where it does not run on this content, whatever it tells */
  readonly checkInForce?: (origin: string, content: string) => Promise<void>;
}

export const SIGNING_KEY = 'the key of the conformance tests';

export class Mounted {
  readonly #folder: string;
  readonly #subject: Subject;
  /** As the application opens it. */
  readonly file: string;
  readonly running: Running;

  private constructor(folder: string, subject: Subject, running: Running) {
    this.#folder = folder;
    this.#subject = subject;
    this.file = fileIn(folder, subject);
    this.running = running;
  }

  static async open(subject: Subject, content: string, { signed = false, mayEnd = false } = {}): Promise<Mounted> {
    const folder = mkdtempSync(join(tmpdir(), 'reload-protocol-'));
    try {
      const keyFile = join(folder, 'key');
      writeFileSync(keyFile, SIGNING_KEY);
      mkdirSync(join(folder, 'config'));
      createAtomicWriter(join(folder, 'config')).write({ [subject.file]: content });
      const file = fileIn(folder, subject);
      const running = await start(subject, { file, mayEnd, ...(signed && { keyFile }) });
      return new Mounted(folder, subject, running);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.running.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** One swap, as the kubelet does it. Without content the file is gone. */
  mount(content?: string): void {
    const files = content === undefined ? {} : { [this.#subject.file]: content };
    createAtomicWriter(join(this.#folder, 'config')).write(files);
  }

  ask(method: string, signature?: Signature): Promise<Answer> {
    return ask(method, this.running.url, signature);
  }

  /** What an answer tells of the file; checks the rest of it. */
  async told(method: 'GET' | 'POST'): Promise<{ readonly status: number; readonly file?: Told }> {
    const { accepted, refused } = this.#subject;
    const answer = await this.ask(method);
    const [file, ...more] = filesOf(answer, longWords([...accepted, ...refused])).filter(
      ({ path }) => path === this.file,
    );
    assert.deepEqual(more, [], `${this.file} is told of twice`);
    return { status: answer.status, ...(file !== undefined && { file }) };
  }

  async checkLoaded(content: string, method: 'GET' | 'POST'): Promise<void> {
    const { status, file } = await this.told(method);
    const expected = { status: 200, path: this.file, sha256: sha256(content), error: undefined };
    assert.deepEqual({ status, path: file?.path, sha256: file?.sha256, error: file?.error }, expected);
    assert.notEqual(file?.loadedAt, undefined, 'loadedAt is missing');
    await this.checkInForce(content);
  }

  async checkInForce(content: string): Promise<void> {
    await this.#subject.checkInForce?.(new URL(this.running.url).origin, content);
  }

  /** Mounts it, and has it loaded. */
  async load(content: string): Promise<void> {
    this.mount(content);
    await this.checkLoaded(content, 'POST');
  }
}

const fileIn = (folder: string, { file }: Subject): string => join(folder, 'config', file);

/** What an answer that quotes content would most likely show. */
const longWords = (contents: readonly string[]): readonly string[] =>
  contents.flatMap((content) => content.match(/[\w-]{12,}/g) ?? []);
