import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describePath } from '../../../src/kube/request-label.ts';

const cases: readonly [string, string, string][] = [
  ['/api/v1/configmaps', 'configmaps', '/api/v1/configmaps'],
  ['/api/v1/namespaces/x/configmaps', 'configmaps', '/api/v1/namespaces/{namespace}/configmaps'],
  ['/api/v1/namespaces/x/pods/y/status', 'pods/status', '/api/v1/namespaces/{namespace}/pods/{name}/status'],
  [
    '/apis/apps/v1/namespaces/x/deployments/y',
    'deployments',
    '/apis/apps/v1/namespaces/{namespace}/deployments/{name}',
  ],
  ['/api/v1/namespaces', 'namespaces', '/api/v1/namespaces'],
  ['/api/v1/namespaces/x', 'namespaces', '/api/v1/namespaces/{name}'],
  ['/api/v1/nodes/n', 'nodes', '/api/v1/nodes/{name}'],
  ['/version', '/version', '/version'],
  ['/apis', '/apis', '/apis'],
];

describe('template of a path', () => {
  for (const [path, resource, template] of cases) {
    it(`of ${path} names no object`, () => {
      assert.deepEqual(describePath(path), { resource, template });
    });
  }
});
