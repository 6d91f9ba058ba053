// Asks a simulator, and reads its streams strictly: what is not exactly as on the wire fails here.

import assert from 'node:assert/strict';

import type { Simulator } from '../../src/simulator/index.ts';

/** A body that is answered with plain prose; tests change what they are about. */
export function toBody(prompt: string, changes: object = {}): object {
  return {
    model: 'claude-sonnet-4-6',
    max_tokens: 16_000,
    messages: [{ role: 'user', content: prompt }],
    ...changes,
  };
}

export const weatherTool = {
  name: 'get_weather',
  description: 'The weather at a place.',
  input_schema: {
    type: 'object',
    properties: {
      location: { type: 'string' },
      unit: { enum: ['celsius', 'fahrenheit'] },
      days: { type: 'integer', minimum: 1, maximum: 2 },
    },
    required: ['location'],
  },
};

export const clockTool = { name: 'read_clock', input_schema: { type: 'object' } };

const toolUseId = 'toolu_01AAAAAAAAAAAAAAAAAAAAAA';

const citations = { enabled: true };

/** Documents and a search result in each form, with a question about them. */
export const citable = [
  {
    type: 'document',
    source: {
      type: 'text',
      media_type: 'text/plain',
      data: '😀 The grass is green. The sky is blue.\n\nDone',
    },
    title: 'Colours',
    citations,
  },
  {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: 'Nobody may cite this.' },
  },
  {
    type: 'document',
    source: {
      type: 'content',
      content: [
        { type: 'text', text: 'First block.' },
        { type: 'text', text: '2nd' },
      ],
    },
    citations,
  },
  {
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
    title: 'Print',
    citations,
  },
  {
    type: 'search_result',
    source: 'https://example.com/a',
    title: 'Found',
    content: [{ type: 'text', text: 'What was found.' }],
    citations,
  },
  { type: 'text', text: 'What do they say?' },
];

/** One request for each kind of answer, and for each way an answer can end. */
export const bodies: Readonly<Record<string, object>> = {
  prose: toBody('Hello there'),
  markdown: toBody('Show me some markdown'),
  long: toBody('long 700'),
  echo: toBody('echo naïve 😀 日本語\n\n👩‍👩‍👧 and "quotes" \\ '),
  'empty echo': toBody('echo'),
  thinking: toBody('Please think first'),
  'thinking enabled': toBody('Hello', {
    model: 'claude-haiku-4-5',
    thinking: { type: 'enabled', budget_tokens: 1024 },
  }),
  'thinking omitted': toBody('Hello', { thinking: { type: 'adaptive', display: 'omitted' } }),
  'thinking and tool': toBody('think, then call get_weather', { tools: [weatherTool] }),
  tool: toBody('Use a tool', { tools: [weatherTool] }),
  'tool without arguments': toBody('read clock, please', { tools: [weatherTool, clockTool] }),
  'tool without tools': toBody('Use a tool'),
  'parallel tools': toBody('both in parallel', { tools: [weatherTool, clockTool] }),
  'forced tool': toBody('Hello', { tools: [weatherTool], tool_choice: { type: 'any' } }),
  'tool result': toBody('', {
    messages: [
      { role: 'user', content: 'The weather?' },
      { role: 'assistant', content: [{ type: 'tool_use', id: toolUseId, name: 'get_weather', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: toolUseId, content: '21 degrees' }] },
    ],
  }),
  max_tokens: toBody('long 500', { max_tokens: 20 }),
  'max_tokens in tool input': toBody('x', {
    tools: [weatherTool],
    tool_choice: { type: 'any' },
    max_tokens: 36,
  }),
  'stop sequence': toBody('echo one two three four', { stop_sequences: ['zero', 'three'] }),
  'stop sequence at once': toBody('echo one two', { stop_sequences: ['one'] }),
  'redacted thinking': toBody('redacted'),
  'web search': toBody('web search for mills'),
  'web search error': toBody('web search error max_uses_exceeded'),
  'web fetch': toBody('web fetch https://example.com/mills'),
  'web fetch error': toBody('web fetch error'),
  'code execution': toBody('code execution'),
  'code execution in Python': toBody('code execution in Python'),
  'code execution error': toBody('code execution error'),
  'text editor': toBody('text editor'),
  'text editor error': toBody('text editor error file_not_found'),
  'container upload': toBody('container upload'),
  'tool search': toBody('tool search', { tools: [weatherTool, clockTool] }),
  'tool search error': toBody('tool search error'),
  mcp: toBody('mcp'),
  advisor: toBody('advisor'),
  citations: toBody('citations'),
  'citations of documents': toBody('', { messages: [{ role: 'user', content: citable }] }),
  refusal: toBody('refuse cyber'),
  'context window': toBody('context window'),
  pause: toBody('pause'),
  compaction: toBody('compact'),
  fallback: toBody('fallback'),
  'everything before an answer': toBody('compact, fallback, redacted, think'),
  'newest model': toBody('Hello', { model: 'claude-sonnet-5' }),
};

export function post(
  simulator: Simulator,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${simulator.url}/v1/messages`, {
    method: 'POST',
    headers: { 'anthropic-version': '2026-10-21', authorization: 'Bearer key', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export async function askText(simulator: Simulator, body: object): Promise<string> {
  const response = await post(simulator, { ...body, stream: true });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

export interface WireEvent {
  readonly name: string;
  readonly json: string;
  readonly data: WireData;
}

/** As much of an event's type as the tests look at. */
interface WireData {
  readonly type: string;
  readonly index?: number;
  readonly message?: { id: string; model: string; usage: Record<string, unknown> };
  readonly content_block?: { type: string; id?: string; name?: string; tool_use_id?: string };
  readonly delta?: {
    type?: string;
    text?: string;
    thinking?: string;
    partial_json?: string;
    signature?: string;
    citation?: Record<string, unknown>;
    content?: string;
    stop_reason?: string;
    stop_sequence?: string | null;
  };
  readonly usage?: Record<string, unknown>;
}

export async function askEvents(simulator: Simulator, body: object): Promise<WireEvent[]> {
  return parseFrames(await askText(simulator, body));
}

export function parseFrames(text: string): WireEvent[] {
  assert.ok(text.endsWith('\n\n'), 'the body ends with a blank line');
  assert.ok(!text.includes('\r'), 'lines end with LF alone');
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((frame) => {
      const [, name, json] = /^event: (\w+)\ndata: (\{.*\})$/.exec(frame) ?? [];
      assert.ok(name !== undefined && json !== undefined, `a frame of another form: ${frame}`);
      const data = JSON.parse(json) as WireData;
      assert.equal(data.type, name);
      return { name, json, data };
    });
}

/** Whether no half of a surrogate pair stands in the text. */
export function isWhole(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** The text of all text deltas. */
export function textOf(events: readonly WireEvent[]): string {
  return events.map(({ data }) => data.delta?.text ?? '').join('');
}

export function stopOf(events: readonly WireEvent[]): { reason: unknown; sequence: unknown; usage: unknown } {
  const last = events.find(({ name }) => name === 'message_delta')?.data;
  return {
    reason: last?.delta?.stop_reason,
    sequence: last?.delta?.stop_sequence,
    usage: last?.usage?.['output_tokens'],
  };
}
