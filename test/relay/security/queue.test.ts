// reliability, section 4, the rows “Quotas” (answers at the same time) and “SSE exhaustion”: turns in order, told to who
// waits, and given back on every way out; readers of each stream and owner.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFetchHandler } from 'millrace/relay';
import type { AccessOptions, RelayTelemetry } from 'millrace/relay';
import { SseDecoder } from 'millrace/protocol';
import { MemoryStreamLog } from 'millrace/storage';
import { askUntilRoom } from '../../support/ask-relay.ts';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { RawAnswer } from '../../support/raw-server.ts';
import type { TestRelay } from '../../support/relay.ts';
import { logWith } from '../../support/stream-log.ts';
import { messageEnd, messageStart, sse, textEvents } from '../../support/streams.ts';
import { turnsUntil } from '../../support/turns.ts';
import { ann, as, bob, post, question, startKeyedRelay } from './keyed-relay.ts';

const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));
const whole = sse(messageStart, ...textEvents(0, 'Hello'), ...messageEnd);
const stream = { model: 'claude-sonnet-5', max_tokens: 9, stream: true, ...question('x') };
const events = { ...as(ann), accept: 'text/event-stream' };

function counts({ relay }: TestRelay, owner = 'ann'): readonly [running: number, waiting: number] {
  const usage = relay.usage().find((each) => each.owner === owner);
  return [usage?.running ?? 0, usage?.waiting ?? 0];
}

const isFree = (relay: TestRelay) => () => counts(relay).join() === '0,0';

async function idOf(response: Response): Promise<string> {
  return ((await response.json()) as { id: string }).id;
}

async function limitOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { type: string; details?: { code: string } } };
  return [response.status, error.type, error.details?.code, response.headers.get('retry-after')];
}

/** Reads events until one says what is looked for. */
async function readUntil(response: Response, wanted: string): Promise<string[]> {
  const decoder = new SseDecoder();
  const said: string[] = [];
  for await (const chunk of response.body ?? []) {
    said.push(...decoder.push(chunk).map(({ event, data }) => `${event} ${data}`));
    if (said.some((each) => each.includes(wanted))) break;
  }
  return said;
}

/** A relay in front of answers that go on until a test ends them, one after the other. */
async function withHeld(
  limits: AccessOptions['limits'],
  use: (context: {
    relay: TestRelay;
    url: string;
    asked: () => number;
    endNext: () => void;
  }) => Promise<void>,
): Promise<void> {
  const endings: (() => void)[] = [];
  await using upstream = await startRawServer((): RawAnswer => {
    const later = Promise.withResolvers<string>();
    endings.push(() => later.resolve(restOfAnswer));
    return { bytes: streamResponse(cut), then: 'hold', later: later.promise };
  });
  await using relay = await startKeyedRelay(upstream.url, { limits: limits ?? {} });
  await use({
    relay,
    url: relay.url,
    asked: () => upstream.requests.length,
    endNext: () => endings.shift()?.(),
  });
}

const rest = sse(...textEvents(0, 'x').slice(2), ...messageEnd);
const restOfAnswer = `${Buffer.byteLength(rest).toString(16)}\r\n${rest}\r\n${cleanEnd}`;

