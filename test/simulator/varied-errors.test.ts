// The rules behind the errors of the real API: with another name, place, length or id the message has that in its
// place. Where no recording has a text, it is one that many have reported of the API.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { parseMessagesRequest } from '../../src/simulator/validate-request.ts';

const user = { role: 'user', content: 'Hi' };
const assistant = { role: 'assistant', content: 'Hello' };

/** The message a body is refused with; undefined when it is taken. */
function refusal(changes: object): string | undefined {
  const body = { model: 'claude-sonnet-4-6', max_tokens: 100, messages: [user], ...changes };
  try {
    parseMessagesRequest(body);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** So many messages in turn, with another one behind them: its index is `count`. */
function behind(count: number, message: unknown): object {
  const before = Array.from({ length: count }, (_, index) => (index % 2 === 0 ? user : assistant));
  return { messages: [...before, message] };
}

const counts = fc.integer({ min: 0, max: 30 }).map((half) => half * 2);
const names = fc.stringMatching(/^[a-z]{1,12}$/);
const ids = fc.stringMatching(/^toolu_[A-Za-z0-9]{1,24}$/);
const texts = fc.array(fc.constant({ type: 'text', text: 'x' }), { maxLength: 5 });

function call(id: string): object {
  return { type: 'tool_use', id, name: 'get', input: {} };
}

function result(id: string, changes: object = {}): object {
  return { type: 'tool_result', tool_use_id: id, content: 'x', ...changes };
}

describe('an error of the API names what was sent:', () => {
  test('the model', () => {
    fc.assert(
      fc.property(names, (name) => {
        assert.equal(refusal({ model: `no-${name}` }), `model: no-${name}`);
      }),
    );
  });

  test('max_tokens, the limit and the model it is of', () => {
    for (const [model, id, most] of [
      ['claude-haiku-4-5', 'claude-haiku-4-5-20251001', 64_000],
      ['claude-opus-4-1', 'claude-opus-4-1-20250805', 32_000],
      ['claude-sonnet-5', 'claude-sonnet-5', 128_000],
      ['claude-3-haiku-20240307', 'claude-3-haiku-20240307', 4096],
    ] as const) {
      assert.equal(refusal({ model, max_tokens: most }), undefined);
      fc.assert(
        fc.property(fc.integer({ min: most + 1, max: 1_000_000 }), (asked) => {
          const wanted = `max_tokens: ${asked} > ${most}, which is the maximum allowed number of output tokens for ${id}`;
          assert.equal(refusal({ model, max_tokens: asked }), wanted);
        }),
        { numRuns: 20 },
      );
    }
  });

  test('the place of a message', () => {
    const faults: readonly [message: unknown, fault: (path: string) => string][] = [
      ['text', (path) => `${path}: Input does not match the expected shape.`],
      [7, (path) => `${path}: Input does not match the expected shape.`],
      [{ content: 'x' }, (path) => `${path}.role: Field required`],
      [{ role: 'user' }, (path) => `${path}.content: Field required`],
      [{ role: 'user', content: 5 }, (path) => `${path}.content: Input should be a valid array`],
      [{ ...user, name: 'Ada' }, (path) => `${path}.name: Extra inputs are not permitted`],
      [
        { role: 'user', content: '' },
        (path) =>
          `${path}: all messages must have non-empty content except for the optional final assistant message`,
      ],
      [
        { role: 'user', content: [call('toolu_1')] },
        (path) => `${path}: \`tool_use\` blocks can only be in \`assistant\` messages`,
      ],
    ];
    fc.assert(
      fc.property(counts, fc.constantFrom(...faults), (count, [message, fault]) => {
        assert.equal(refusal(behind(count, message)), fault(`messages.${count}`));
      }),
    );
  });

  test('the place of a block', () => {
    const source = { type: 'base64', media_type: 'image/bmp', data: 'x' };
    const faults: readonly [block: unknown, fault: (path: string) => string][] = [
      ['x', (path) => `${path}: Input should be an object`],
      [{}, (path) => `${path}.type: Field required`],
      [{ type: 'text' }, (path) => `${path}.text.text: Field required`],
      [{ type: 'text', text: 5 }, (path) => `${path}.text.text: Input should be a valid string`],
      [{ type: 'image' }, (path) => `${path}.image.source: Field required`],
      [
        { type: 'image', source },
        (path) =>
          `${path}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`,
      ],
      [
        { type: 'image', source: { ...source, data: undefined } },
        (path) => `${path}.image.source.base64.data: Field required`,
      ],
      [{ type: 'document', source: 'x' }, (path) => `${path}.document.source: Input should be an object`],
      [
        { type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '2h' } },
        (path) => `${path}.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'`,
      ],
      [
        { type: 'text', text: '', cache_control: { type: 'ephemeral' } },
        (path) => `${path}.text: cache_control cannot be set for empty text blocks`,
      ],
      [{ type: 'thinking', thinking: 'x' }, (path) => `${path}.thinking.signature: Field required`],
      [
        { type: 'tool_use', id: 'a', name: '', input: {} },
        (path) => `${path}.tool_use.name: String should have at least 1 character`,
      ],
      [
        { type: 'tool_use', id: 'a', name: 'b', input: '{}' },
        (path) => `${path}.tool_use.input: Input should be a valid dictionary`,
      ],
      [
        result('a', {
          content: [
            { type: 'text', text: 'x' },
            { type: 'image', source },
          ],
        }),
        (path) =>
          `${path}.tool_result.content.1.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`,
      ],
    ];
    fc.assert(
      fc.property(counts, texts, fc.constantFrom(...faults), (count, before, [block, fault]) => {
        const message = { role: 'user', content: [...before, block] };
        assert.equal(refusal(behind(count, message)), fault(`messages.${count}.content.${before.length}`));
      }),
    );
  });

  test('the id and the place of a result without its call, counted as the model sees the turns', () => {
    fc.assert(
      fc.property(counts, texts, ids, (count, before, id) => {
        const message = { role: 'user', content: [...before, result(id)] };
        const wanted =
          `messages.${count}.content.${before.length}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. ` +
          'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.';
        assert.equal(refusal(behind(count, message)), wanted);
      }),
    );
    // Two messages of the user are one turn.
    assert.match(
      refusal({ messages: [user, { role: 'user', content: [result('toolu_1')] }] }) ?? '',
      /^messages\.0\.content\.1: unexpected/,
    );
  });

  test('the ids of all calls without a result, and the place of their turn', () => {
    fc.assert(
      fc.property(counts, fc.uniqueArray(ids, { minLength: 1, maxLength: 4 }), (count, list) => {
        const turn = { role: 'assistant', content: list.map(call) };
        const { messages } = behind(count, user) as { messages: object[] };
        const wanted =
          `messages.${count + 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
          `${list.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`;
        assert.equal(refusal({ messages: [...messages, turn, user] }), wanted);
      }),
    );
  });

  test('the id that two calls or two results have', () => {
    const conversation = (calls: object[], results: object[]): object => ({
      messages: [user, { role: 'assistant', content: calls }, { role: 'user', content: results }],
    });
    fc.assert(
      fc.property(ids, (id) => {
        assert.equal(refusal(conversation([call(id)], [result(id)])), undefined);
        assert.equal(
          refusal(conversation([call(id), call(id)], [result(id)])),
          'messages.1.content.1: `tool_use` ids must be unique',
        );
        assert.equal(
          refusal(conversation([call(id)], [result(id), result(id)])),
          `messages.2.content.1: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${id}`,
        );
        const late = [{ type: 'text', text: 'First this.' }, result(id)];
        assert.match(
          refusal(conversation([call(id)], late)) ?? '',
          new RegExp(`^messages\\.1: \`tool_use\` ids were found without .* immediately after: ${id}\\.`),
        );
      }),
      { numRuns: 20 },
    );
  });

  test('the place of a tool', () => {
    const sound = (index: number): object => ({ name: `tool_${index}`, input_schema: { type: 'object' } });
    const faults: readonly [tool: unknown, fault: (path: string) => string][] = [
      ['x', (path) => `${path}: Input should be an object`],
      [{ input_schema: { type: 'object' } }, (path) => `${path}.custom.name: Field required`],
      [{ name: '' }, (path) => `${path}.custom.name: String should have at least 1 character`],
      [{ name: 'n'.repeat(129) }, (path) => `${path}.custom.name: String should have at most 128 characters`],
      [
        { name: 'a b' },
        (path) => `${path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`,
      ],
      [{ name: 'a' }, (path) => `${path}.custom.input_schema: Field required`],
      [
        { name: 'a', input_schema: true },
        (path) => `${path}.custom.input_schema: Input does not match the expected shape.`,
      ],
      [{ name: 'a', input_schema: {} }, (path) => `${path}.custom.input_schema.type: Field required`],
      [
        { name: 'a', input_schema: { type: 'array' } },
        (path) => `${path}.custom.input_schema.type: Input should be 'object'`,
      ],
      [{ name: 'a', parameters: {} }, (path) => `${path}.custom.parameters: Extra inputs are not permitted`],
    ];
    fc.assert(
      fc.property(fc.nat(10), fc.constantFrom(...faults), (count, [tool, fault]) => {
        const before = Array.from({ length: count }, (_, index) => sound(index));
        assert.equal(refusal({ tools: [...before, tool] }), fault(`tools.${count}`));
      }),
    );
  });

  test('how many strict tools, optional parameters and unions there are', () => {
    const strict = (properties: object, required: readonly string[], index = 0): object => ({
      name: `tool_${index}`,
      strict: true,
      input_schema: { type: 'object', additionalProperties: false, properties, required },
    });
    const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `p${index}`);
    const all = (count: number, value: object): Record<string, object> =>
      Object.fromEntries(keys(count).map((key) => [key, value]));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (count) => {
        const tools = Array.from({ length: count }, (_, index) => strict({}, [], index));
        const many = `Too many strict tools (${count}). The maximum number of strict tools supported is 20. Try reducing the number of tools marked as strict.`;
        assert.equal(refusal({ tools }), count > 20 ? many : undefined);
        const optional = refusal({ tools: [strict(all(count, { type: 'string' }), [])] });
        assert.equal(
          optional?.startsWith(`Schemas contains too many optional parameters (${count}), `),
          count > 24 || undefined,
        );
        const unions = refusal({ tools: [strict(all(count, { type: ['string', 'null'] }), keys(count))] });
        if (count === 16) assert.match(unions ?? '', /^Schema is too complex for compilation\./);
        else {
          const start = `Schemas contains too many parameters with union types (${count} parameters `;
          assert.equal(unions?.startsWith(start), count > 16 || undefined);
        }
      }),
    );
  });

  test('the level of effort, the field that is not known, the tool that is not there', () => {
    for (const effort of ['xhigh']) {
      assert.equal(
        refusal({ output_config: { effort } }),
        `This model does not support effort level '${effort}'. Supported levels: high, low, max, medium.`,
      );
    }
    fc.assert(
      fc.property(names, (name) => {
        assert.equal(refusal({ [`x_${name}`]: 1 }), `x_${name}: Extra inputs are not permitted`);
        const choice = { type: 'tool', name };
        assert.equal(refusal({ tool_choice: choice }), `Tool '${name}' not found in provided tools`);
        const tag = `messages.0.content.0: Input tag 'x_${name}' found using 'type' does not match any of the expected tags: `;
        const content = [{ type: `x_${name}` }];
        assert.ok(refusal({ messages: [{ role: 'user', content }] })?.startsWith(tag));
      }),
    );
  });

  test('the tokens of a prompt that is too long, and the limit of its model', () => {
    for (const [model, most] of [
      ['claude-haiku-4-5', 200_000],
      ['claude-opus-4-1', 200_000],
    ] as const) {
      const content = 'word '.repeat(most);
      const [, tokens = '', limit = ''] =
        /^prompt is too long: (\d+) tokens > (\d+) maximum$/.exec(
          refusal({ model, messages: [{ role: 'user', content }] }) ?? '',
        ) ?? [];
      assert.equal(Number(limit), most);
      assert.ok(Math.abs(Number(tokens) / most - 1.07) < 0.01, tokens);
    }
  });

  test('the first mark for an hour behind one for five minutes', () => {
    const mark = (ttl?: string): object => ({
      type: 'text',
      text: 'x',
      cache_control: { type: 'ephemeral', ttl },
    });
    fc.assert(
      fc.property(counts, texts, (count, before) => {
        const message = { role: 'user', content: [...before, mark('1h')] };
        const wanted =
          `messages.${count}.content.${before.length}.cache_control.ttl: a ttl='1h' cache_control block must not come ` +
          "after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, " +
          '`system`, `messages`.';
        assert.equal(refusal({ ...behind(count, message), system: [mark()] }), wanted);
        assert.equal(refusal({ ...behind(count, message), system: [mark('1h')] }), undefined);
      }),
      { numRuns: 30 },
    );
  });
});

