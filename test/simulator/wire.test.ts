import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { countText } from '../../src/simulator/count-text.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import {
  askEvents,
  askText,
  bodies,
  clockTool,
  isWhole,
  stopOf,
  textOf,
  toBody,
  weatherTool,
} from './ask.ts';
import type { WireEvent } from './ask.ts';

/** The order of events: pings may be anywhere after the first block has begun. */
function assertGrammar(events: readonly WireEvent[]): void {
  const names = events.filter(({ name }) => name !== 'ping').map(({ name }) => name);
  const letters: Record<string, string> = {
    message_start: 'M',
    content_block_start: 'S',
    content_block_delta: 'D',
    content_block_stop: 'E',
    message_delta: 'U',
    message_stop: 'X',
  };
  const word = names.map((name) => letters[name] ?? '?').join('');
  assert.match(word, /^M(?:SD*E)*UX$/);
  let index = -1;
  for (const { name, data } of events) {
    if (name === 'content_block_start') index += 1;
    if (name.startsWith('content_block')) assert.equal(data.index, index);
  }
}

const keyOrder: Record<string, string[]> = {
  message_start: ['type', 'message'],
  content_block_start: ['type', 'index', 'content_block'],
  content_block_delta: ['type', 'index', 'delta'],
  content_block_stop: ['type', 'index'],
  message_delta: ['type', 'delta', 'usage'],
  message_stop: ['type'],
  ping: ['type'],
};

const blockKeys: Record<string, string[]> = {
  text: ['type', 'text'],
  thinking: ['type', 'thinking', 'signature'],
  tool_use: ['type', 'id', 'name', 'input', 'caller'],
  server_tool_use: ['type', 'id', 'name', 'input'],
  mcp_tool_use: ['type', 'id', 'name', 'input', 'server_name'],
  redacted_thinking: ['type', 'data'],
  web_search_tool_result: ['type', 'tool_use_id', 'content', 'caller'],
  web_fetch_tool_result: ['type', 'tool_use_id', 'content'],
  code_execution_tool_result: ['type', 'tool_use_id', 'content'],
  bash_code_execution_tool_result: ['type', 'tool_use_id', 'content'],
  text_editor_code_execution_tool_result: ['type', 'tool_use_id', 'content'],
  tool_search_tool_result: ['type', 'tool_use_id', 'content'],
  mcp_tool_result: ['type', 'tool_use_id', 'is_error', 'content'],
  advisor_tool_result: ['type', 'tool_use_id', 'content'],
  container_upload: ['type', 'file_id'],
  compaction: ['type', 'content'],
  fallback: ['type', 'from', 'to'],
};

/** The order of keys of a text that cites. */
const citingKeys = ['citations', 'type', 'text'];
/** What the answer to a request may have that was compacted, or that has edits of its context. */
const editedKeys = ['type', 'delta', 'usage', 'context_management'];

const messageKeys =
  'model,id,type,role,content,container,stop_reason,stop_sequence,stop_details,usage,diagnostics'.split(',');

const usageKeys =
  'input_tokens,cache_creation_input_tokens,cache_read_input_tokens,cache_creation,output_tokens,service_tier,inference_geo'.split(
    ',',
  );

function assertKeyOrder(events: readonly WireEvent[]): void {
  for (const { name, data } of events) {
    const isEdited = 'context_management' in data;
    assert.deepEqual(Object.keys(data), isEdited ? editedKeys : keyOrder[name]);
    if (data.content_block) {
      const isCiting = 'citations' in data.content_block;
      const wanted = isCiting ? citingKeys : blockKeys[data.content_block.type];
      assert.deepEqual(Object.keys(data.content_block), wanted);
    }
    if (data.message) {
      assert.deepEqual(Object.keys(data.message), messageKeys);
      assert.deepEqual(Object.keys(data.message.usage), usageKeys);
    }
    if (name === 'message_delta') {
      assert.deepEqual(Object.keys(data.delta ?? {}), [
        'stop_reason',
        'stop_sequence',
        'stop_details',
        'container',
      ]);
    }
  }
}

