// What each kind of answer holds, and that it has the shape of recorded ones.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { MessageAccumulator } from '../../src/protocol/index.ts';
import { toPart } from '../../src/simulator/answer-part.ts';
import type { Block } from '../../src/simulator/answer-part.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { parseMessagesRequest } from '../../src/simulator/validate-request.ts';
import { wireEvents } from '../../src/simulator/wire-events.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';
import { askEvents, bodies, citable, clockTool, post, stopOf, toBody, weatherTool } from './ask.ts';
import type { WireEvent } from './ask.ts';
import { textIn, wholeAnswer } from './whole-answer.ts';

/** Blocks with their deltas, those of one type in a row as one: `text: citations_delta text_delta`. */
function outlineOf(events: readonly WireEvent[]): string[] {
  const outlines: string[][] = [];
  for (const { data } of events) {
    if (data.content_block !== undefined) outlines.push([`${data.content_block.type}:`]);
    const type = data.index === undefined ? undefined : data.delta?.type;
    const last = outlines.at(-1);
    if (type !== undefined && last?.at(-1) !== type) last?.push(type);
  }
  return outlines.map((words) => words.join(' '));
}

const text = 'text: text_delta';
const cited = 'text: citations_delta text_delta';
const serverCall = 'server_tool_use: input_json_delta';

const report = [text, cited, text, cited, text, cited, text, cited, text, cited, text];
const edit = [serverCall, 'text_editor_code_execution_tool_result:'];
const shell = [serverCall, 'bash_code_execution_tool_result:'];

const outlines: Readonly<Record<string, { blocks: readonly string[]; stop?: string }>> = {
  'redacted thinking': { blocks: ['redacted_thinking:', text] },
  'web search': { blocks: [text, serverCall, 'web_search_tool_result:', ...report] },
  'web search error': { blocks: [text, serverCall, 'web_search_tool_result:', text] },
  'web fetch': { blocks: [text, serverCall, 'web_fetch_tool_result:', text] },
  'code execution': { blocks: [text, serverCall, 'bash_code_execution_tool_result:', text] },
  'code execution in Python': { blocks: [text, serverCall, 'code_execution_tool_result:', text] },
  'text editor': { blocks: [text, ...edit, ...edit, text, ...edit, ...shell, text] },
  'container upload': {
    blocks: [text, serverCall, 'bash_code_execution_tool_result:', 'container_upload:', text],
  },
  'tool search': {
    blocks: [text, serverCall, 'tool_search_tool_result:', text, 'tool_use: input_json_delta'],
    stop: 'tool_use',
  },
  mcp: { blocks: ['mcp_tool_use: input_json_delta', 'mcp_tool_result:', text] },
  advisor: { blocks: [text, serverCall, 'advisor_tool_result:', text] },
  citations: { blocks: [text, cited, text, cited, text, cited, text, cited, text] },
  refusal: { blocks: [text], stop: 'refusal' },
  'context window': { blocks: [text], stop: 'model_context_window_exceeded' },
  pause: { blocks: [text, serverCall, 'web_search_tool_result:', text, serverCall], stop: 'pause_turn' },
  compaction: { blocks: ['compaction: compaction_delta', text] },
  fallback: { blocks: ['fallback:', text] },
  'everything before an answer': {
    blocks: [
      'compaction: compaction_delta',
      'fallback:',
      'redacted_thinking:',
      'thinking: thinking_delta signature_delta',
      text,
    ],
  },
};

