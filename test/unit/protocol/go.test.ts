import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { conformance } from '../../protocol/conformance.ts';
import { LLM } from '../../protocol/llm.ts';
import { buildGoExample } from '../../support/go-example.ts';

const folder = mkdtempSync(join(tmpdir(), 'reload-protocol-go-'));
const binary = join(folder, 'app');
before(() => buildGoExample(binary));
after(() => rmSync(folder, { recursive: true }));

conformance({ ...LLM, name: 'the Go example', command: [binary, '{file}', '{port}', '{key}'] });
