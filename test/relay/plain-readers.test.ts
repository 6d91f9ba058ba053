// The formats that need no library, read as a page or a script reads them: `text` by the loop of any tutorial, `ndjson`
// and `log` line by line.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageAccumulator } from 'millrace/protocol';
import type { StreamEvent, TextBlock } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import { logStart } from 'millrace/storage';
import type { LogRecord } from 'millrace/storage';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelayOptions } from '../support/relay.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

/** What a reader makes of a stream. */
interface Read {
  text: string;
  /** `complete`, `stopped`, or the code of an error; undefined while none has come. */
  ending: string | undefined;
  lastId: string;
}

type Reader = (response: Response, read: Read) => AsyncGenerator<void, void, undefined>;

/** As tutorials write it: split at empty lines, keep what is left for the next time. */
async function* readText(response: Response, read: Read): AsyncGenerator<void, void, undefined> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += decoder.decode(value, { stream: true });
    const frames = buffer.split('\n\n');
    buffer = frames.pop() ?? '';
    for (const frame of frames) {
      const field = (name: string): string => frame.match(`^${name}: (.*)$`)?.[1] ?? lineOf(frame, name);
      const event = field('event');
      const data: unknown = JSON.parse(field('data') || '{}');
      if (event === 'text') read.text += String(data);
      if (event === 'reset') read.text = read.text.slice(0, (data as { from: number }).from);
      if (event === 'done') read.ending = 'complete';
      if (event === 'stopped') read.ending = 'stopped';
      if (event === 'error') read.ending = (data as { code: string }).code;
      read.lastId = field('id') || read.lastId;
    }
    yield;
  }
}

const lineOf = (frame: string, name: string): string =>
  frame
    .split('\n')
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2) ?? '';

async function* lines<Line>(response: Response): AsyncGenerator<Line, void, undefined> {
  let rest = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + piece).split('\n');
    rest = whole.pop() ?? '';
    for (const line of whole) yield JSON.parse(line) as Line;
  }
  assert.equal(rest, '');
}

/** The text so far is folded from the events, which a script keeps. */
function foldInto(read: Read): (event: StreamEvent | LogRecord) => void {
  const accumulator = accumulators.get(read) ?? new MessageAccumulator();
  accumulators.set(read, accumulator);
  return (event) => {
    if (event.type === 'rewind') accumulator.rewind((event as { fromIndex: number }).fromIndex);
    else accumulator.push(event as StreamEvent);
    read.text = (accumulator.message?.content ?? [])
      .map((block) => (block.type === 'text' ? (block as TextBlock).text : ''))
      .join('');
  };
}
const accumulators = new WeakMap<Read, MessageAccumulator>();

type NdjsonEvent = StreamEvent & { record?: LogRecord; error?: { details?: { code: string }; type: string } };

const codeOf = ({ error }: NdjsonEvent): string | undefined => error?.details?.code ?? error?.type;

async function* readNdjson(response: Response, read: Read): AsyncGenerator<void, void, undefined> {
  const fold = foldInto(read);
  for await (const { id, event } of lines<{ id?: string; event: NdjsonEvent }>(response)) {
    read.lastId = id ?? read.lastId;
    if (event.type === 'error') read.ending = codeOf(event);
    else if (event.record?.type === 'rewind') fold(event.record);
    else if (event.record?.type === 'end') read.ending ??= event.record.ending.type;
    else fold(event);
    yield;
  }
}

async function* readLog(response: Response, read: Read): AsyncGenerator<void, void, undefined> {
  const fold = foldInto(read);
  for await (const { id, record } of lines<{ id?: string; record: LogRecord }>(response)) {
    read.lastId = id ?? read.lastId;
    if (record.type === 'event') fold(JSON.parse(record.data) as StreamEvent);
    if (record.type === 'rewind') fold(record);
    if (record.type === 'end')
      read.ending = record.ending.type === 'failed' ? record.ending.code : record.ending.type;
    yield;
  }
}

const readers: Readonly<Record<string, Reader>> = { text: readText, ndjson: readNdjson, log: readLog };

const tools = [{ name: 'get_weather', input_schema: { type: 'object' } }];
const off: TestRelayOptions = { calls: { recover: false } };
const words = 'one two three four five six seven eight';

interface Case {
  readonly content: string;
  readonly relay?: TestRelayOptions;
  readonly text?: string;
  readonly ending: string;
}

const cases: Readonly<Record<string, Case>> = {
  'a whole answer': { content: 'echo a\n\nb\r\nc\n 水😀', text: 'a\n\nb\r\nc\n 水😀', ending: 'complete' },
  'an empty answer': { content: 'echo', text: '', ending: 'complete' },
  thinking: { content: 'think, then echo', ending: 'complete' },
  tools: { content: 'use get_weather', ending: 'complete' },
  citations: { content: 'citations', ending: 'complete' },
  'an error in the middle': {
    content: `/fault error_event api_error atEvent=6\necho ${words}`,
    relay: off,
    ending: 'api_error',
  },
  'a cut': { content: `/fault cut atEvent=6\necho ${words}`, relay: off, ending: 'connection_failed' },
  'a cut that is recovered from': {
    content: `/fault cut atEvent=6\necho ${words}`,
    text: words,
    ending: 'complete',
  },
  'thinking that is written anew': {
    content: '/fault cut atEvent=5 times=1\nthink about mills',
    ending: 'complete',
  },
  'pings in a gap': {
    content: `/fault stall atEvent=5 ms=60 pingMs=20\necho ${words}`,
    relay: { pingMs: 10 },
    text: words,
    ending: 'complete',
  },
  'an unknown event': { content: `/fault unknown_event\necho ${words}`, text: words, ending: 'complete' },
  'an unknown delta': { content: `/fault unknown_delta\necho ${words}`, text: words, ending: 'complete' },
};