describe('an answer', () => {
  for (const [kind, { blocks, stop = 'end_turn' }] of Object.entries(outlines)) {
    test(`${kind}: has its blocks and deltas in order, its stop reason, and is the same message whole`, async () => {
      await using simulator = await startSimulator({ speed: 0 });
      const body = bodies[kind] ?? {};
      const events = await askEvents(simulator, body);
      assert.deepEqual(outlineOf(events), blocks);
      assert.equal(stopOf(events).reason, stop);
      const accumulator = new MessageAccumulator();
      for (const { json } of events) accumulator.push(JSON.parse(json));
      await using again = await startSimulator({ speed: 0 });
      assert.deepEqual(await (await post(again, body)).json(), accumulator.message);
    });
  }

  test('has ids of the recorded form, and each result the id of its call', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const id = '01[1-9A-HJ-NP-Za-km-z]{22}$';
    for (const [prompt, form] of [
      ['web search', `^srvtoolu_${id}`],
      ['mcp', `^mcptoolu_${id}`],
    ] as const) {
      const events = await askEvents(simulator, toBody(prompt));
      const blocks = events.flatMap(({ data }) => data.content_block ?? []);
      const call = blocks.find(({ type }) => type.endsWith('_tool_use'));
      assert.match(call?.id ?? '', new RegExp(form));
      assert.equal(blocks.find(({ type }) => type.endsWith('_tool_result'))?.tool_use_id, call?.id);
    }
    const events = await askEvents(simulator, toBody('code execution'));
    const container =
      /"container":\{"id":"(container_01[1-9A-HJ-NP-Za-km-z]{22})","expires_at":"[\d:.TZ-]+"\}/;
    assert.match(events.at(-2)?.json ?? '', container);
    const kept = await askEvents(simulator, toBody('code execution', { container: 'container_1' }));
    assert.match(kept.at(-2)?.json ?? '', /"container":\{"id":"container_1"/);
  });

  test('whose form the request gives is JSON of that form: alone, behind thinking, and behind a result', () => {
    const schema = {
      type: 'object',
      properties: {
        title: { type: 'string' },
        count: { type: 'integer', minimum: 7 },
        kind: { enum: ['b', 'a'] },
      },
      required: ['title', 'count', 'kind'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema', schema };
    const call = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} };
    const conversation = [
      { role: 'user', content: 'The weather?' },
      { role: 'assistant', content: [call] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '21 degrees' }] },
    ];
    for (const changes of [
      { output_config: { format } },
      { output_format: format },
      { output_config: { format }, thinking: { type: 'adaptive' } },
      { output_config: { format }, messages: conversation },
    ]) {
      const { content, stop } = wholeAnswer(toBody('A long table, in markdown', changes));
      assert.deepEqual(JSON.parse(textIn(content)), { title: 'an example of title', count: 7, kind: 'b' });
      assert.equal(stop.reason, 'end_turn');
    }
    const list = { type: 'json_schema', schema: { type: 'array', items: { type: 'boolean' } } };
    assert.equal(textIn(wholeAnswer(toBody('Hi', { output_format: list })).content), '[true, true]');
    assert.equal(textIn(wholeAnswer(toBody('echo {"a":1}', { output_format: list })).content), '{"a":1}');
    const cut = wholeAnswer(toBody('Hi', { output_format: format, max_tokens: 5 }));
    assert.equal(cut.stop.reason, 'max_tokens');
    assert.ok('{"title": "an example of title"'.startsWith(textIn(cut.content)));
  });

  test('that is refused says why, and one that another model may give is not refused', () => {
    const { stop } = wholeAnswer(toBody('refuse cyber'));
    assert.deepEqual(stop, {
      reason: 'refusal',
      details: { type: 'refusal', category: 'cyber', explanation: null },
    });
    const other = wholeAnswer(toBody('refuse', { fallbacks: [{ model: 'claude-opus-4-6' }] }));
    assert.deepEqual(other.content[0], {
      type: 'fallback',
      from: { model: 'claude-sonnet-4-6' },
      to: { model: 'claude-opus-4-6' },
    });
    assert.equal(other.stop.reason, 'end_turn');
  });

  test('that fills the context window of its model says so instead of max_tokens', () => {
    const long = 'word '.repeat(186_800);
    const body = toBody(`echo ${long}`, { model: 'claude-haiku-4-5', max_tokens: 64_000 });
    assert.equal(wholeAnswer(body).stop.reason, 'model_context_window_exceeded');
  });

  test('counts what a server tool found as input, and each search and fetch', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [prompt, uses] of [
      ['web search', { web_search_requests: 1, web_fetch_requests: 0 }],
      ['web fetch', { web_search_requests: 0, web_fetch_requests: 1 }],
      ['code execution', { web_search_requests: 0, web_fetch_requests: 0 }],
      ['Hello', undefined],
    ] as const) {
      const events = await askEvents(simulator, toBody(prompt));
      const before = Number(events[0]?.data.message?.usage['input_tokens']);
      const usage = events.at(-2)?.data.usage ?? {};
      assert.deepEqual(usage['server_tool_use'], uses);
      if (uses === undefined) assert.equal(usage['input_tokens'], before);
      else assert.ok(Number(usage['input_tokens']) > 2 * before, 'everything is read again');
    }
  });

  test('tells apart what several models read and wrote', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [prompt, types] of [
      ['compact', ['compaction', 'message']],
      ['advisor', ['message', 'advisor_message', 'message']],
      ['fallback', ['message', 'fallback_message']],
    ] as const) {
      const events = await askEvents(simulator, toBody(prompt));
      const iterations = events.at(-2)?.data.usage?.['iterations'] as { type: string }[];
      assert.deepEqual(
        iterations.map(({ type }) => type),
        types,
      );
    }
  });
});

