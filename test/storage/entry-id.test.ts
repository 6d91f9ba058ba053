import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatEntryId, isSameEntry, parseEntryId } from 'millrace/storage';

test('parseEntryId() reads what formatEntryId() writes', () => {
  const number = fc.nat({ max: 999_999_999_999_999 });
  fc.assert(
    fc.property(fc.record({ epoch: number, sequence: number }, { noNullPrototype: true }), (id) => {
      const parsed = parseEntryId(formatEntryId(id));
      assert.deepEqual(parsed, id);
      assert.ok(isSameEntry(parsed, id));
    }),
  );
});

test('parseEntryId() refuses everything else', () => {
  for (const text of [
    '',
    '1',
    '1-',
    '-1',
    '1-2-3',
    'a-1',
    '1-1 ',
    '0x1-1',
    '1e3-1',
    '-1-1',
    `1-${'9'.repeat(16)}`,
  ]) {
    assert.equal(parseEntryId(text), undefined, text);
  }
});
