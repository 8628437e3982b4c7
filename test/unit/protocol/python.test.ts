import { join } from 'node:path';
import { CHECKOUT } from '../../cluster/state.ts';
import { conformance } from '../../protocol/conformance.ts';
import { LLM } from '../../protocol/llm.ts';

const app = join(CHECKOUT, 'config/samples/protocol/python/app.py');
conformance({ ...LLM, name: 'the Python example', command: ['python3', app, '{file}', '{port}', '{key}'] });