/** Reads to the end, or until the reader leaves: by `return` its connection goes as well. */
async function readAll(
  reading: AsyncGenerator<void, void, undefined>,
  leaves: () => boolean | Promise<boolean> = () => false,
): Promise<void> {
  while ((await reading.next()).done !== true) {
    if (await leaves()) await reading.return();
  }
}

const newRead = (): Read => ({ text: '', ending: undefined, lastId: '' });

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

for (const [format, follow] of Object.entries(readers)) {
  describe(`The format ${format}`, () => {
    for (const [name, { content, relay: options, text, ending }] of Object.entries(cases)) {
      test(`says ${name}, and how it ended`, async () => {
        await using simulator = await startSimulator({ speed: 0 });
        await using relay = await startTestRelay(simulator.url, options);
        const body = { messages: [{ role: 'user', content }], max_tokens: 2000, tools };
        const response = await post(`${relay.url}/streams?format=${format}`, body);
        const read = newRead();
        await readAll(follow(response, read));
        const id = response.headers.get('x-stream-id');
        const { message } = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as {
          message: { content: TextBlock[] };
        };
        assert.equal(read.ending, ending);
        assert.equal(
          read.text,
          message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
        );
        if (text !== undefined) assert.equal(read.text, text);
      });
    }

    test('resumes behind any id, and says nothing twice', async () => {
      await using simulator = await startSimulator({ speed: 0 });
      await using relay = await startTestRelay(simulator.url);
      const response = await post(`${relay.url}/streams?format=${format}`, {
        messages: [{ role: 'user', content: 'long 60' }],
      });
      const path = `${relay.url}/streams/${response.headers.get('x-stream-id')}?format=${format}`;
      const whole = await response.text();
      const ids = [...whole.matchAll(/"id":"([0-9]+-[0-9]+)"|^id: (.+)$/gm)].map(([, a, b]) => a ?? b!);
      assert.ok(ids.length > 3);
      for (const id of ids.slice(0, -1)) {
        const rest = await (await fetch(`${path}&after=${id}`)).text();
        assert.ok(whole.endsWith(rest) && rest.length > 0, id);
        assert.equal(rest.includes(`"${id}"`) || rest.includes(`id: ${id}\n`), false);
      }
      const last = `${path}&after=${ids.at(-1)}`;
      assert.ok([200, 204].includes((await fetch(last)).status));
    });

    test('says that an answer was stopped, and goes on with one that was left', async () => {
      const { promise: later, resolve: goOn } = Promise.withResolvers<string>();
      const half = sse(messageStart, ...textEvents(0, 'Half\n').slice(0, 2));
      const end = sse(...textEvents(0, '', 'rest').slice(2), ...messageEnd);
      await using upstream = await startRawServer(() => ({
        bytes: streamResponse(half),
        then: 'hold',
        later,
      }));
      await using relay = await startTestRelay(upstream.url);
      const ask = () =>
        post(`${relay.url}/streams?format=${format}`, { messages: [{ role: 'user', content: 'x' }] });
      const stopped = await ask();
      const read = newRead();
      await readAll(follow(stopped, read), async () => {
        if (read.text === 'Half\n' && read.ending === undefined)
          await post(`${relay.url}/streams/${stopped.headers.get('x-stream-id')}/stop`, {});
        return false;
      });
      assert.deepEqual([read.text, read.ending], ['Half\n', 'stopped']);
      const left = await ask();
      const begun = newRead();
      await readAll(follow(left, begun), () => begun.text !== '');
      goOn(`${Buffer.byteLength(end).toString(16)}\r\n${end}\r\n${cleanEnd}`);
      const path = `${relay.url}/streams/${left.headers.get('x-stream-id')}?format=${format}`;
      await readAll(follow(await fetch(`${path}&after=${begun.lastId}`), begun));
      assert.deepEqual([begun.text, begun.ending], ['Half\nrest', 'complete']);
    });
  });
}

test('POST /chat/stream is read by the loop of any tutorial, and resumes where the loop was left', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const message = 'echo First line\n\nsecond: "line"\ndata: x\n';
  const response = await post(`${relay.url}/chat/stream`, { message });
  const read = newRead();
  await readAll(readText(response.clone(), read));
  assert.deepEqual([read.text, read.ending], [message.slice(5), 'complete']);
  const frames = (await response.text()).split('\n\n');
  const half = newRead();
  const begun = new Response(`${frames.slice(0, 1).join('\n\n')}\n\n`);
  await readAll(readText(begun, half));
  const path = `${relay.url}/streams/${response.headers.get('x-stream-id')}?format=text`;
  const rest = await fetch(path, { headers: { 'last-event-id': half.lastId } });
  await readAll(readText(rest, half));
  assert.deepEqual([half.text, half.ending], [message.slice(5), 'complete']);
});

test('`accept: application/x-ndjson` is the format ndjson, and the format log is what the store has', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const response = await fetch(`${relay.url}/streams`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'markdown' }] }),
  });
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
  const id = response.headers.get('x-stream-id')!;
  const text = await response.text();
  const path = `${relay.url}/streams/${id}`;
  assert.equal(await (await fetch(path, { headers: { accept: 'application/x-ndjson' } })).text(), text);
  const records: unknown[] = [];
  for await (const { record } of lines<{ record: unknown }>(await fetch(`${path}?format=log`)))
    records.push(record);
  const kept = await relay.log.read(id, logStart, { maxEntries: 10_000, maxBytes: 10_000_000 });
  assert.ok(kept.type === 'entries');
  assert.deepEqual(
    records,
    kept.entries.map(({ record }) => record),
  );
});
