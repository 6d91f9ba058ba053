// reliability, section 4, the row “Header smuggling/injection”. Slowloris and sizes: test/relay/limits.test.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeSse, SseDecoder } from 'millrace/protocol';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import { messageEnd, messageStart, sse, textEvents } from '../../support/streams.ts';
import { ann, as, post, question, startKeyedRelay } from './keyed-relay.ts';

/** Everything the server says until it closes the connection. */
async function answerTo(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  return answer;
}

const hidden = 'GET /relay.json HTTP/1.1\r\nhost: localhost\r\n\r\n';
const head = (more: string, path = '/session') =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${more}\r\n`;

test('Header smuggling: what two servers could read in two ways is a 400, closes the connection, and hides no request', async () => {
  await using relay = await startKeyedRelay('http://127.0.0.1:9');
  const { port } = relay.server;
  const corpus = {
    'CL.TE': head('content-length: 6\r\ntransfer-encoding: chunked\r\n') + `0\r\n\r\n${hidden}`,
    'TE.CL': head('transfer-encoding: chunked\r\ncontent-length: 4\r\n') + `5c\r\n${hidden}\r\n0\r\n\r\n`,
    'two lengths': head('content-length: 2\r\ncontent-length: 60\r\n') + `{}${hidden}`,
    'a list of lengths': head('content-length: 2, 60\r\n') + `{}${hidden}`,
    'a negative length': head('content-length: -1\r\n') + hidden,
    'a signed length': head('content-length: +2\r\n') + `{}${hidden}`,
    'a hexadecimal length': head('content-length: 0x2\r\n') + `{}${hidden}`,
    'an obscured encoding': head('transfer-encoding: xchunked\r\n') + `0\r\n\r\n${hidden}`,
    'two encodings':
      head('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n') + `0\r\n\r\n${hidden}`,
    'an encoding with a tab': head('transfer-encoding:\tchunked, identity\r\n') + `0\r\n\r\n${hidden}`,
    'a folded header': head('x-folded: a\r\n content-length: 60\r\n') + hidden,
    'a space before the colon': head('content-length : 60\r\n') + hidden,
    'a bare CR in a header': head('x-a: b\rcontent-length: 60\r\n') + hidden,
    'a NUL in a header': head('x-a: b\0c\r\n') + hidden,
    'a line feed alone': `POST /session HTTP/1.1\nhost: localhost\ncontent-length: 60\n\n${hidden}`,
    'a chunk that is longer than it says':
      head('transfer-encoding: chunked\r\n') + `2\r\n{}}}\r\n0\r\n\r\n${hidden}`,
    'a CR LF in the target': `GET /healthz%0d%0a HTTP/1.1 HTTP/1.1\r\nhost: localhost\r\n\r\n${hidden}`,
    'two hosts': head('Host: evil.example\r\ncontent-length: 2\r\n') + `{}${hidden}`,
    'two authorizations':
      head('authorization: Bearer a\r\nauthorization: Bearer b\r\ncontent-length: 2\r\n') + `{}${hidden}`,
    'two types': head('Content-Type: text/plain\r\ncontent-length: 2\r\n') + `{}${hidden}`,
    'no host': `GET /healthz HTTP/1.1\r\n\r\n${hidden}`,
    'no version': `GET /healthz\r\n\r\n${hidden}`,
  };
  for (const [name, bytes] of Object.entries(corpus)) {
    const answer = await answerTo(port, bytes);
    assert.match(answer, /^HTTP\/1\.1 400 /, `${name}: ${answer.slice(0, 60)}`);
    assert.match(answer, /\{"type":"error","error":\{"type":"invalid_request_error"/, name);
    assert.equal(answer.match(/HTTP\/1\.1 [0-9]/g)?.length, 1, `${name}: the rest was not read as a request`);
  }
  assert.match(
    await answerTo(port, 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200 /,
  );
});

test('Header injection: an id from the address comes back in no header', async () => {
  await using relay = await startKeyedRelay('http://127.0.0.1:9');
  for (const id of ['a%0d%0aset-cookie:%20x=y', 'a%00b', '%F0%9F%92%A9', 'a'.repeat(5000)]) {
    const response = await fetch(`${relay.url}/streams/${id}`, { headers: as(ann) });
    assert.equal(response.status, 404);
    const headers = [...response.headers].flat().join('\n');
    assert.ok(!headers.includes('set-cookie') && !headers.includes(id), headers);
  }
});

/** The lines of the formats that have an event in each, and the parts of `ui`: nothing in them but what was said. */
async function checkOtherFormats(url: string, said: readonly string[]): Promise<void> {
  const textIn: Readonly<Record<string, (value: Readonly<Record<string, unknown>>) => unknown>> = {
    ndjson: ({ event }) => deltaOf(event),
    log: ({ record }) => {
      const { type, data = 'null' } = record as { type: string; data?: string };
      return type === 'event' ? deltaOf(JSON.parse(data)) : undefined;
    },
    ui: ({ type, delta }) => (type === 'text-delta' ? delta : undefined),
  };
  for (const [format, textOf] of Object.entries(textIn)) {
    const text = await (await post(`${url}/streams?format=${format}`, question('x'), as(ann))).text();
    const separator = format === 'ui' ? '\n\n' : '\n';
    assert.ok(text.endsWith(separator), format);
    const pieces = text.slice(0, -separator.length).split(separator);
    const lines = format === 'ui' ? pieces.flatMap(partIn) : pieces;
    const found = lines.map((line) => textOf(JSON.parse(line) as Record<string, unknown>));
    assert.deepEqual(
      found.filter((each) => each !== undefined),
      format === 'ui' ? said.filter((each) => each !== '') : said,
      format,
    );
  }
}

/** The data of a frame, in which each line is a field; none of a comment or the end. */
function partIn(frame: string): string[] {
  const lines = frame.split(/\r\n|\r|\n/);
  for (const line of lines) assert.match(line, /^(?:data: |id: \d+-\d+$|:)/);
  const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
  return data.filter((each) => each !== '[DONE]');
}

function deltaOf(event: unknown): unknown {
  const { type, delta } = Object(event) as { type?: string; delta?: { text?: string } };
  return type === 'content_block_delta' ? delta?.text : undefined;
}

test('Injection: whatever the model says, a reader of any format sees the events that were, and no other', async () => {
  const lines = fc.constantFrom(
    '\n',
    '\n\n',
    '\r',
    '\r\n\r\n',
    'event: error',
    'data: {"type":"message_stop"}',
    'id: 9-9',
    ':',
    '\u2028',
    '\u2029',
    '\0',
    '\u0085',
    '\ud800',
    '"',
    '\\',
    '{',
    '🏞️',
  );
  const said = fc
    .array(fc.oneof(lines, fc.string({ unit: 'grapheme' })), { minLength: 1, maxLength: 8 })
    .map((parts) => parts.join(''));
  let body = '';
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(body) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startKeyedRelay(upstream.url);
  await fc.assert(
    fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 5 }), async (texts) => {
      body = sse(messageStart, ...textEvents(0, ...texts), ...messageEnd);
      const wellFormed = texts.map((text) => JSON.parse(JSON.stringify(text)) as string);
      await checkOtherFormats(relay.url, wellFormed);
      for (const format of ['messages', 'text']) {
        const headers = { ...as(ann), accept: 'text/event-stream' };
        const response = await post(`${relay.url}/streams?format=${format}`, question('x'), headers);
        const decoder = new SseDecoder();
        const events = [...decoder.push(new Uint8Array(await response.arrayBuffer())), ...decoder.end()];
        const wanted = format === 'text' ? 'text' : 'content_block_delta';
        const shown = events
          .filter(({ event }) => event === wanted)
          .map(({ data }) => JSON.parse(data) as unknown);
        const found = shown.map((value) =>
          typeof value === 'string' ? value : (value as { delta: { text: string } }).delta.text,
        );
        assert.deepEqual(found, wellFormed);
        assert.ok(events.every(({ event }) => event !== 'error'));
        const last = events.at(-1)?.event;
        assert.equal(last, format === 'text' ? 'done' : 'millrace');
        assert.ok(events.every((event) => encodeSse(event).split('\n\n').length === 2));
      }
    }),
    { numRuns: 50 },
  );
});
