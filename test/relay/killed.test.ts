// Relays that are killed at the worst points of their work, as real processes on a real file, and what becomes of the
// answer: each event once, each character once, and no call that need not be.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import type { Death } from '../support/mortal-relay.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { startMortal } from '../support/start-mortal.ts';
import { messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-killed-'));
after(() => rmSync(folder, { recursive: true }));

const body = { model: 'claude-sonnet-5', max_tokens: 900, messages: [{ role: 'user', content: 'x' }] };

const cutText = (...pieces: string[]): string => sse(messageStart, ...textEvents(0, ...pieces).slice(0, -1));
const begun = cutText('The wheel ', 'turns');
const rest = sse(messageStart, ...textEvents(0, ' and turns.'), ...messageEnd);
const whole = (text: string): RawAnswer => ({ bytes: streamResponse(text) + cleanEnd, then: 'hold' });
const held = (text: string): RawAnswer => ({ bytes: streamResponse(text), then: 'hold' });
const silent: RawAnswer = { bytes: '', then: 'hold' };

interface Reader {
  id: string | undefined;
  readonly frames: ServerSentEvent[];
}

/** Asks, or asks again with the same key, or comes back; reads until the connection ends, however it does. */
async function read(url: string, reader: Reader): Promise<void> {
  const last = reader.frames.at(-1)?.id;
  const headers = { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) };
  try {
    const response =
      reader.id === undefined
        ? await fetch(`${url}/streams`, {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': 'once' },
            body: JSON.stringify(body),
          })
        : await fetch(`${url}/streams/${reader.id}`, { headers });
    assert.equal(response.status, 200);
    reader.id = response.headers.get('x-stream-id') ?? undefined;
    const decoder = new SseDecoder();
    for await (const bytes of response.body!) {
      const frames = [...decoder.push(bytes)];
      reader.frames.push(...frames.filter((frame) => frame.id !== undefined));
    }
  } catch (error) {
    // The process is gone.
    if (!(error instanceof TypeError)) throw error;
  }
}

interface Case {
  /** One for each process, in turn. */
  readonly deaths: readonly Death[];
  /** What upstream answers, in turn. */
  readonly answers: readonly RawAnswer[];
  /** A request, by its number from 1, of whose coming the process is killed. */
  readonly killedAt?: number;
  readonly wanted: readonly unknown[];
}

const appended = (saying: string): Death => ({ when: 'after', of: 'append', saying });
const unharmed: Death = { when: 'before', of: 'nothing' };
const text = (...pieces: string[]): unknown => ({ type: 'text', text: pieces.join('') });

const cases: Readonly<Record<string, Case>> = {
  'when it has taken the stream, before anything else': {
    deaths: [{ when: 'after', of: 'acquire' }],
    answers: [whole(sse(messageStart, ...textEvents(0, 'Whole.'), ...messageEnd))],
    wanted: [text('Whole.')],
  },
  'before it has taken the stream': {
    deaths: [{ when: 'before', of: 'acquire' }],
    answers: [whole(sse(messageStart, ...textEvents(0, 'Whole.'), ...messageEnd))],
    wanted: [text('Whole.')],
  },
  'when all is in the log but the end of the stream': {
    deaths: [{ when: 'before', of: 'append', saying: '{"type":"end"' }],
    answers: [whole(begun), whole(rest)],
    wanted: [text('The wheel turns and turns.')],
  },
  'when it has asked for the rest, and nothing of that has come': {
    deaths: [unharmed],
    answers: [whole(begun), silent, whole(rest)],
    killedAt: 2,
    wanted: [text('The wheel turns and turns.')],
  },
  'in the middle of the rest': {
    deaths: [appended(' and over')],
    answers: [whole(begun), held(cutText(' and over')), whole(rest)],
    wanted: [text('The wheel turns and over and turns.')],
  },
  'when it has withdrawn a block, and nothing is in its place': {
    deaths: [appended('"rewind"')],
    answers: [
      whole(
        sse(
          messageStart,
          ...textEvents(0, 'Let me look.'),
          ...toolEvents(1, '{"place":"mi', 'll"}').slice(0, 3),
        ),
      ),
      held(sse(messageStart)),
      whole(
        sse(messageStart, ...textEvents(0, ' Now.'), ...toolEvents(1, '{"place":"weir"}'), ...messageEnd),
      ),
    ],
    wanted: [
      text('Let me look.'),
      text(' Now.'),
      { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { place: 'weir' } },
    ],
  },
  'and the next one as well, in the same answer': {
    deaths: [appended('turns'), appended(' and over')],
    answers: [held(begun), held(cutText(' and over')), whole(rest)],
    wanted: [text('The wheel turns and over and turns.')],
  },
  'and the next one as soon as it has taken the stream': {
    deaths: [appended('turns'), { when: 'after', of: 'acquire' }],
    answers: [held(begun), whole(rest)],
    wanted: [text('The wheel turns and turns.')],
  },
};