test('Queue: past the limit answers wait, come to their turn in the order they came, and are told where they are', async () => {
  await withHeld({ concurrent: 1, queue: 3 }, async ({ relay, url, asked, endNext }) => {
    const start = async () => idOf(await post(`${url}/streams`, question('x'), as(ann)));
    const ids = [await start(), await start(), await start()];
    await turnsUntil(() => asked() === 1);
    const follow = (id: string, format: string) =>
      fetch(`${url}/streams/${id}?format=${format}`, { headers: events });
    const positions = async () =>
      Promise.all(
        ids.map(
          async (id) =>
            (
              (await (await fetch(`${url}/streams/${id}`, { headers: as(ann) })).json()) as {
                position: unknown;
              }
            ).position,
        ),
      );
    assert.deepEqual(
      [await positions(), counts(relay)],
      [
        [null, 1, 2],
        [1, 2],
      ],
    );
    const [messages, text] = [await follow(ids[2]!, 'messages'), await follow(ids[2]!, 'text')];
    const reads = [readUntil(messages, 'message_stop'), readUntil(text, 'done')] as const;
    const chat = await post(`${url}/chat/stream`, { message: 'x' }, as(ann));
    assert.equal(chat.status, 200, 'told at once, before upstream has been asked');
    const third = readUntil(chat, 'done');
    for (const count of [1, 2, 3, 4]) {
      await turnsUntil(() => asked() === count);
      endNext();
    }
    const waiting = (position: number) =>
      `{"type":"millrace","record":{"type":"waiting","position":${position}}}`;
    const [asMessages, asText, ofChat] = await Promise.all([...reads, third]);
    assert.deepEqual(
      asMessages.filter((each) => each.includes('waiting')),
      [`millrace ${waiting(2)}`, `millrace ${waiting(1)}`],
    );
    assert.deepEqual(
      asText.filter((each) => each.startsWith('waiting')),
      ['waiting {"position":2}', 'waiting {"position":1}'],
    );
    assert.deepEqual(
      ofChat.filter((each) => each.startsWith('waiting')),
      ['waiting {"position":3}', 'waiting {"position":2}', 'waiting {"position":1}'],
    );
    await turnsUntil(isFree(relay));
  });
});

test('Queue: one more than may wait is a 429 with retry-after, on every route; owners do not wait for each other', async () => {
  await withHeld({ concurrent: 1, queue: 1 }, async ({ relay, url }) => {
    await post(`${url}/streams`, question('x'), as(ann));
    await post(`${url}/streams`, question('x'), as(ann));
    for (const [path, body] of [
      ['/streams', question('x')],
      ['/chat/stream', { message: 'x' }],
      ['/v1/messages', stream],
      ['/v1/messages', { ...stream, stream: false }],
    ] as const) {
      const refused = await limitOf(await post(url + path, body, as(ann)));
      assert.deepEqual(refused, [429, 'rate_limit_error', 'too_many_waiting', '1'], path);
    }
    assert.deepEqual(counts(relay), [1, 1]);
    assert.equal((await post(`${url}/v1/messages`, stream, as(bob))).status, 200);
  });
});

test('Queue: /v1 waits without a word, so that the status is upstream’s, and gets a 429 when its turn does not come', async () => {
  await withHeld({ concurrent: 1, waitMs: 50 }, async ({ relay, url, asked }) => {
    await post(`${url}/v1/messages`, stream, as(ann));
    for (const body of [stream, { ...stream, stream: false }]) {
      const refused = await limitOf(await post(`${url}/v1/messages`, body, as(ann)));
      assert.deepEqual(refused, [429, 'rate_limit_error', 'queue_timeout', '1']);
    }
    assert.deepEqual([asked(), counts(relay)], [1, [1, 0]]);
  });
});

test('Queue: what was begun with an Idempotency-Key can be attached to when nothing more may begin or wait', async () => {
  await withHeld({ concurrent: 1, queue: 0 }, async ({ relay, url }) => {
    const headers = { ...as(ann), 'idempotency-key': 'one' };
    const id = await idOf(await post(`${url}/streams`, question('x'), headers));
    assert.equal(await idOf(await post(`${url}/streams`, question('x'), headers)), id);
    const other = { ...headers, 'idempotency-key': 'two' };
    assert.equal((await post(`${url}/streams`, question('x'), other)).status, 429);
    assert.deepEqual(counts(relay), [1, 0]);
    await fetch(`${url}/streams/${id}`, { method: 'DELETE', headers: { 'x-api-key': ann.secret } });
    assert.equal((await post(`${url}/streams`, question('x'), other)).status, 202, 'the key was not used up');
  });
});

