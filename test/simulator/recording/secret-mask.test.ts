import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { SecretMask, secretsOf } from '../../../src/simulator/recording/secret-mask.ts';

const secrets = ['aaaaaaaaaaab', 'aaaaaaaaaaaa', 'abababababab.*', 'ababababababab', 'aaaaaaaaaaaabb'];

test('MaskedStream.push() masks the same wherever the bytes are cut, and leaves as many', () => {
  const word = fc.constantFrom(...secrets, 'a', 'ab', 'aaaaa', 'abababab', '.', '😀', 'b');
  fc.assert(
    fc.property(
      fc.array(word),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (words, sizes) => {
        const bytes = Buffer.from(words.join(''));
        const mask = new SecretMask(secrets);
        const wanted = Buffer.from(mask.maskText(bytes.toString('latin1')), 'latin1');
        const stream = mask.openStream();
        const pieces: Buffer[] = [];
        for (let start = 0, index = 0; start < bytes.length; index += 1) {
          const end = start + (sizes[index % sizes.length] ?? 1);
          pieces.push(stream.push(bytes.subarray(start, end)));
          start = end;
        }
        const masked = Buffer.concat([...pieces, stream.end()]);
        assert.deepEqual(masked, wanted);
        assert.equal(masked.length, bytes.length);
      },
    ),
  );
});

test('secretsOf() finds the words of headers and parameters whose names sound like secrets', () => {
  const headers = {
    authorization: 'Basic bmFtZTpwYXNzd29yZA==',
    cookie: 'theme=dark; session=abc',
    accept: 'text/plain',
  };
  const found = new Set(secretsOf(headers, '/v1/x?access_token=t%20u&beta=true'));
  for (const secret of ['bmFtZTpwYXNzd29yZA', 'name', 'password', 'dark', 'abc', 't', 'u']) {
    assert.ok(found.has(secret), secret);
  }
  for (const other of ['text/plain', 'true']) assert.ok(!found.has(other), other);
});
