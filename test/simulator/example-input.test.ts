// What a tool is called with fits its schema.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';
import { fromJSONSchema } from 'zod';

import { exampleInput } from '../../src/simulator/answers/example-input.ts';
import { toSpacedJson } from '../../src/simulator/spaced-json.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

describe('exampleInput()', () => {
  const inputFor = (property: object, root: object = {}): unknown =>
    exampleInput({ type: 'object', properties: { value: property }, ...root })['value'];

  test('fits the schema of each kind of value', () => {
    for (const [property, value] of [
      [{ type: 'string' }, 'an example of value'],
      [{ type: 'string', minLength: 22, maxLength: 30 }, 'an example of value...'],
      [{ type: 'string', maxLength: 4 }, 'an e'],
      [{ type: 'string', format: 'date' }, '2026-11-20'],
      [{ type: 'string', enum: ['b', 'a'] }, 'b'],
      [{ const: 5 }, 5],
      [{ type: 'number' }, 2.5],
      [{ type: 'integer' }, 3],
      [{ type: 'integer', minimum: 10 }, 10],
      [{ type: 'integer', exclusiveMinimum: 10 }, 11],
      [{ type: 'integer', maximum: -4 }, -4],
      [{ type: 'integer', multipleOf: 5 }, 5],
      [{ type: 'boolean' }, true],
      [{ type: 'null' }, null],
      [{ type: ['null', 'boolean'] }, true],
      [{ anyOf: [{ type: 'null' }, { type: 'integer' }] }, 3],
      [{ type: 'array', items: { type: 'boolean' } }, [true, true]],
      [{ type: 'array', items: { type: 'boolean' }, minItems: 3 }, [true, true, true]],
      [{ type: 'array', items: { type: 'boolean' }, maxItems: 1 }, [true]],
      [{ type: 'array' }, []],
      [{ type: 'object', properties: { city: { type: 'string' } } }, { city: 'Lisbon' }],
      [{ default: 'given' }, 'given'],
      [{ type: 'mystery' }, null],
    ]) {
      assert.deepEqual(inputFor(property as object), value, JSON.stringify(property));
    }
  });

  test('fits bounds, patterns, lists and objects of every kind', () => {
    for (const [property, value] of [
      [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, 0.5],
      [{ type: 'integer', minimum: 2.5, maximum: 3.2 }, 3],
      [{ type: 'integer', multipleOf: 5, maximum: 2 }, 0],
      [{ type: 'integer', multipleOf: 7, minimum: 10, maximum: 15 }, 14],
      [{ type: 'integer', minimum: 5, exclusiveMinimum: true }, 6],
      [{ minimum: 4 }, 4],
      [{ type: 'string', format: 'ipv4' }, '192.0.2.1'],
      [{ type: 'string', pattern: '^[A-Z]{2,3}\\d+$', minLength: 8, maxLength: 8 }, 'AAA11111'],
      [{ type: 'string', pattern: '(?=x)' }, 'an example of value'],
      [{ type: ['null'] }, null],
      [{ enum: [null, 'a'] }, null],
      [{ type: 'array', items: { enum: ['a', 'b'] }, uniqueItems: true, minItems: 2 }, ['a', 'b']],
      [{ type: 'array', items: { type: 'integer', maximum: 3 }, uniqueItems: true, minItems: 2 }, [3, 2]],
      [{ prefixItems: [{ const: 1 }, { type: 'boolean' }] }, [1, true]],
      [{ type: 'array', minItems: 1 }, ['an example of value']],
      [{ type: 'object', required: ['x'], additionalProperties: { type: 'integer' } }, { x: 3 }],
      [{ type: 'object', minProperties: 1, additionalProperties: { const: 5 } }, { key_1: 5 }],
      [{ properties: { x: false, y: { const: 1 } } }, { y: 1 }],
      [{ properties: { a: { const: 1 } }, anyOf: [{ required: ['a'] }, { required: ['b'] }] }, { a: 1 }],
      [{ allOf: [{ type: 'integer', minimum: 5 }, { minimum: 4 }] }, 5],
      [{ allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] }, { a: 1, b: 2 }],
    ]) {
      assert.deepEqual(inputFor(property as object), value, JSON.stringify(property));
    }
  });

  test('gives a text that the pattern matches', () => {
    for (const pattern of [
      '^\\d{3}-\\d{4}$',
      '^(?:foo|bar)_\\w+$',
      '^#[0-9a-fA-F]{6}$',
      '^[^a-zA-Z]+$',
      '^(a+)+(?<name>b|c)*?\\u0041\\x42[\\d_-]{2,}$',
      '^https?://.+$',
      '^\\S+@\\S+\\.[^\\s.]+$',
      '^[\\]\\-x]\\/\\t$',
    ]) {
      assert.match(String(inputFor({ type: 'string', pattern })), new RegExp(pattern, 'u'));
    }
  });

  test('is what another reader of JSON schemas takes', () => {
    const bound = fc.integer({ min: -9, max: 9 });
    const { schema } = fc.letrec<{ schema: JsonSchema; leaf: JsonSchema }>((tie) => ({
      leaf: fc.oneof(
        fc.record({ type: fc.constant('boolean') }),
        fc.record({ enum: fc.array(fc.string(), { minLength: 1, maxLength: 3 }) }),
        fc.record({ type: fc.constantFrom('integer', 'number'), minimum: bound }, { requiredKeys: ['type'] }),
        fc.record({ type: fc.constant('number'), exclusiveMaximum: bound }),
        fc.record({ type: fc.constant('string'), minLength: fc.nat(30) }),
        fc.record({ type: fc.constant('string'), maxLength: fc.nat(30) }),
        fc.record({ $ref: fc.constantFrom('#/$defs/flag', '#/$defs/node') }),
      ),
      schema: fc.oneof(
        { maxDepth: 3 },
        tie('leaf'),
        fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(3) }),
        fc
          .dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'))
          .map((properties) => ({ type: 'object', properties, required: Object.keys(properties).slice(1) })),
      ),
    }));
    const $defs = {
      flag: { type: 'boolean' },
      node: {
        type: 'object',
        properties: {
          next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
          others: { type: 'array', items: { $ref: '#/$defs/node' } },
          more: { $ref: '#/$defs/node' },
        },
        required: ['next', 'others'],
      },
    };
    fc.assert(
      fc.property(schema, (value) => {
        const root = { type: 'object', properties: { value }, required: ['value'], $defs };
        const input = exampleInput(root);
        const { success } = fromJSONSchema(root as Parameters<typeof fromJSONSchema>[0]).safeParse(input);
        assert.ok(success, JSON.stringify(input));
      }),
      { numRuns: 200 },
    );
  });

  test('follows references, and ends where they go in circles or grow without bound', () => {
    const $defs = {
      flag: { type: 'boolean' },
      loop: { $ref: '#/$defs/loop' },
      tree: {
        type: 'object',
        properties: { left: { $ref: '#/$defs/tree' }, right: { $ref: '#/$defs/tree' } },
      },
      wide: { type: 'array', minItems: 1e9, items: { $ref: '#/$defs/wide' } },
    };
    assert.equal(inputFor({ $ref: '#/$defs/flag' }, { $defs }), true);
    for (const name of ['loop', 'tree', 'wide', 'missing']) {
      const value = inputFor({ $ref: `#/$defs/${name}` }, { $defs });
      assert.ok(JSON.stringify(value).length < 100_000, name);
    }
  });

  test('gives JSON for any schema at all', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value = exampleInput({ type: 'object', properties: { value: JSON.parse(json) as object } });
        assert.deepEqual(JSON.parse(toSpacedJson(value)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