test('Queue: of twins with a new Idempotency-Key past the limit both are refused, and no log is made for either', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const made: string[] = [];
  const log = new MemoryStreamLog();
  await using relay = await startKeyedRelay(
    upstream.url,
    { limits: { concurrent: 1, queue: 0 } },
    {
      log: logWith(log, {
        create: async (stream) => {
          const result = await log.create(stream);
          made.push(result.type);
          // Long enough for a twin to find it.
          for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
          return result;
        },
      }),
    },
  );
  const ask = (key: string) =>
    post(`${relay.url}/streams`, question('x'), { ...events, 'idempotency-key': key });
  const first = await ask('one');
  const refused = [429, 'rate_limit_error', 'too_many_waiting', '1'];
  const twins = await Promise.all([ask('two'), ask('two'), ask('two')]);
  for (const twin of twins) assert.deepEqual(await limitOf(twin), refused);
  assert.deepEqual(made, ['created']);
  const again = await ask('one');
  assert.equal(again.headers.get('x-stream-id'), first.headers.get('x-stream-id'));
  await Promise.all([first.body?.cancel(), again.body?.cancel()]);
});

test('Queue: stopped, deleted or left while it waits, an answer makes room and asks nothing of upstream', async () => {
  await withHeld({ concurrent: 1, queue: 3 }, async ({ relay, url, asked }) => {
    await post(`${url}/streams`, question('x'), as(ann));
    const ids = await Promise.all(
      [1, 2].map(async () => idOf(await post(`${url}/streams`, question('x'), as(ann)))),
    );
    const leaving = new AbortController();
    const left = fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: as(ann),
      body: JSON.stringify(stream),
      signal: leaving.signal,
    });
    await turnsUntil(() => counts(relay)[1] === 3);
    leaving.abort();
    await assert.rejects(left, { name: 'AbortError' });
    await turnsUntil(() => counts(relay)[1] === 2);
    const key = { 'x-api-key': ann.secret };
    await fetch(`${url}/streams/${ids[0]}/stop`, { method: 'POST', headers: key });
    await fetch(`${url}/streams/${ids[1]}`, { method: 'DELETE', headers: key });
    await turnsUntil(() => counts(relay)[1] === 0);
    const state = (await (await fetch(`${url}/streams/${ids[0]}`, { headers: key })).json()) as {
      ending: unknown;
    };
    assert.deepEqual([state.ending, asked(), counts(relay)], [{ type: 'stopped' }, 1, [1, 0]]);
  });
});

test('Queue: more room by other limits is used at once', async () => {
  await withHeld({ concurrent: 1 }, async ({ relay, url, asked }) => {
    for (let count = 0; count < 3; count += 1) await post(`${url}/streams`, question('x'), as(ann));
    await turnsUntil(() => asked() === 1);
    relay.relay.reload({ keys: [ann, bob], limits: { concurrent: 2 } });
    await turnsUntil(() => asked() === 2);
    assert.deepEqual(counts(relay), [2, 1]);
  });
});

type Way = 'whole' | 'broken' | 'refused' | 'cut' | 'stopped' | 'deleted' | 'left' | 'head' | 'reply' | 'bad';

test('Queue: whatever becomes of them, all places are free again, and nothing that may begin is left waiting', async () => {
  const way = fc.constantFrom<Way>(
    'whole',
    'broken',
    'refused',
    'cut',
    'stopped',
    'deleted',
    'left',
    'head',
    'reply',
    'bad',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(way, { minLength: 1, maxLength: 30 }),
      fc.record({
        concurrent: fc.integer({ min: 1, max: 4 }),
        queue: fc.integer({ min: 0, max: 10 }),
        readers: fc.integer({ min: 1, max: 10 }),
      }),
      async (ways, limits) => {
        await using upstream = await startRawServer((request) => answers[wayIn(request)] ?? answers.whole);
        const { telemetry, readers } = readerFigure();
        await using relay = await startKeyedRelay(
          upstream.url,
          { limits },
          { calls: { retry: { maxRetries: 0 } }, log: new MemoryStreamLog(), telemetry },
        );
        let mostRunning = 0;
        let mostReaders = 0;
        const watch = setInterval(() => {
          mostRunning = Math.max(mostRunning, counts(relay)[0]);
          mostReaders = Math.max(mostReaders, readers());
        }, 0);
        await Promise.all(ways.map((each) => take(each, relay)));
        await turnsUntil(() => isFree(relay)() && readers() === 0);
        clearInterval(watch);
        assert.ok(mostRunning <= limits.concurrent, `${mostRunning}`);
        assert.ok(mostReaders <= limits.readers, `${mostReaders}`);
      },
    ),
    { numRuns: 30 },
  );
});

