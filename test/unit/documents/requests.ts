import type { ContentFormat } from '../../../src/domain/validation.ts';
import { PLAIN } from '../../../src/domain/digest.ts';
import type { InspectingPolicy, KeyRequest } from '../../../src/domain/inspection.ts';

export const policy = (parts: Partial<InspectingPolicy> = {}): InspectingPolicy => ({
  name: 'web',
  rules: [{ keys: ['*'], paths: ['/hot/**'], class: 'Hot' }],
  defaultClass: 'Restart',
  validation: [{ keys: ['*.yaml'], format: 'YAML' }],
  ...parts,
});

export const request = (content: string | Uint8Array, parts: Partial<KeyRequest> = {}): KeyRequest => ({
  source: { kind: 'ConfigMap', name: 'app' },
  scheme: PLAIN,
  key: 'app.yaml',
  content,
  policies: [policy()],
  schemas: true,
  ...parts,
});

/** Those that need nothing else to be given. */
export const PLAIN_FORMATS: readonly ContentFormat[] = [
  'YAML',
  'JSON',
  'TOML',
  'Properties',
  'Dotenv',
  'INI',
  'Number',
  'Duration',
  'Quantity',
  'URL',
  'PEM',
];