describe('tool_choice', () => {
  test('says how many tools are called at once', () => {
    const callsWith = (toolChoice: object): number =>
      wholeAnswer(
        toBody('both tools in parallel', { tools: [weatherTool, clockTool], tool_choice: toolChoice }),
      ).content.filter(({ type }) => type === 'tool_use').length;
    assert.equal(callsWith({ type: 'auto' }), 2);
    assert.equal(callsWith({ type: 'auto', disable_parallel_tool_use: false }), 2);
    assert.equal(callsWith({ type: 'auto', disable_parallel_tool_use: true }), 1);
    assert.equal(callsWith({ type: 'any', disable_parallel_tool_use: true }), 1);
    assert.equal(callsWith({ type: 'none' }), 0);
    assert.throws(() => callsWith({ type: 'auto', disable_parallel_tool_use: 'yes' }), {
      message: 'tool_choice.auto.disable_parallel_tool_use: Input should be a valid boolean',
    });
  });
});

describe('a server tool', () => {
  const search = { type: 'web_search_20250305', name: 'web_search' };
  const typesOf = (body: object): string[] => wholeAnswer(body).content.map(({ type }) => type);

  test('that is offered is called when the prompt has a word for it, or tool_choice its name', () => {
    const call = 'server_tool_use';
    assert.ok(!typesOf(toBody('Search for mills')).includes(call));
    assert.ok(typesOf(toBody('Search for mills', { tools: [weatherTool, search] })).includes(call));
    assert.ok(typesOf(toBody('Use a tool', { tools: [search] })).includes(call));
    const chosen = { tools: [weatherTool, search], tool_choice: { type: 'tool', name: 'web_search' } };
    assert.ok(typesOf(toBody('Hello', chosen)).includes(call));
    const none = { tools: [search], tool_choice: { type: 'none' } };
    assert.ok(!typesOf(toBody('Search for mills', none)).includes(call));
  });

  test('runs as its version does', () => {
    const nameOf = (type: string, name: string): unknown => {
      const { content } = wholeAnswer(toBody('Use a tool', { tools: [{ type, name }] }));
      return content.find((block) => block.type === 'server_tool_use')?.['name'];
    };
    assert.equal(nameOf('code_execution_20250522', 'code_execution'), 'code_execution');
    assert.equal(nameOf('code_execution_20250825', 'code_execution'), 'bash_code_execution');
    assert.equal(
      nameOf('tool_search_tool_regex_20251119', 'tool_search_tool_regex'),
      'tool_search_tool_regex',
    );
    assert.equal(nameOf('tool_search_tool_bm25_20251119', 'tool_search_tool_bm25'), 'tool_search_tool_bm25');
  });

  test('that is to find a tool finds the one that is named, and calls it', () => {
    const tools = [weatherTool, clockTool];
    const { content } = wholeAnswer(toBody('tool search, then read clock', { tools }));
    const found = content.find(({ type }) => type === 'tool_search_tool_result');
    assert.deepEqual(found?.['content'], {
      type: 'tool_search_tool_search_result',
      tool_references: [{ type: 'tool_reference', tool_name: 'read_clock' }],
    });
    assert.equal(content.at(-1)?.['name'], 'read_clock');
  });

  test('that fails gives its own error, with the code that was asked for', () => {
    for (const [prompt, type, code] of [
      ['web search error max_uses_exceeded', 'web_search', 'max_uses_exceeded'],
      ['web fetch error', 'web_fetch', 'unavailable'],
      ['text editor error file_not_found', 'text_editor_code_execution', 'file_not_found'],
    ] as const) {
      const result = wholeAnswer(toBody(prompt)).content.find(({ type }) => type.endsWith('_tool_result'));
      assert.deepEqual(result?.['content'], { type: `${type}_tool_result_error`, error_code: code });
    }
  });
});

