import { join } from 'node:path';
import { conformance } from '../../protocol/conformance.ts';
import { LLM } from '../../protocol/llm.ts';

const application = join(import.meta.dirname, 'watcher-application.ts');
const command = [process.execPath, application, '{file}', '{port}', '{key}'];
conformance({ ...LLM, name: 'the handler of reload-operator/watcher', command });