function assertPadding(events: readonly WireEvent[]): void {
  for (const { name, json } of events) {
    if (name === 'ping') assert.equal(json, '{"type": "ping"}');
    else {
      const [, inner = '', padding = ''] = /^(.*?)( *)\}$/.exec(json) ?? [];
      assert.ok(padding.length <= 15);
      assert.equal(`${inner}}`, JSON.stringify(JSON.parse(json)));
    }
  }
}

function assertBlocks(events: readonly WireEvent[]): void {
  const hasBlock = events.some(({ name }) => name === 'content_block_start');
  const pings = events.flatMap(({ name }, position) => (name === 'ping' ? [position] : []));
  assert.deepEqual(pings, hasBlock ? [2] : [], 'one ping, right after the first block has begun');
  for (const [position, { data }] of events.entries()) {
    if (data.content_block === undefined) continue;
    const after = events.slice(position + 1).filter(({ name }) => name !== 'ping');
    const deltas = after.slice(
      0,
      after.findIndex(({ name }) => name === 'content_block_stop'),
    );
    assertBlock[data.content_block.type]?.(deltas.map(({ data }) => data.delta ?? {}));
  }
}

type Delta = NonNullable<WireEvent['data']['delta']>;

const assertBlock: Record<string, (deltas: readonly Delta[]) => void> = {
  text(deltas) {
    assert.ok(deltas.length > 0, 'a text block has text');
    const first = deltas.findIndex(({ type }) => type !== 'citations_delta');
    for (const { type, text = '' } of deltas.slice(first)) {
      assert.equal(type, 'text_delta');
      assert.ok(text.length >= 1 && text.length <= 203);
      assert.ok(isWhole(text), 'no surrogate pair is cut');
    }
  },
  thinking(deltas) {
    const last = deltas.at(-1);
    assert.equal(last?.type, 'signature_delta');
    assert.match(last?.signature ?? '', /^E[A-Za-z0-9+/]{600,5800}={0,2}$/);
    for (const { type } of deltas.slice(0, -1)) assert.equal(type, 'thinking_delta');
  },
  tool_use: assertInput,
  server_tool_use: assertInput,
  mcp_tool_use: assertInput,
  compaction(deltas) {
    assert.deepEqual(
      deltas.map(({ type }) => type),
      ['compaction_delta'],
    );
  },
};

function assertInput([first, ...others]: readonly Delta[]): void {
  assert.deepEqual(first, { type: 'input_json_delta', partial_json: '' });
  for (const { type, partial_json: piece = '' } of others) {
    assert.equal(type, 'input_json_delta');
    assert.ok(piece.length >= 1 && piece.length <= 13 && isWhole(piece));
  }
}

describe('a streamed answer', () => {
  for (const [kind, body] of Object.entries(bodies)) {
    test(`${kind}: has the wire's order of events, of keys, its padding, its ping and its blocks`, async () => {
      await using simulator = await startSimulator({ speed: 0 });
      const events = await askEvents(simulator, body);
      assertGrammar(events);
      assertKeyOrder(events);
      assertPadding(events);
      assertBlocks(events);
    });
  }

  test('has ids of the recorded form, and says which model the alias stands for', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, toBody('Use a tool', { model: 'claude-haiku-4-5' }));
    const message = events[0]?.data.message;
    assert.match(message?.id ?? '', /^msg_01[1-9A-HJ-NP-Za-km-z]{22}$/);
    assert.equal(message?.model, 'claude-haiku-4-5-20251001');
    const tool = events.find(({ data }) => data.content_block?.type === 'tool_use')?.data.content_block;
    assert.match(tool?.id ?? '', /^toolu_01[1-9A-HJ-NP-Za-km-z]{22}$/);
  });

  test('pads with every length from 0 to 15 about as often', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, toBody('long 5000'));
    const counts = Array.from({ length: 16 }, () => 0);
    for (const { name, json } of events) {
      if (name !== 'ping') counts[/ *(?=\}$)/.exec(json)?.[0].length ?? 0]! += 1;
    }
    const expected = events.length / 16;
    for (const count of counts) assert.ok(Math.abs(count - expected) < expected / 2, counts.join(' '));
  });

  test('counts tokens cumulatively, from 1 to 4 at the start', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, toBody('think hard'));
    const start = events[0]?.data.message?.usage ?? {};
    const end = events.at(-2)?.data.usage ?? {};
    assert.ok(Number(start['output_tokens']) >= 1 && Number(start['output_tokens']) <= 4);
    assert.equal(end['input_tokens'], start['input_tokens']);
    const thought = events.map(({ data }) => data.delta?.thinking ?? '').join('');
    const { thinking_tokens: thinking } = end['output_tokens_details'] as { thinking_tokens: number };
    assert.equal(thinking, Math.round(5 + countText(thought)));
    assert.equal(end['output_tokens'], Math.round(5 + countText(thought) + countText(textOf(events)) + 2.8));
  });

  test('of the newest models has output_tokens_details even without thinking, of older ones not', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [model, details, geo] of [
      ['claude-sonnet-5', { thinking_tokens: 0 }, 'global'],
      ['claude-sonnet-4-6', undefined, 'global'],
      ['claude-haiku-4-5', undefined, 'not_available'],
    ] as const) {
      const events = await askEvents(simulator, toBody('Hello', { model }));
      assert.deepEqual(events.at(-2)?.data.usage?.['output_tokens_details'], details);
      assert.equal(events[0]?.data.message?.usage['inference_geo'], geo);
    }
  });
});

