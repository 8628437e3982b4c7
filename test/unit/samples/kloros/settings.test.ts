import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { SETTINGS, validateSettings } from '../../../../config/samples/kloros/app/settings.ts';
import { parseEnvFile } from '../../../../src/watcher/index.ts';

const SAMPLE = join(import.meta.dirname, '../../../../config/samples/kloros');

const manifest = parse(readFileSync(join(SAMPLE, 'configmap.yaml'), 'utf8')) as {
  readonly data: Readonly<Record<string, string>>;
};
const shipped = parseEnvFile(manifest.data['.kloros_env'] ?? '');

describe('the settings of kloros', () => {
  it('are what the ConfigMap holds, each of them, and valid', () => {
    assert.ok(shipped.size > 100);
    assert.deepEqual([...shipped.keys()].sort(), Object.keys(SETTINGS).sort());
    validateSettings(shipped);
  });

  for (const [name, value, message] of [
    ['KLR_DETECTOR_THRESHOLD', 'banana', 'KLR_DETECTOR_THRESHOLD is "banana", but it takes a number from 0.5 to 20'],
    ['KLR_DETECTOR_THRESHOLD', '', 'KLR_DETECTOR_THRESHOLD is "", but it takes a number from 0.5 to 20'],
    ['KLR_DETECTOR_THRESHOLD', '1e1', 'KLR_DETECTOR_THRESHOLD is "1e1", but it takes a number from 0.5 to 20'],
    ['KLR_DETECTOR_THRESHOLD', '20.01', 'KLR_DETECTOR_THRESHOLD is "20.01", but it takes a number from 0.5 to 20'],
    ['KLR_DETECTOR_BATCH_SIZE', '8.5', 'KLR_DETECTOR_BATCH_SIZE is "8.5", but it takes a whole number from 1 to 256'],
    ['KLR_LOOP_ENABLED', 'yes', 'KLR_LOOP_ENABLED is "yes", but it takes true or false'],
    ['KLR_LOG_LEVEL', 'loud', 'KLR_LOG_LEVEL is "loud", but it takes one of debug, info, warn, error'],
    [
      'KLR_LLM_MODEL',
      'a b',
      'KLR_LLM_MODEL is "a b", but it takes a name of letters, digits and ._:/-, at most 128 characters',
    ],
    ['NODE_OPTIONS', '--inspect', 'NODE_OPTIONS is no setting: they begin with KLR_'],
  ] as const) {
    it(`refuse ${name}=${value}`, () => {
      assert.throws(() => validateSettings(new Map([...shipped, [name, value]])), { message });
    });
  }

  it('let one of a later version through, and one that is not needed be left out', () => {
    const fewer = new Map(shipped);
    fewer.delete('KLR_LLM_MODEL');
    validateSettings(new Map([...fewer, ['KLR_OF_A_LATER_VERSION', 'anything']]));
  });

  it('must have those that no process runs without', () => {
    const fewer = new Map(shipped);
    fewer.delete('KLR_DETECTOR_SMOOTHING');
    assert.throws(() => validateSettings(fewer), {
      message: 'KLR_DETECTOR_SMOOTHING is missing: it takes a number from 0.0001 to 0.5',
    });
  });
});