for (const [name, { deaths, answers, killedAt, wanted }] of Object.entries(cases)) {
  test(`an answer whose relay is killed ${name} is whole, and nothing of it comes twice`, async () => {
    const file = join(folder, `${Object.keys(cases).indexOf(name)}.db`);
    let asked = 0;
    await using upstream = await startRawServer(() => answers[asked++] ?? silent);
    const reader: Reader = { id: undefined, frames: [] };
    for (const death of deaths) {
      await using mortal = await startMortal(file, upstream.url, death);
      const reading = mortal.url === '' ? undefined : read(mortal.url, reader);
      if (killedAt !== undefined) {
        await turnsUntil(() => upstream.requests.length >= killedAt);
        mortal.child.kill('SIGKILL');
      }
      assert.deepEqual(await mortal.ended, [null, 'SIGKILL']);
      await reading;
    }
    const log = SqliteStreamLog.open(file);
    await using relay = await startTestRelay(upstream.url, {
      log,
      upstream: { apiKey: 'sk-own' },
      calls: { retry: { maxDelayMs: 0 } },
    });
    await read(relay.url, reader);
    const { frames } = reader;
    assert.deepEqual(
      frames.map(({ id }) => Number(id?.split('-')[1])),
      frames.map((_, index) => index + 1),
    );
    const { message, ending } = messageOf(frames);
    assert.equal(ending?.type, 'complete');
    assert.deepEqual(structuredClone(message?.content), wanted);
    assert.equal(upstream.requests.length, answers.length, 'no call that need not be');
    await checkUsage(relay.url, reader);
    assert.deepEqual(relay.errors, []);
  });
}

/** What the stream took is what its calls did. */
async function checkUsage(url: string, { id }: Reader): Promise<void> {
  type Usage = Readonly<Record<'input_tokens' | 'output_tokens', number>>;
  const told = (await (await fetch(`${url}/streams/${id}`)).json()) as {
    readonly usage: Usage;
    /** Null of a call that upstream did not get to answer. */
    readonly attempts: readonly { readonly usage: Usage | null }[];
  };
  const sum = (name: keyof Usage): number =>
    told.attempts.reduce((total, { usage }) => total + (usage?.[name] ?? 0), 0);
  assert.equal(told.usage.input_tokens, sum('input_tokens'));
  assert.equal(told.usage.output_tokens, sum('output_tokens'));
}

function messageOf(frames: readonly ServerSentEvent[]): MessageAccumulator {
  const accumulator = new MessageAccumulator();
  for (const frame of frames) {
    const event = parseStreamEvent(frame);
    const { record } = event as { record?: { type?: string; fromIndex?: number } };
    if (record?.type === 'rewind') accumulator.rewind(record.fromIndex ?? 0);
    else accumulator.push(event);
  }
  return accumulator;
}