/** What upstream does to a request that says so. */
const answers: Readonly<Record<string, RawAnswer>> & { readonly whole: RawAnswer } = {
  whole: { bytes: streamResponse(whole) + cleanEnd, then: 'fin' },
  broken: { bytes: streamResponse(cut), then: 'rst' },
  refused: { bytes: 'HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}', then: 'fin' },
  cut: { bytes: '', then: 'rst' },
  stopped: { bytes: streamResponse(cut), then: 'hold' },
  deleted: { bytes: streamResponse(cut), then: 'hold' },
  left: { bytes: streamResponse(cut), then: 'hold' },
  reply: { bytes: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}', then: 'fin' },
};

function wayIn(request: string): string {
  return /"content":"way ([a-z]+)"/.exec(request)?.[1] ?? '';
}

/** What is done to a stream that has begun: a method, and a path below its own. */
const doneTo: { readonly [Each in Way]?: readonly [method: string, below?: string] } = {
  stopped: ['POST', '/stop'],
  deleted: ['DELETE'],
  head: ['HEAD'],
};

async function take(way: Way, { relay, url }: TestRelay): Promise<void> {
  const handle = createFetchHandler(relay);
  const send = (path: string, method: string, body?: unknown) =>
    handle(
      new Request(url + path, {
        method,
        headers: events,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  if (way === 'reply' || way === 'left' || way === 'bad') {
    const body = { ...stream, ...question(`way ${way}`), stream: way !== 'reply' };
    const response = await send('/v1/messages', 'POST', way === 'bad' ? [] : body);
    if (way === 'left') await response.body?.cancel();
    else await response.text();
    return;
  }
  const started = await send('/streams', 'POST', question(`way ${way}`));
  const id = started.headers.get('x-stream-id');
  const [method, below = ''] = doneTo[way] ?? [];
  if (id !== null && method !== undefined) await send(`/streams/${id}${below}`, method);
  await started.text();
}

test('SSE exhaustion: one reader more than an owner may have, of a stream or in all, is a 429; one that leaves makes room', async () => {
  for (const limits of [{ readers: 2 }, { readersPerStream: 2 }]) {
    await withHeld({ ...limits, concurrent: 3 }, async ({ url }) => {
      const id = await idOf(await post(`${url}/streams`, question('x'), as(ann)));
      const follow = () => fetch(`${url}/streams/${id}`, { headers: events });
      const readers = [await follow(), await follow()].map(({ body }) => body!.getReader());
      for (const reader of readers) await reader.read();
      assert.deepEqual(await limitOf(await follow()), [429, 'rate_limit_error', 'too_many_readers', '1']);
      const others = await post(`${url}/v1/messages`, stream, as(bob));
      assert.equal(others.status, 200, 'another owner has their own');
      const another = await post(`${url}/v1/messages`, stream, as(ann));
      assert.equal(another.status, 'readers' in limits ? 429 : 200);
      await another.body?.cancel();
      await readers[0]?.cancel();
      assert.equal((await askUntilRoom(follow)).status, 200);
    });
  }
});

/** How many readers a relay says it has. */
function readerFigure(): { telemetry: RelayTelemetry[]; readers: () => number } {
  let readers = (): number => 0;
  const watch: RelayTelemetry['watch'] = (state) => void (readers = state.readers);
  return { telemetry: [{ watch }], readers: () => readers() };
}

test('SSE exhaustion: of requests that come together no more get in than may, on every route', async () => {
  const limits = { readers: 4, readersPerStream: 3, concurrent: Infinity };
  await withHeld(limits, async ({ url, asked }) => {
    const id = await idOf(await post(`${url}/streams`, question('x'), as(ann)));
    await turnsUntil(() => asked() === 1);
    const reads = Array.from({ length: 20 }, () => fetch(`${url}/streams/${id}`, { headers: events }));
    const followed = await Promise.all(reads);
    assert.equal(followed.filter(({ status }) => status === 200).length, 3);
    for (const { body, status } of followed) if (status === 200) await body?.cancel();
  });
  for (const [path, body] of [
    ['/v1/messages', stream],
    ['/chat/stream', { message: 'x' }],
    ['/api/chat', { id: 'c', messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'x' }] }] }],
    ['/streams', question('x')],
  ] as const) {
    // Upstream does not answer: nobody reads anything yet.
    await using upstream = await startRawServer(() => ({ bytes: '', then: 'hold' }));
    await using relay = await startKeyedRelay(upstream.url, { limits });
    const leaving = new AbortController();
    let refused = 0;
    const asked = Array.from({ length: 20 }, async () => {
      const { signal } = leaving;
      const init = { method: 'POST', headers: events, body: JSON.stringify(body), signal };
      const { status } = await fetch(relay.url + path, init);
      assert.equal(status, 429, path);
      refused += 1;
    });
    const settled = Promise.allSettled(asked);
    await turnsUntil(() => refused === 16 && upstream.requests.length === 4);
    leaving.abort();
    const results = await settled;
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 16, path);
  }
});

