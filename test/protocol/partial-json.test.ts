import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PartialJson } from 'millrace/protocol';
import { cutBody, cuts } from './arbitraries.ts';

function read(...pieces: readonly string[]): PartialJson {
  const partial = new PartialJson();
  for (const piece of pieces) partial.push(piece);
  return partial;
}

test('PartialJson gives a growing value at any time', () => {
  const text = '{"city":"Pa\\u00e9 \\"x\\"","days":[12,-0.5e1],"ok":true,"no":null,"in":{"a":[]}}';
  const growth: unknown[] = [];
  const partial = new PartialJson();
  for (const character of text) {
    partial.push(character);
    const shown = JSON.stringify(partial.value);
    if (shown !== growth.at(-1)) growth.push(shown);
  }
  assert.deepEqual(growth, [
    '{}',
    '{"city":""}',
    '{"city":"P"}',
    '{"city":"Pa"}',
    '{"city":"Paé"}',
    '{"city":"Paé "}',
    '{"city":"Paé \\""}',
    '{"city":"Paé \\"x"}',
    '{"city":"Paé \\"x\\""}',
    '{"city":"Paé \\"x\\"","days":[]}',
    '{"city":"Paé \\"x\\"","days":[12]}',
    '{"city":"Paé \\"x\\"","days":[12,-5]}',
    '{"city":"Paé \\"x\\"","days":[12,-5],"ok":true}',
    '{"city":"Paé \\"x\\"","days":[12,-5],"ok":true,"no":null}',
    '{"city":"Paé \\"x\\"","days":[12,-5],"ok":true,"no":null,"in":{}}',
    '{"city":"Paé \\"x\\"","days":[12,-5],"ok":true,"no":null,"in":{"a":[]}}',
  ]);
});

test('PartialJson.value equals JSON.parse at the end of valid text, wherever it is cut', () => {
  const space = fc.constantFrom(undefined, 1, '\t', '\n ');
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), space, cuts, (value, indent, places) => {
      const text = ` ${JSON.stringify(value, null, indent)}\n`;
      const partial = read(...cutBody(text, places));
      assert.equal(partial.error, undefined);
      assert.equal(partial.complete, true);
      assert.deepEqual(partial.value, JSON.parse(text));
      assert.equal(partial.text, text);
    }),
    { numRuns: 1000 },
  );
});

test('PartialJson.value equals JSON.parse for arbitrary JSON text, and refuses what JSON.parse refuses', () => {
  const token = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"\\n"',
    '"\\u12"',
    '"\\ud83d"',
    '\\',
    '1',
    '-',
    '01',
    '.5',
    '1.',
    '1e5',
    '2E+1',
    'true',
    'tru',
    'false',
    'null',
    'nul',
    ' ',
    '\n',
    '\t',
    '\u0001',
    '\u00a0',
    '{}',
    '[]',
    '"k":',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 9 }), cuts, (tokens, places) => {
      const text = tokens.join('');
      const partial = read(...cutBody(text, places));
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assert.equal(partial.complete, false, text);
        return;
      }
      assert.equal(partial.complete, true, text);
      assert.deepEqual(partial.value, expected, text);
    }),
    { numRuns: 20_000 },
  );
});

/** What a later value may have in place of an earlier one: longer strings, more members and items. */
function grewFrom(before: unknown, after: unknown): boolean {
  if (before === undefined) return true;
  if (typeof before === 'string') return typeof after === 'string' && after.startsWith(before);
  if (Array.isArray(before))
    return Array.isArray(after) && before.every((item, i) => grewFrom(item, after[i]));
  if (typeof before !== 'object' || before === null) return Object.is(before, after);
  return (
    typeof after === 'object' &&
    after !== null &&
    Object.entries(before).every(([key, item]) => grewFrom(item, (after as Record<string, unknown>)[key]))
  );
}

test('PartialJson.value only grows, and complete is false at every cut before the end', () => {
  const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
  fc.assert(
    fc.property(object, (value) => {
      const text = JSON.stringify(value);
      const partial = new PartialJson();
      let before: unknown;
      for (let index = 0; index < text.length; index += 1) {
        assert.equal(partial.complete, false);
        partial.push(text.charAt(index));
        const now: unknown = structuredClone(partial.value);
        assert.ok(grewFrom(before, now), `${JSON.stringify(before)} became ${JSON.stringify(now)}`);
        before = now;
      }
      assert.equal(partial.complete, true);
    }),
    { numRuns: 300 },
  );
});

