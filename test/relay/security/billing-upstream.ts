// An upstream that keeps its bill: what it has been asked for and has said is charged, by its own count, whoever reads
// it. It says one event at each read, so that nobody can be charged for more than they let come.

import { encodeSse } from 'millrace/protocol';
import type { Message, StreamEvent } from 'millrace/protocol';
import type { ByteSource, Transport } from 'millrace/client';
import { messageStart } from '../../support/streams.ts';

/** What one answer does. */
export interface Plan {
  /** Of the bytes of the request, how many it charges as tokens of input: 0 to 1. */
  readonly inputShare: number;
  /** Texts of its deltas, and of the bytes of each how many it charges: 0 to 1. */
  readonly texts: readonly { readonly text: string; readonly share: number }[];
  /** Thoughts that are charged and not shown; undefined for an answer that does not think. */
  readonly thoughtTokens?: number | undefined;
  /** It breaks off before the event with this number. */
  readonly breaksAt?: number | undefined;
}

export interface Bill {
  tokens: number;
  /** What each event was charged, in order. */
  readonly charges: number[];
  requests: number;
}

const encoder = new TextEncoder();

export function createBillingUpstream(planOf: (request: number) => Plan): {
  bill: Bill;
  transport: Transport;
} {
  const bill: Bill = { tokens: 0, charges: [], requests: 0 };
  const charge = (tokens: number): void => {
    bill.tokens += tokens;
    bill.charges.push(tokens);
  };
  const transport: Transport = async ({ body = '', signal }) => {
    signal?.throwIfAborted();
    const plan = planOf(bill.requests);
    bill.requests += 1;
    const asked = JSON.parse(body) as { stream?: boolean; max_tokens: number };
    const inputTokens = Math.floor(plan.inputShare * encoder.encode(body).length);
    const says = eventsOf(plan, inputTokens, asked.max_tokens);
    await turn();
    if (asked.stream !== true) {
      const tokens = says.reduce((sum, { tokens }) => sum + tokens, 0);
      charge(tokens);
      const usage = { input_tokens: inputTokens, output_tokens: tokens - inputTokens };
      return response('application/json', chunks([JSON.stringify({ type: 'message', content: [], usage })]));
    }
    // As soon as it is at work on it.
    charge(says[0]?.tokens ?? 0);
    return response('text/event-stream', readEvents(says, { plan, signal, charge }));
  };
  return { bill, transport };
}

interface Said {
  readonly event: StreamEvent;
  readonly tokens: number;
}

function eventsOf({ texts, thoughtTokens }: Plan, inputTokens: number, maxTokens: number): Said[] {
  let left = maxTokens;
  const charged = (tokens: number): number => {
    const most = Math.max(0, Math.min(left, Math.floor(tokens)));
    left -= most;
    return most;
  };
  const said: Said[] = [{ event: startWith(inputTokens), tokens: inputTokens }];
  if (thoughtTokens !== undefined) {
    said.push(
      {
        event: {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'thinking', thinking: '', signature: '' },
        },
        tokens: 0,
      },
      {
        event: { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm' } },
        tokens: charged(thoughtTokens / 2),
      },
      {
        event: { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'x' } },
        tokens: charged(thoughtTokens / 2),
      },
      { event: { type: 'content_block_stop', index: 0 }, tokens: 0 },
    );
  }
  const index = thoughtTokens === undefined ? 0 : 1;
  said.push({
    event: { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
    tokens: charged(4),
  });
  for (const { text, share } of texts) {
    const tokens = charged(share * encoder.encode(text).length);
    said.push({ event: { type: 'content_block_delta', index, delta: { type: 'text_delta', text } }, tokens });
  }
  said.push(
    { event: { type: 'content_block_stop', index }, tokens: 0 },
    {
      event: {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: maxTokens - left },
      },
      tokens: 0,
    },
    { event: { type: 'message_stop' }, tokens: 0 },
  );
  return said;
}

function startWith(inputTokens: number): StreamEvent {
  const { message } = messageStart as { message: Message };
  return {
    type: 'message_start',
    message: { ...message, usage: { input_tokens: inputTokens, output_tokens: 0 } },
  };
}

interface Reading {
  readonly plan: Plan;
  readonly signal: AbortSignal | undefined;
  readonly charge: (tokens: number) => void;
}

function readEvents(says: readonly Said[], { plan, signal, charge }: Reading): ByteSource {
  let next = 0;
  return {
    read: async () => {
      await turn();
      signal?.throwIfAborted();
      const said = next === plan.breaksAt ? undefined : says[next];
      if (said === undefined) return undefined;
      if (next > 0) charge(said.tokens);
      next += 1;
      return encoder.encode(encodeSse(said.event));
    },
    cancel: async () => undefined,
  };
}

function chunks(texts: string[]): ByteSource {
  return {
    read: async () => {
      const text = texts.shift();
      return text === undefined ? undefined : encoder.encode(text);
    },
    cancel: async () => undefined,
  };
}

function response(contentType: string, body: ByteSource) {
  return { status: 200, headers: new Headers({ 'content-type': contentType }), body };
}

/** Others come to their turn in between. */
function turn(): Promise<void> {
  return new Promise(setImmediate);
}