describe('an answer to documents with citations', () => {
  test('cites what stands in them, in the places it names', () => {
    const { content } = wholeAnswer(toBody('', { messages: [{ role: 'user', content: citable }] }));
    const found = content.flatMap(({ citations }) => (Array.isArray(citations) ? citations : []) as object[]);
    assert.deepEqual(found, [
      {
        type: 'char_location',
        cited_text: '😀 The grass is green. ',
        document_index: 0,
        document_title: 'Colours',
        start_char_index: 0,
        end_char_index: 22,
      },
      {
        type: 'char_location',
        cited_text: 'The sky is blue.\n\n',
        document_index: 0,
        document_title: 'Colours',
        start_char_index: 22,
        end_char_index: 40,
      },
      {
        type: 'content_block_location',
        cited_text: 'First block.',
        document_index: 2,
        document_title: null,
        start_block_index: 0,
        end_block_index: 1,
      },
      {
        type: 'content_block_location',
        cited_text: '2nd',
        document_index: 2,
        document_title: null,
        start_block_index: 1,
        end_block_index: 2,
      },
      {
        type: 'page_location',
        cited_text: 'The simulator does not read this document.',
        document_index: 3,
        document_title: 'Print',
        start_page_number: 1,
        end_page_number: 2,
      },
      {
        type: 'search_result_location',
        cited_text: 'What was found.',
        source: 'https://example.com/a',
        title: 'Found',
        search_result_index: 0,
        start_block_index: 0,
        end_block_index: 1,
      },
    ]);
  });

  test('cites search results that a tool gave', () => {
    const call = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} };
    const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: [citable[4]] };
    const messages = [
      { role: 'user', content: 'Look it up' },
      { role: 'assistant', content: [call] },
      { role: 'user', content: [result] },
    ];
    assert.match(textIn(wholeAnswer(toBody('', { messages })).content), /What was found\./);
  });

  test('does not cite without being switched on', () => {
    const content = [citable[1], { type: 'text', text: 'What does it say?' }];
    const answer = wholeAnswer(toBody('', { messages: [{ role: 'user', content }] }));
    assert.deepEqual(
      answer.content.map((block) => 'citations' in block),
      [false],
    );
  });
});

describe('toPart()', () => {
  test('gives for each block of a message the part that streams to it', () => {
    for (const [kind, body] of Object.entries(bodies)) {
      const { content } = wholeAnswer(body);
      assert.deepEqual(streamed(content), content, kind);
    }
  });

  test(
    'gives for each block of a recorded message the part that streams to it',
    { skip: sharedSkip() },
    () => {
      const path = join(sharedFolder() ?? '', 'streams/expected.jsonl');
      const lines = readFileSync(path, 'utf8').trim().split('\n');
      const messages = lines.map((line) => JSON.parse(line) as { final?: { content?: Block[] } });
      const contents = messages.flatMap(({ final }) => (final?.content === undefined ? [] : [final.content]));
      assert.ok(contents.length > 300, `${contents.length} messages were found`);
      for (const content of contents) {
        // A message whose input had not ended, or whose text has none, is not one to tell.
        if (!content.every(isTold)) continue;
        assert.deepEqual(streamed(content), content.map(withCaller));
      }
    },
  );
});

