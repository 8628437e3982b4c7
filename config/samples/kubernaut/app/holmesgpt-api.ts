/**
 * Prepares questions for a language model. Which model, of which provider, with which tools is a setting that moves
 * while it runs. It asks no model: it answers with the request that it would send.
 */

import { join } from 'node:path';
import { UserError } from './errors.ts';
import { FOLDER, PORT, readFlags } from './flags.ts';
import { current, follow } from './follow.ts';
import { enabledOf, fieldsOf, parseJson, words } from './json.ts';
import type { Service } from './service.ts';

const FLAGS = { 'config-dir': { ...FOLDER, preset: '/etc/holmesgpt-api' }, port: PORT };

const PROVIDERS = ['anthropic', 'azure', 'bedrock', 'ollama', 'openai', 'vertexai'];

interface Config {
  readonly llm: { readonly provider: string; readonly model: string };
  /** Those that are enabled. */
  readonly toolsets: readonly string[];
}

export const holmesgptApi = async (argv: readonly string[]): Promise<Service> => {
  const flags = readFlags(argv, FLAGS);
  const config = await follow(join(flags['config-dir'], 'config.json'), { parse: parseConfig });
  return {
    port: Number(flags.port),
    state: () => ({ loaded: { since: config.status().since, ...current(config) } }),
    routes: {
      'POST /investigate': (body) => {
        const { llm, toolsets } = current(config);
        const question = words(fieldsOf(body, 'the body')['question'], 'question');
        return { status: 200, body: { wouldAsk: { ...llm, toolsets, question } } };
      },
    },
  };
};

const parseConfig = (text: string): Config => {
  const { llm, toolsets } = parseJson(text);
  const { provider, model } = fieldsOf(llm, 'llm');
  if (typeof provider !== 'string' || !PROVIDERS.includes(provider))
    throw new UserError(`llm.provider takes ${PROVIDERS.join(', ')}`);
  return { llm: { provider, model: words(model, 'llm.model') }, toolsets: enabledOf(toolsets, 'toolsets') };
};
