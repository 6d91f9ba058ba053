// The project's own client against everything that the simulator can make go wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Millrace } from '../../src/client/index.ts';
import type { MessageStream } from '../../src/client/index.ts';
import type { FaultKind } from '../../src/simulator/faults/fault.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import type { Fault } from '../../src/simulator/index.ts';
import { toBody } from './ask.ts';

const answer = 'one two three four five';
const params = { ...toBody(`echo ${answer}`) } as Parameters<Millrace['messages']['create']>[0];

interface Outcome {
  readonly ending: string | undefined;
  /** The name of what reading threw; undefined when nothing was. */
  readonly error: string | undefined;
  /** How much of the answer came before. */
  readonly text: 'all' | 'beginning' | 'none' | 'all, behind other text';
}

function toShare(text: string): Outcome['text'] {
  if (text === '') return 'none';
  if (text === answer) return 'all';
  if (text.endsWith(answer)) return 'all, behind other text';
  assert.ok(answer.startsWith(text), text);
  return 'beginning';
}

async function ask(fault: Fault): Promise<Outcome> {
  await using simulator = await startSimulator({ speed: 0, faults: fault });
  const client = new Millrace({ apiKey: 'key', baseURL: simulator.url, retry: { maxRetries: 0 } });
  // A limit refuses only what comes after the request that reaches it.
  if (fault.kind === 'rate_limit') await client.messages.create(params);
  const stream = client.messages.stream(params);
  let text = '';
  stream.on('text', (delta) => (text += delta));
  const error = await errorOf(stream);
  return { ending: stream.ending?.type, error, text: toShare(text) };
}

async function errorOf(stream: MessageStream): Promise<string | undefined> {
  try {
    await stream.finalMessage();
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}

const whole: Outcome = { ending: 'complete', error: undefined, text: 'all' };
const nothing = { ending: 'failed', text: 'none' } as const;

/** Each kind of fault, and what the client makes of it. */
const outcomes = {
  status: [
    { kind: 'status', status: 529 },
    { ...nothing, error: 'ApiError' },
  ],
  drop: [{ kind: 'drop' }, { ...nothing, error: 'ConnectionError' }],
  refuse: [{ kind: 'refuse' }, { ...nothing, error: 'ConnectionError' }],
  body: [
    { kind: 'body', body: 'html' },
    { ...nothing, error: 'ResponseError' },
  ],
  rate_limit: [
    { kind: 'rate_limit', requests: 1 },
    { ...nothing, error: 'ApiError' },
  ],
  content_type: [{ kind: 'content_type' }, whole],
  slow_headers: [{ kind: 'slow_headers', ms: 5 }, whole],
  error_event: [
    { kind: 'error_event', type: 'api_error', atEvent: 4 },
    { ending: 'failed', error: 'ApiError', text: 'beginning' },
  ],
  invalid_json: [
    { kind: 'invalid_json', atEvent: 4 },
    { ending: 'failed', error: 'ProtocolError', text: 'beginning' },
  ],
  cut: [
    { kind: 'cut', atEvent: 4 },
    { ending: 'failed', error: 'ConnectionError', text: 'beginning' },
  ],
  unknown_event: [{ kind: 'unknown_event' }, whole],
  unknown_block: [{ kind: 'unknown_block' }, whole],
  unknown_delta: [{ kind: 'unknown_delta' }, whole],
  duplicate_block: [{ kind: 'duplicate_block' }, whole],
  out_of_order: [{ kind: 'out_of_order' }, whole],
  huge_event: [
    { kind: 'huge_event', bytes: 500 },
    { ...whole, text: 'all, behind other text' },
  ],
  data_only: [{ kind: 'data_only' }, whole],
  crlf: [{ kind: 'crlf' }, whole],
  done: [{ kind: 'done' }, whole],
  stall: [{ kind: 'stall', atEvent: 4, ms: 20, pingMs: 5 }, whole],
  never_close: [{ kind: 'never_close' }, whole],
  split: [{ kind: 'split', bytes: 3 }, whole],
  merge: [{ kind: 'merge', events: 4 }, whole],
  // Of nothing but a continuation.
  seam: [{ kind: 'seam', as: 'repeat' }, whole],
} satisfies Record<FaultKind, [fault: Fault, outcome: Outcome]>;

describe('the client, of a stream with', () => {
  for (const [kind, [fault, outcome]] of Object.entries(outcomes)) {
    test(`${kind}: ${outcome.ending}${outcome.error === undefined ? '' : `, throws ${outcome.error}`}`, async () => {
      assert.deepEqual(await ask(fault), outcome);
    });
  }
});
