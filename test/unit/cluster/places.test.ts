import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placesOf } from '../../cluster/state.ts';

describe('placesOf', () => {
  it('puts a named cluster below .cluster and takes a path as it is', () => {
    assert.match(placesOf('dev').dir, /\/\.cluster\/dev$/);
    assert.equal(placesOf('/srv/clusters/dev').dir, '/srv/clusters/dev');
    assert.equal(placesOf('/srv/clusters/dev').name, 'dev');
  });

  it('tells clusters of one name in two folders apart', () => {
    assert.notEqual(placesOf('/a/dev').id, placesOf('/b/dev').id);
  });

  it('keeps the control socket short enough for the kernel', () => {
    const { controlSocket } = placesOf(`/${'deep/'.repeat(60)}${'n'.repeat(30)}`);
    assert.ok(Buffer.byteLength(controlSocket) <= 107, controlSocket);
  });

  for (const name of ['', 'Dev', 'a_b', '-a', 'a-', 'n'.repeat(31)]) {
    it(`refuses "${name}" and says what a name is made of`, () => {
      assert.throws(() => placesOf(name), /lower-case letters, digits or dashes/);
    });
  }
});
