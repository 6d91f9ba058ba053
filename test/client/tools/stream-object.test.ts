import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerError, TruncatedError, outputFormat, streamObject } from 'millrace/client';
import * as z from 'zod';
import { cleanEnd, streamResponse } from '../../support/raw-server.ts';
import { blockEvents, messageStart, sse, textEvents } from '../../support/streams.ts';
import { answer, collect, errorOf, startScripted } from './scripted-server.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 1000,
  messages: [{ role: 'user' as const, content: 'A recipe' }],
};

const schema = z.object({ name: z.string(), steps: z.array(z.string()).min(1), minutes: z.number() });

const json = '{"name":"Soup","steps":["Boil","Stir"],"minutes":20}';
const pieces = ['{"name":"So', 'up","steps":["Boil"', ',"St', 'ir"],"minutes":20}'];

test('streamObject gives the object as it grows, and the checked one at the end', async () => {
  await using server = await startScripted([answer('end_turn', textEvents(0, ...pieces))]);
  const recipe = streamObject(server.client, { ...params, schema, output_config: { effort: 'low' } });
  const seen: unknown[] = [];
  for await (const partial of recipe.partialObjectStream) seen.push(structuredClone(partial));
  assert.deepEqual(seen, [
    { name: 'So' },
    { name: 'Soup', steps: ['Boil'] },
    { name: 'Soup', steps: ['Boil', 'St'] },
    { name: 'Soup', steps: ['Boil', 'Stir'], minutes: 20 },
  ]);
  assert.deepEqual(await recipe.finalObject(), JSON.parse(json));
  assert.equal(recipe.ending?.type, 'complete');
  const { output_config, schema: sent } = server.bodies[0]!;
  const format = outputFormat(schema);
  assert.equal(sent, undefined);
  assert.deepEqual(output_config, { effort: 'low', format });
  assert.deepEqual(format.schema['required'], ['name', 'steps', 'minutes']);
});

test('streamObject gives what the schema makes of the value, also when nobody reads the parts', async () => {
  await using server = await startScripted([answer('end_turn', textEvents(0, '{"at":"2026-11-21"}'))]);
  const dated = z.object({ at: z.string().transform((text) => new Date(text)) });
  const { at } = await streamObject(server.client, { ...params, schema: dated }).finalObject();
  assert.equal(at.toISOString(), '2026-11-21T00:00:00.000Z');
});

for (const { what, events, code, message, partial } of [
  {
    what: 'was cut by max_tokens',
    events: answer('max_tokens', textEvents(0, ...pieces.slice(0, 3))),
    code: 'max_tokens',
    message: /cut off: it reached max_tokens/,
    partial: { name: 'Soup', steps: ['Boil', 'St'] },
  },
  {
    what: 'is a refusal',
    events: answer('refusal', textEvents(0, 'I cannot help with that.')),
    code: 'refusal',
    message: /refused/,
    partial: undefined,
  },
  {
    what: 'is not what the schema describes',
    events: answer('end_turn', textEvents(0, '{"name":"Soup","steps":[7],"minutes":20}')),
    code: 'invalid_output',
    message: /steps\[0\]: .*string/,
    partial: { name: 'Soup', steps: [7], minutes: 20 },
  },
  {
    what: 'is no JSON',
    events: answer('end_turn', textEvents(0, 'Here you are: {}')),
    code: 'invalid_output',
    message: /not what its schema describes: .*JSON/,
    partial: undefined,
  },
  {
    what: 'has no text',
    events: answer('end_turn'),
    code: 'invalid_output',
    message: /it has no text/,
    partial: undefined,
  },
]) {
  test(`streamObject tells of an answer that ${what}, with the object so far`, async () => {
    await using server = await startScripted([events]);
    const recipe = streamObject(server.client, { ...params, schema });
    const error = await errorOf(collect(recipe.partialObjectStream));
    assert.ok(error instanceof AnswerError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.equal(error.partial.id, 'msg_1');
    assert.ok(recipe.ending?.type === 'unfinished');
    assert.deepEqual(recipe.ending.partialObject, partial);
    assert.equal(await errorOf(recipe.finalObject()), error);
  });
}

test('streamObject ends as its stream does when that breaks off, with the object so far', async () => {
  const broken = sse(messageStart, ...textEvents(0, ...pieces.slice(0, 2)).slice(0, 3));
  await using server = await startScripted([{ bytes: streamResponse(broken) + cleanEnd, then: 'fin' }]);
  const recipe = streamObject(server.client, { ...params, schema });
  assert.ok((await errorOf(recipe.finalObject())) instanceof TruncatedError);
  assert.ok(recipe.ending?.type === 'truncated');
  assert.deepEqual(recipe.ending.partialObject, { name: 'Soup', steps: ['Boil'] });
});

test('streamObject passes over thinking, and aborts the answer when its loop is left', async () => {
  const thinking = blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: '{"name":"no"}' },
  ]);
  const begun = sse(messageStart, ...thinking, ...textEvents(1, ...pieces));
  await using server = await startScripted([{ bytes: streamResponse(begun), then: 'hold' }]);
  const recipe = streamObject(server.client, { ...params, schema });
  for await (const { name } of recipe.partialObjectStream) {
    assert.equal(name, 'So');
    break;
  }
  assert.equal((await errorOf(recipe.finalObject())).name, 'AbortError');
});

test('streamObject gives the same object wherever its text is cut', async () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: json.length - 1 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      const ends = [...places.toSorted((a, b) => a - b), json.length];
      const texts = ends.map((end, index) => json.slice(ends[index - 1] ?? 0, end));
      await using server = await startScripted([answer('end_turn', textEvents(0, ...texts))]);
      const recipe = streamObject(server.client, { ...params, schema });
      const seen = await collect(recipe.partialObjectStream);
      assert.deepEqual(seen.at(-1), JSON.parse(json));
      assert.deepEqual(await recipe.finalObject(), JSON.parse(json));
    }),
    { numRuns: 20 },
  );
});

test('outputFormat() closes objects, says in words what the API cannot hold to, and refuses open names', () => {
  const { schema: strict } = outputFormat({
    $schema: 'x',
    type: 'object',
    properties: {
      list: {
        type: 'array',
        items: { oneOf: [{ type: 'object', properties: {} }, { $ref: '#/$defs/n' }] },
        minItems: 2,
      },
      mail: { type: 'string', format: 'email', description: 'Where to' },
      id: { type: 'string', format: 'nanoid', maxLength: 5, description: 'Which' },
    },
    $defs: { n: { type: 'integer', minimum: 0 } },
  });
  assert.deepEqual(strict, {
    type: 'object',
    properties: {
      list: {
        type: 'array',
        items: {
          anyOf: [{ type: 'object', properties: {}, additionalProperties: false }, { $ref: '#/$defs/n' }],
        },
        description: '{minItems: 2}',
      },
      mail: { type: 'string', format: 'email', description: 'Where to' },
      id: { type: 'string', description: 'Which\n\n{format: "nanoid", maxLength: 5}' },
    },
    $defs: { n: { type: 'integer', description: '{minimum: 0}' } },
    additionalProperties: false,
  });
  assert.throws(() => outputFormat(z.record(z.string(), z.number())), /names of any kind/);
});
