import { join } from 'node:path';
import { before } from 'node:test';
import { preflightPython } from '../../cluster/preflight.ts';
import { CHECKOUT } from '../../cluster/state.ts';
import { conformance } from '../../protocol/conformance.ts';
import { LLM } from '../../protocol/llm.ts';

before(() => preflightPython(console.error));

const application = join(CHECKOUT, 'config/samples/protocol/python/app.py');
conformance({ ...LLM, name: 'the Python example', command: ['python3', application, '{file}', '{port}', '{key}'] });