test('PartialJson holds back numbers, literals, cut escapes and half surrogate pairs', () => {
  assert.deepEqual(read('{"a":12').value, {});
  assert.deepEqual(read('{"a":12', '3,').value, { a: 123 });
  assert.deepEqual(read('[tru').value, []);
  assert.deepEqual(read('["x\\').value, ['x']);
  assert.deepEqual(read('["x\\u00').value, ['x']);
  assert.deepEqual(read('["x\ud83c').value, ['x']);
  assert.deepEqual(read('["x\ud83c', '\udf0a').value, ['x🌊']);
  assert.deepEqual(read('["x\\ud83c').value, ['x']);
  assert.deepEqual(read('["x\\ud83c', '\\udf0a').value, ['x🌊']);
  assert.deepEqual(read('["x\\ud83c"]').value, ['x\ud83c']);
});

test('PartialJson shows a key when its value begins', () => {
  assert.deepEqual(read('{"city').value, {});
  assert.deepEqual(read('{"city"').value, {});
  assert.deepEqual(read('{"city":').value, {});
  assert.deepEqual(read('{"city":"').value, { city: '' });
  assert.deepEqual(read('{"city":[').value, { city: [] });
});

test('PartialJson keeps the raw text and the value so far of invalid JSON, and throws nothing', () => {
  const partial = read('{"a":"one","b":', '?', '} more');
  assert.equal(partial.error?.code, 'invalid_json');
  assert.equal(partial.error?.message, 'Not JSON at character 15');
  assert.equal(partial.complete, false);
  assert.equal(partial.text, '{"a":"one","b":?} more');
  assert.deepEqual(partial.value, { a: 'one' });
});

test('PartialJson refuses text after the value', () => {
  const partial = read('{} ');
  assert.equal(partial.complete, true);
  partial.push('x');
  assert.equal(partial.complete, false);
  assert.equal(partial.error?.code, 'invalid_json');
});

test('PartialJson is not complete without text', () => {
  assert.equal(read().complete, false);
  assert.equal(read('', ' ').value, undefined);
});

test('PartialJson keeps __proto__ as an own property, while it grows too', () => {
  const partial = read('{"__proto__":{"polluted":"ye');
  assert.ok(Object.hasOwn(partial.value as object, '__proto__'));
  assert.equal((partial.value as { polluted?: string }).polluted, undefined);
  assert.equal(Object.getPrototypeOf(partial.value), Object.prototype);
  assert.equal(({} as { polluted?: string }).polluted, undefined);
  partial.push('s"},"__proto__":"te');
  assert.equal(JSON.stringify(partial.value), '{"__proto__":"te"}');
});

test('PartialJson reads nesting of ten thousand, cut and whole', () => {
  const depth = 10_000;
  const partial = read('['.repeat(depth));
  assert.equal(partial.complete, false);
  partial.push('{"a":'.repeat(depth));
  partial.push(`1${'}'.repeat(depth)}${']'.repeat(depth)}`);
  assert.equal(partial.complete, true);
  let value = partial.value;
  let levels = 0;
  while (typeof value === 'object' && value !== null) {
    value = Array.isArray(value) ? value[0] : (value as { a: unknown }).a;
    levels += 1;
  }
  assert.deepEqual([value, levels], [1, 2 * depth]);
});

test('PartialJson gives the same containers from call to call', () => {
  const partial = read('{"a":["x');
  const { value } = partial;
  const { a } = value as { a: unknown };
  partial.push('y"],"b":1}');
  assert.equal(partial.value, value);
  assert.equal((partial.value as { a: unknown }).a, a);
});

test('PartialJson reads a number of a million digits in pieces, its value looked at after each', () => {
  const partial = new PartialJson();
  for (let count = 0; count < 2000; count += 1) {
    partial.push('7'.repeat(500));
    assert.equal(partial.complete, true);
    assert.equal(partial.container, undefined);
  }
  partial.push('x');
  assert.equal(partial.error?.code, 'invalid_json');
});

test('PartialJson finds a number that cannot be one as soon as it is', () => {
  for (const text of ['01', '[01', '[-x', '[1.x', '[1e+e', '[1.2.3', '--1', '+1']) {
    assert.equal(read(text).error?.code, 'invalid_json', text);
  }
});