describe('of several errors', () => {
  /** Each field with a fault of its own, in the order in which the API looks at them. */
  const inOrder: readonly [field: string, value: unknown, message: string][] = [
    ['model', 5, 'model: Input should be a valid string'],
    ['tool_choice', 5, 'tool_choice: Input should be an object'],
    ['tools', 'x', 'tools: Input should be a valid array'],
    ['messages', 'x', 'messages: Input should be a valid array'],
    ['system', 5, 'system: Input should be a valid array'],
    ['thinking', 'x', 'thinking: Input should be an object'],
    ['output_config', 'x', 'output_config: Input does not match the expected shape.'],
    ['cache_control', 'x', 'cache_control: Input should be an object'],
    ['max_tokens', 'x', 'max_tokens: Input should be a valid integer'],
    ['metadata', 'x', 'metadata: Input does not match the expected shape.'],
    ['stop_sequences', 'x', 'stop_sequences: Input should be a valid array'],
    ['temperature', 'x', 'temperature: Input should be a valid number'],
    ['service_tier', 'x', "service_tier: Input should be 'auto' or 'standard_only'"],
    ['top_k', 'x', 'top_k: Input should be a valid integer'],
    ['top_p', 2, 'top_p: range: 0..1'],
    ['stream', 'x', 'stream: Input should be a valid boolean'],
    ['inference_geo', 5, 'inference_geo: Input should be a valid string'],
    ['unknown', 1, 'unknown: Extra inputs are not permitted'],
  ];

  test('the first field tells, in the order of the API, whatever the order in the body', () => {
    const some = fc.shuffledSubarray(
      inOrder.map((_, index) => index),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(some, (indexes) => {
        const faults = indexes.map((index) => inOrder[index] ?? ['', 0, '']);
        const changes = Object.fromEntries(faults.map(([field, value]) => [field, value]));
        assert.equal(refusal(changes), inOrder[Math.min(...indexes)]?.[2]);
      }),
    );
  });

  test('the shape of a field comes before what the conversation or the model says', () => {
    const empty = { messages: [{ role: 'user', content: '' }] };
    assert.equal(refusal({ ...empty, temperature: 'x' }), 'temperature: Input should be a valid number');
    assert.equal(refusal({ ...empty, extra: 1 }), 'extra: Extra inputs are not permitted');
    assert.match(refusal({ ...empty, model: 'nobody' }) ?? '', /^messages\.0: all messages/);
    assert.equal(refusal({ model: 'nobody', max_tokens: 1e9 }), 'model: nobody');
  });
});