/** The content that a stream of these blocks adds up to. */
function streamed(content: readonly Block[]): unknown {
  const request = parseMessagesRequest(toBody('x', { max_tokens: 100_000 }));
  const random = { ids: createRandom(1), cuts: createRandom(2), beganAtMs: 0 };
  const accumulator = new MessageAccumulator();
  for (const event of [...wireEvents(request, content.map(toPart), random)].flat()) accumulator.push(event);
  return accumulator.message?.content;
}

/** Recordings before 2026 do not say who called. */
function withCaller(block: Block): Block {
  return block.type === 'tool_use' ? { caller: { type: 'direct' }, ...block } : block;
}

function isTold({ type, text, input }: Block): boolean {
  return type === 'text' ? text !== '' : input === undefined || typeof input === 'object';
}

/** What keys a value has, in order, all the way down; of a list what its items have. */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].sort().join('|')}]`;
  if (typeof value !== 'object' || value === null) return '·';
  const fields = Object.entries(value).map(([key, item]) => {
    // What stands in an input is the tool's own.
    if (key === 'input') return key;
    return key === 'type' ? `type=${String(item)}` : `${key}:${shapeOf(item)}`;
  });
  return `{${fields.join(' ')}}`;
}

/** The shapes of all started blocks and citations of a stream, and what its usage says. */
function shapesIn(stream: string): string[] {
  return [...stream.matchAll(/^data: (\{.*\})\s*$/gm)].flatMap(([, json = '']) => {
    const {
      content_block: block,
      delta,
      usage,
    } = JSON.parse(json) as {
      content_block?: object;
      delta?: { citation?: object; type?: string };
      usage?: object;
    };
    if (block !== undefined) return [shapeOf(block)];
    if (usage !== undefined) return [`usage ${Object.keys(usage).join(' ')}`];
    return delta?.citation === undefined ? [] : [shapeOf(delta.citation)];
  });
}

/** Kinds of which nothing is recorded: in the API's documentation alone. */
const unrecorded =
  /type=(?:container_upload|page_location|content_block_location|search_result_location|\w+_error|code_execution_output|bash_code_execution_output)\b/;

describe('the recorded streams', { skip: sharedSkip() }, () => {
  test('have every shape of block, citation and usage that is answered here', async (t) => {
    const folder = join(sharedFolder() ?? '', 'streams');
    const [head = '', ...rows] = readFileSync(join(folder, 'MANIFEST.tsv'), 'utf8').trim().split('\n');
    const columns = head.split('\t');
    const field = (row: string, name: string): string => row.split('\t')[columns.indexOf(name)] ?? '';
    const files = rows
      .filter((row) => !field(row, 'recording').includes('keys sorted'))
      .map((row) => field(row, 'file'));
    const recorded = new Set(
      files.flatMap((file) => shapesIn(readFileSync(join(folder, 'recorded', file), 'utf8'))),
    );
    await using simulator = await startSimulator({ speed: 0 });
    const own = new Set<string>();
    for (const body of Object.values(bodies)) {
      for (const { json } of await askEvents(simulator, body))
        shapesIn(`data: ${json}`).forEach((shape) => own.add(shape));
    }
    const known = [...own].filter((shape) => !unrecorded.test(shape));
    t.diagnostic(`${known.length} of ${own.size} shapes are recorded`);
    assert.ok(known.length > 20, `${known.length} shapes were compared`);
    assert.deepEqual(
      known.filter((shape) => !recorded.has(shape)),
      [],
    );
  });
});
