import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { macScheme } from '../../../src/domain/digest.ts';
import { inspectKey } from '../../../src/documents/inspect.ts';
import { splitDocument } from '../../../src/documents/split.ts';
import { policy, request } from './requests.ts';

const SCHEMA = JSON.stringify({ properties: { port: { maximum: 65_535 } } });

describe('inspectKey', () => {
  it('splits the document, and is content', () => {
    const asked = request('hot: {a: 1}\nport: 80\n');
    assert.deepEqual(inspectKey(asked), { document: splitDocument(asked), problems: new Map() });
  });

  it('does not split what no rule looks into', () => {
    const rules = [{ keys: ['*'], class: 'Hot' }] as const;
    assert.equal(inspectKey(request('a: 1', { policies: [policy({ rules })] })).document, undefined);
  });

  it('says of each policy what it finds', () => {
    const { document, problems } = inspectKey(
      request('port: 70000\n', {
        policies: [
          policy({ name: 'a' }),
          policy({
            name: 'b',
            validation: [
              { keys: ['x'], maxBytes: 1 },
              { keys: ['app.*'], schema: SCHEMA },
            ],
          }),
          policy({
            name: 'c',
            validation: [
              { keys: ['*'], maxBytes: 1 },
              { keys: ['*'], format: 'Number' },
            ],
          }),
        ],
      }),
    );
    assert.equal(document?.error, undefined);
    assert.deepEqual(
      problems,
      new Map([
        ['b', [{ key: 'app.yaml', path: '/port', rule: 2, message: 'must be at most 65535 (schema: maximum)' }]],
        [
          'c',
          [
            { key: 'app.yaml', rule: 1, message: 'must have at most 1 bytes' },
            { key: 'app.yaml', rule: 2, message: 'must be a decimal number, such as 42, -0.5 or 1e6' },
          ],
        ],
      ]),
    );
  });

  it('says of a document that is none the same to those that split it and those that check it', () => {
    const { document, problems } = inspectKey(request('a: ['));
    const [problem] = problems.get('web') ?? [];
    assert.equal(problem?.message, `can't be read as YAML: ${document?.error ?? ''}`);
  });

  it('says of binary data that it is no text', () => {
    const { document, problems } = inspectKey(request(new Uint8Array([0xff, 0xfe, 0])));
    assert.match(document?.error ?? '', /not UTF-8/);
    assert.deepEqual(problems.get('web'), [{ key: 'app.yaml', rule: 1, message: 'must be text, but is binary' }]);
  });

  it('says at most ten things for a policy', () => {
    const validation = Array.from({ length: 20 }, () => ({ keys: ['*'], format: 'Number' as const }));
    assert.equal(inspectKey(request('x', { policies: [policy({ validation })] })).problems.get('web')?.length, 10);
  });

  describe('of a Secret', () => {
    const secret = (schemas: boolean) =>
      request('PASS: hunter2hunter2\nport: 70000\n', {
        source: { kind: 'Secret', name: 'app' },
        scheme: macScheme({ id: '00000000', bytes: new Uint8Array(32) }, 'ns', 'Secret', 'app'),
        policies: [
          policy({
            validation: [
              { keys: ['*'], schema: JSON.stringify({ additionalProperties: { maximum: 1, type: 'boolean' } }) },
            ],
          }),
        ],
        schemas,
      });

    it('gives no answer to a schema', () => {
      assert.deepEqual(inspectKey(secret(false)).problems, new Map());
    });

    it('names no place, where its owner allows schemas', () => {
      const problems = inspectKey(secret(true)).problems.get('web') ?? [];
      assert.ok(problems.length > 0);
      for (const each of problems) assert.deepEqual(Object.keys(each), ['key', 'rule', 'message']);
      assert.doesNotMatch(JSON.stringify(problems), /PASS|hunter2|70000/);
    });
  });
});