test('SSE exhaustion: a place is free again where no stream comes of it: refused, not read, or left before upstream answers', async () => {
  const refusal = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}';
  await using upstream = await startRawServer((request) =>
    request.includes('refuse me') ? { bytes: refusal, then: 'fin' } : { bytes: '', then: 'hold' },
  );
  const { telemetry, readers } = readerFigure();
  const limits = { readers: 1, concurrent: 1, queue: 0 };
  await using relay = await startKeyedRelay(upstream.url, { limits }, { telemetry });
  const { url } = relay;
  assert.equal(
    (await post(`${url}/v1/messages`, { ...stream, ...question('refuse me') }, as(ann))).status,
    400,
  );
  await turnsUntil(() => isFree(relay)() && readers() === 0);
  const id = await idOf(await post(`${url}/streams`, question('x'), as(ann)));
  assert.equal(readers(), 0, 'who looks for itself is no reader');
  assert.equal((await post(`${url}/v1/messages`, stream, as(ann))).status, 429, 'there is no room to wait');
  assert.equal(readers(), 0);
  for (const encoding of ['gzip', 'identity']) {
    const headers = { ...events, 'accept-encoding': encoding };
    const head = await fetch(`${url}/streams/${id}`, { method: 'HEAD', headers });
    assert.equal(head.status, 200);
    await turnsUntil(() => readers() === 0);
  }
  await fetch(`${url}/streams/${id}`, { method: 'DELETE', headers: as(ann) });
  await turnsUntil(isFree(relay));
  const leaving = new AbortController();
  const { signal } = leaving;
  const init = { method: 'POST', headers: as(ann), body: JSON.stringify(stream), signal };
  const left = fetch(`${url}/v1/messages`, init);
  await turnsUntil(() => readers() === 1);
  leaving.abort();
  await assert.rejects(left, { name: 'AbortError' });
  await turnsUntil(() => isFree(relay)() && readers() === 0);
});

test('SSE exhaustion: an owner known by a key has 6 readers of a stream, 20 in all and 3 answers at once, unless told otherwise', async () => {
  const { accessRules, limitsOf } = await import('../../../src/relay/access/access-rules.ts');
  const { concurrent, readers, readersPerStream } = limitsOf(accessRules({ keys: [ann] }), 'ann');
  assert.deepEqual([concurrent, readersPerStream, readers], [3, 6, 20]);
  const open = limitsOf(accessRules({}), 'local');
  assert.deepEqual([open.concurrent, open.readers], [Infinity, Infinity]);
});