describe('thinking', () => {
  const thinking = { type: 'enabled', budget_tokens: 1024 };
  const consult =
    'when thinking is enabled or in adaptive mode. Please consult our documentation at ' +
    'https://platform.claude.com/docs/en/build-with-claude/extended-thinking';

  test('leaves hardly anything to sampling', () => {
    for (const mode of [thinking, { type: 'adaptive' }]) {
      const ask = (changes: object): string | undefined =>
        refusal({ thinking: mode, max_tokens: 2000, ...changes });
      assert.equal(ask({ temperature: 0.5 }), `\`temperature\` may only be set to 1 ${consult}`);
      assert.equal(ask({ top_k: 5 }), `\`top_k\` must be unset ${consult}`);
      assert.equal(
        ask({ top_p: 0.5 }),
        `\`top_p\` must be greater than or equal to 0.95 or unset ${consult}`,
      );
      assert.equal(ask({ temperature: 1 }), undefined);
      assert.equal(ask({ top_p: 0.95 }), undefined);
    }
  });

  test('is refused by models that cannot, which are named', () => {
    for (const [model, id] of [
      ['claude-3-haiku-20240307', 'claude-3-haiku-20240307'],
      ['claude-3-5-haiku-latest', 'claude-3-5-haiku-20241022'],
    ]) {
      assert.equal(refusal({ model, thinking, max_tokens: 2000 }), `'${id}' does not support thinking.`);
    }
    for (const model of ['claude-3-7-sonnet-20250219', 'claude-opus-4-0', 'claude-haiku-4-5'])
      assert.equal(refusal({ model, thinking, max_tokens: 2000 }), undefined);
  });

  test('leaves no prefill that does not begin with it', () => {
    const thought = { type: 'thinking', thinking: 'Well', signature: 'c2ln' };
    const text = { type: 'text', text: 'The' };
    const ask = (count: number, content: object[], mode: object = thinking): string | undefined =>
      refusal({
        model: 'claude-haiku-4-5',
        thinking: mode,
        max_tokens: 2000,
        ...behind(2 * count + 1, { role: 'assistant', content }),
      });
    for (const count of [0, 1, 7]) {
      const wanted = `messages.${2 * count + 1}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`text\`. `;
      assert.ok(ask(count, [text])?.startsWith(wanted));
      assert.equal(ask(count, [thought, text]), undefined);
      assert.equal(ask(count, [text], { type: 'disabled' }), undefined);
    }
  });

  test('has a budget from 1,024 to below max_tokens', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 4000 }), (budget) => {
        const answer = refusal({ thinking: { ...thinking, budget_tokens: budget }, max_tokens: 3000 });
        const few = 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024';
        if (budget < 1024) assert.equal(answer, few);
        else if (budget < 3000) assert.equal(answer, undefined);
        else
          assert.match(
            answer ?? '',
            /^`max_tokens` must be greater than `thinking\.budget_tokens`\. Please /,
          );
      }),
    );
  });
});