describe('the answer', () => {
  test('to echo is the rest of the prompt exactly', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const text of ['x', '  two  spaces ', 'naïve 😀\n\n日本語 👩‍👩‍👧', 'a'.repeat(10_000)]) {
      const received = textOf(await askEvents(simulator, toBody(`echo ${text}`)));
      assert.equal(received, text);
    }
  });

  test('to echo of nothing has no content at all', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, toBody('echo'));
    assert.deepEqual(
      events.map(({ name }) => name),
      ['message_start', 'message_delta', 'message_stop'],
    );
    assert.equal(stopOf(events).reason, 'end_turn');
  });

  test('to long N has exactly N words, and a shorter one begins a longer one', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const texts = [];
    for (const count of [1, 2, 50, 333, 5000]) {
      const text = textOf(await askEvents(simulator, toBody(`long ${count}`)));
      assert.equal(text.match(/\S+/g)?.length, count);
      texts.push(text);
    }
    for (const text of texts) assert.ok(texts.at(-1)?.startsWith(text));
  });

  test('to anything else says that it is a simulator and quotes the prompt without its effects', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const text = textOf(await askEvents(simulator, toBody('`<script>` [x](javascript:y) ``\n# title')));
    assert.match(text, /simulator built into Millrace, not a model/);
    assert.ok(text.includes('``` `<script>` [x](javascript:y) `` # title ```'), text);
  });

  test('quotes a long prompt without cutting a character', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const prompt of ['😀'.repeat(300), `a${'😀'.repeat(300)}`]) {
      assert.ok(isWhole(await askText(simulator, toBody(prompt))));
    }
  });

  test('calls the tool the prompt names, written with or without underscores', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const prompt of ['call read_clock', 'Read clock!', 'use a tool: READ-CLOCK']) {
      const events = await askEvents(simulator, toBody(prompt, { tools: [weatherTool, clockTool] }));
      const names = events.flatMap(({ data }) => data.content_block?.name ?? []);
      assert.deepEqual(names, ['read_clock']);
      assert.equal(stopOf(events).reason, 'tool_use');
    }
  });

  test('makes a tool input that fits the schema, as JSON with spaces', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, toBody('get weather', { tools: [weatherTool] }));
    const input = events.map(({ data }) => data.delta?.partial_json ?? '').join('');
    assert.equal(input, '{"location": "Lisbon, Portugal", "unit": "celsius", "days": 2}');
  });

  test('calls no tool when tool_choice is none', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const body = toBody('get weather', { tools: [weatherTool], tool_choice: { type: 'none' } });
    assert.equal(stopOf(await askEvents(simulator, body)).reason, 'end_turn');
  });

  test('calls two tools for parallel, one of them twice when there is only one', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const called = async (tools: object[]): Promise<string[]> =>
      (await askEvents(simulator, toBody('in parallel', { tools }))).flatMap(
        ({ data }) => data.content_block?.name ?? [],
      );
    assert.deepEqual(await called([weatherTool, clockTool]), ['get_weather', 'read_clock']);
    assert.deepEqual(await called([clockTool]), ['read_clock', 'read_clock']);
  });

  test('after a tool result uses the result', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, bodies['tool result'] ?? {});
    assert.match(textOf(events), /\*\*get_weather\*\* returned `21 degrees`/);
  });

  test('stops at max_tokens, in text and within a tool input, and says so', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const text = await askEvents(simulator, toBody(`echo ${'x'.repeat(500)}`, { max_tokens: 10 }));
    assert.equal(textOf(text), 'x'.repeat(47));
    assert.deepEqual(stopOf(text), { reason: 'max_tokens', sequence: null, usage: 10 });
    const tool = await askEvents(simulator, bodies['max_tokens in tool input'] ?? {});
    assert.equal(tool.map(({ data }) => data.delta?.partial_json ?? '').join(''), '{"location": "Lisbon');
    assert.equal(stopOf(tool).reason, 'max_tokens');
    const exact = await askEvents(simulator, toBody(`echo ${'x'.repeat(36)}`, { max_tokens: 10 }));
    assert.equal(stopOf(exact).reason, 'end_turn');
    const least = await askEvents(simulator, toBody('Hello', { max_tokens: 1 }));
    assert.deepEqual(stopOf(least), { reason: 'max_tokens', sequence: null, usage: 1 });
  });

  test('stops before a stop sequence and names it', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const events = await askEvents(simulator, bodies['stop sequence'] ?? {});
    assert.equal(textOf(events), 'one two ');
    assert.deepEqual(stopOf(events), { reason: 'stop_sequence', sequence: 'three', usage: 3 });
    const atOnce = await askEvents(simulator, bodies['stop sequence at once'] ?? {});
    assert.deepEqual(
      atOnce.map(({ name }) => name),
      ['message_start', 'message_delta', 'message_stop'],
    );
    assert.equal(stopOf(atOnce).reason, 'stop_sequence');
  });
});

