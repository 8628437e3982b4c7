import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isConflict, isNotFound, isTooLarge, kubeError, type Refusal } from '../../../src/kube/errors.ts';

const refusal = (status: number, body: unknown, more: Partial<Refusal> = {}): Refusal => ({
  method: 'PATCH',
  path: '/api/v1/namespaces/x/pods/y/status',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...more,
});

const status = (fields: object): object => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', ...fields });

describe('error of the API server', () => {
  it('has a stable code, the reason and the sentence of the server', () => {
    const error = kubeError(refusal(403, status({ reason: 'Forbidden', message: 'pods "y" is forbidden', code: 403 })));
    assert.deepEqual(
      { code: error.code, status: error.status, reason: error.reason, message: error.message },
      {
        code: 'KUBE_FORBIDDEN',
        status: 403,
        reason: 'Forbidden',
        message: 'patch /api/v1/namespaces/x/pods/y/status: pods "y" is forbidden',
      },
    );
  });

  const codes: readonly [number, string | undefined, string][] = [
    [404, 'NotFound', 'KUBE_NOT_FOUND'],
    [409, 'AlreadyExists', 'KUBE_ALREADY_EXISTS'],
    [410, 'Expired', 'KUBE_EXPIRED'],
    [422, 'Invalid', 'KUBE_INVALID'],
    [500, undefined, 'KUBE_INTERNAL_ERROR'],
    [418, undefined, 'KUBE_STATUS418'],
  ];
  for (const [httpStatus, reason, code] of codes) {
    it(`is ${code} for ${httpStatus} ${reason ?? 'without a reason'}`, () => {
      assert.equal(kubeError(refusal(httpStatus, status({ reason }))).code, code);
    });
  }

  it('tells an object that is too large from other failures', () => {
    const etcds = status({ message: 'etcdserver: request is too large' });
    const clients = status({ message: 'rpc error: trying to send message larger than max (2162570 vs. 2097152)' });
    const refusals = [
      refusal(413, ''),
      refusal(500, etcds),
      refusal(500, clients),
      refusal(500, ''),
      refusal(422, etcds),
    ];
    assert.deepEqual(
      refusals.map((each) => isTooLarge(kubeError(each))),
      [true, true, true, false, false],
    );
  });

  it('names the fields that were refused', () => {
    const causes = [{ reason: 'FieldValueInvalid', message: 'must be positive', field: 'spec.replicas' }, 'junk'];
    assert.deepEqual(kubeError(refusal(422, status({ details: { causes } }))).causes, causes.slice(0, 1));
  });

  it('knows how long to wait, by header or by body', () => {
    assert.equal(kubeError(refusal(429, '', { retryAfter: '7' })).retryAfterMs, 7000);
    assert.equal(kubeError(refusal(500, status({ details: { retryAfterSeconds: 2 } }))).retryAfterMs, 2000);
    assert.equal(kubeError(refusal(429, '', { retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' })).retryAfterMs, undefined);
  });

  it('keeps pages of others out of the message', () => {
    const error = kubeError(refusal(502, '<html>secret</html>'));
    assert.doesNotMatch(error.message, /secret/);
    assert.match(error.message, /the answer was 502/);
  });

  it('says what a bare 404 means', () => {
    assert.match(kubeError(refusal(404, '404 page not found\n')).message, /is the CustomResourceDefinition installed/);
  });

  it('has a bounded message', () => {
    assert.ok(kubeError(refusal(422, status({ message: 'x'.repeat(1e6) }))).message.length < 1200);
  });

  it('is told apart by status', () => {
    const of = (code: number): Error => kubeError(refusal(code, ''));
    assert.deepEqual(
      [isNotFound(of(404)), isConflict(of(409)), isNotFound(of(403)), isNotFound(new Error())],
      [true, true, false, false],
    );
  });
});
