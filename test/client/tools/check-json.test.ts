// The check of values against plain JSON Schema, by way of what a tool says of its input.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tool } from 'millrace/client';
import type { JsonSchema } from 'millrace/client';
import * as z from 'zod';

/** What is wrong, a line each; empty for a value that passes. */
async function flaws(inputSchema: JsonSchema, value: unknown): Promise<string[]> {
  const checked = await tool({ name: 't', inputSchema, run: () => '' }).check(value);
  if (!('issues' in checked)) return [];
  return checked.issues.map(({ path = [], message }) => `${path.map(String).join('.')} ${message}`);
}

const tree = {
  $ref: '#/$defs/node',
  $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } }, required: ['id'] } },
};

for (const { schema, good, bad, flaw } of [
  { schema: { type: ['string', 'null'] }, good: null, bad: 1, flaw: ' expected string or null, got number' },
  { schema: { type: 'integer' }, good: 3, bad: 3.5, flaw: ' expected integer, got number' },
  { schema: { enum: ['a', [1]] }, good: [1], bad: 'b', flaw: ' expected one of ["a",[1]]' },
  { schema: { const: null }, good: null, bad: {}, flaw: ' expected null' },
  {
    schema: { required: ['toString'] },
    good: { toString: 1 },
    bad: {},
    flaw: 'toString required, and missing',
  },
  {
    schema: {
      properties: { a: true },
      patternProperties: { '^x-': { type: 'string' } },
      additionalProperties: false,
    },
    good: { a: 1, 'x-b': '' },
    bad: { b: 1 },
    flaw: 'b not allowed here',
  },
  {
    schema: { patternProperties: { '^x-': { type: 'string' } } },
    good: { y: 1 },
    bad: { 'x-': 1 },
    flaw: 'x- expected string, got number',
  },
  {
    schema: { prefixItems: [{ type: 'string' }], items: { type: 'number' } },
    good: ['a', 1],
    bad: ['a', 'b'],
    flaw: '1 expected number, got string',
  },
  { schema: { minItems: 1 }, good: [0], bad: [], flaw: ' expected at least 1 items, got 0' },
  { schema: { maxLength: 2 }, good: '🌊🌊', bad: 'abc', flaw: ' expected at most 2 characters, got 3' },
  { schema: { exclusiveMaximum: 2 }, good: 1.9, bad: 2, flaw: ' expected less than 2, got 2' },
  { schema: { pattern: '^\\p{L}+$' }, good: 'für', bad: '1', flaw: ' does not match ^\\p{L}+$' },
  {
    schema: { anyOf: [{ type: 'string' }, { minimum: 5 }] },
    good: 6,
    bad: 4,
    flaw: ' matches none of the options',
  },
  {
    schema: { oneOf: [{ minimum: 1 }, { minimum: 5 }] },
    good: 2,
    bad: 6,
    flaw: ' matches 2 of the options, and not exactly one',
  },
  { schema: { not: { type: 'string' } }, good: 1, bad: '', flaw: ' not allowed here' },
  {
    schema: { allOf: [{ minimum: 1 }, { maximum: 2 }] },
    good: 1,
    bad: 0,
    flaw: ' expected at least 1, got 0',
  },
  {
    schema: tree,
    good: { id: 1, next: { id: 2 } },
    bad: { id: 1, next: {} },
    flaw: 'next.id required, and missing',
  },
] as { schema: JsonSchema; good: unknown; bad: unknown; flaw: string }[]) {
  test(`a tool's plain JSON Schema ${JSON.stringify(schema)} takes ${JSON.stringify(good)} and not ${JSON.stringify(bad)}`, async () => {
    assert.deepEqual(await flaws(schema, good), []);
    assert.deepEqual(await flaws(schema, bad), [flaw]);
  });
}

test("a tool's plain JSON Schema that refers to itself refuses values of any depth without running out of stack", async () => {
  let value: object = { id: 1 };
  for (let depth = 0; depth < 20_000; depth += 1) value = { id: 1, next: value };
  const [flaw] = await flaws(tree, value);
  assert.match(flaw!, /nested deeper than 100 levels$/);
  assert.match((await flaws({ $ref: '#' }, 1))[0]!, /nested deeper/);
});

test("a tool's plain JSON Schema takes and refuses the same values as the zod schema it was made from", async () => {
  const schema = z.strictObject({
    name: z.string().min(1),
    kind: z.enum(['a', 'b']),
    size: z.number().min(0).max(9).optional(),
    parts: z.array(z.union([z.string(), z.object({ n: z.int() })])).max(2),
  });
  const described = z.toJSONSchema(schema);
  const part = fc.oneof(
    fc.string(),
    fc.record({ n: fc.oneof(fc.integer(), fc.double(), fc.string()) }),
    fc.constant(null),
  );
  const values = fc.record(
    {
      name: fc.oneof(fc.string({ maxLength: 3 }), fc.integer()),
      kind: fc.constantFrom('a', 'b', 'c'),
      size: fc.oneof(fc.integer({ min: -3, max: 12 }), fc.string()),
      parts: fc.array(part, { maxLength: 3 }),
      more: fc.boolean(),
    },
    { requiredKeys: ['kind'] },
  );
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        values,
        fc.record({
          name: fc.constant('x'),
          kind: fc.constant('a'),
          parts: fc.array(part, { maxLength: 2 }),
        }),
      ),
      async (value) => {
        const json = JSON.parse(JSON.stringify(value)) as unknown;
        const isTaken = (await flaws(described, json)).length === 0;
        taken += isTaken ? 1 : 0;
        assert.equal(isTaken, schema.safeParse(json).success);
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(taken > 10, `${taken} values were taken`);
});