describe('a conversation that holds the beginning of an answer', () => {
  const question = { role: 'user', content: 'long 80' };

  test('is answered with exactly the rest, after prefill and after being asked to go on', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const whole = textOf(await askEvents(simulator, toBody('long 80')));
    for (let length = 1; length < whole.length; length += 7) {
      const begun = whole.slice(0, length).trimEnd();
      const prefill = [question, { role: 'assistant', content: begun }];
      const body = toBody('', { messages: prefill, model: 'claude-haiku-4-5' });
      assert.equal(begun + textOf(await askEvents(simulator, body)), whole);
      const goOn = [...prefill, { role: 'user', content: 'You were cut off. Continue where you stopped.' }];
      assert.equal(begun + textOf(await askEvents(simulator, toBody('', { messages: goOn }))), whole);
    }
  });

  test('that is no beginning of the answer, or all of it, is answered as any other', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const whole = textOf(await askEvents(simulator, toBody('long 80')));
    for (const content of ['Something else', whole]) {
      const messages = [
        question,
        { role: 'assistant', content },
        { role: 'user', content: 'Please continue' },
      ];
      assert.match(
        textOf(await askEvents(simulator, toBody('', { messages }))),
        /You asked: `Please continue`/,
      );
    }
  });
});

describe('a seed', () => {
  const ask = async (seed: number): Promise<string[]> => {
    await using simulator = await startSimulator({ speed: 0, seed });
    const texts = [];
    for (const body of [bodies['prose'], bodies['thinking and tool'], bodies['prose']]) {
      texts.push(await askText(simulator, body ?? {}));
    }
    return texts;
  };

  test('gives the same bytes for the same requests, others for another seed or number of request', async () => {
    const first = await ask(7);
    assert.deepEqual(await ask(7), first);
    assert.notEqual(first[0], first[2]);
    const other = await ask(8);
    assert.notEqual(other[0], first[0]);
  });
});
