// A relay behind a fake `fetch`, and a clock that moves when told: what followStream needs, without a browser.

import assert from 'node:assert/strict';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { encodeSse } from 'millrace/protocol';
import type { StreamEvent } from 'millrace/protocol';
import type { FollowEnvironment } from '../../src/web/stream/follow-environment.ts';
import type { Place } from '../../src/web/stream/stream-places.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** One request the page made, and the body its answer has. */
export interface Exchange {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal;
  /** Sends text as one chunk of the body. */
  send(text: string): void;
  /** Ends the body as a closed connection does. */
  close(): void;
  /** Ends the body as a broken connection does. */
  break(): void;
}

type Answer = (exchange: Exchange) => Response | Error;

/** Answers each request by the next entry of `answers`; a request too many fails the test. */
export class FakeRelay implements FollowEnvironment {
  readonly exchanges: Exchange[] = [];
  readonly delaysMs: number[] = [];
  nowMs = 1000;
  readonly #answers: Answer[];
  readonly #timers = new Set<Timer>();
  readonly #sleepers = new Set<() => void>();
  /** Takes each place away that is in use. */
  readonly #places = new Set<() => void>();
  /** Those who wait for a place, as long as there is none. */
  #queue: (() => void)[] | undefined;
  readonly #bodies = new WeakMap<Exchange, ReadableStream<Uint8Array>>();

  constructor(answers: Answer[]) {
    this.#answers = [...answers];
  }

  /** What was not put back after use: 0 when nobody waits for anything. */
  get openHandles(): number {
    return this.#timers.size + this.#sleepers.size + this.#places.size;
  }

  fetch(path: string, init: RequestInit): Promise<Response> {
    const exchange = this.#exchange(path, init);
    this.exchanges.push(exchange);
    const answer = this.#answers.shift();
    assert.ok(answer !== undefined, `no answer is left for ${exchange.method} ${path}`);
    const response = answer(exchange);
    return response instanceof Error ? Promise.reject(response) : Promise.resolve(response);
  }

  bodyOf(exchange: Exchange): ReadableStream<Uint8Array> {
    const body = this.#bodies.get(exchange);
    assert.ok(body !== undefined);
    return body;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.nowMs + delayMs, callback };
    this.delaysMs.push(delayMs);
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return 0.5;
  }

  onWake(callback: () => void): () => void {
    this.#sleepers.add(callback);
    return () => this.#sleepers.delete(callback);
  }

  async takePlace(signal: AbortSignal): Promise<Place> {
    const queue = this.#queue;
    if (queue !== undefined) await new Promise<void>((resolve) => queue.push(resolve));
    signal.throwIfAborted();
    const lost = new AbortController();
    const takeAway = (): void => lost.abort(new Error('another page has it'));
    this.#places.add(takeAway);
    return { lost: lost.signal, release: () => this.#places.delete(takeAway) };
  }

  /** Has places no more: not for who has one, nor for who asks. */
  takePlacesAway(): void {
    this.#queue = [];
    for (const takeAway of this.#places) takeAway();
  }

  /** Has places again. */
  givePlaces(): void {
    const queue = this.#queue ?? [];
    this.#queue = undefined;
    for (const give of queue) give();
  }

  wake(): void {
    for (const callback of this.#sleepers) callback();
  }

  /** Lets time pass, with everything that is due in it, and lets what follows from it happen. */
  async pass(ms: number): Promise<void> {
    await this.settle();
    const until = this.nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.nowMs = Math.max(this.nowMs, due.at);
      this.#timers.delete(due);
      due.callback();
      await this.settle();
    }
    this.nowMs = until;
    await this.settle();
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await turnOfLoop();
  }

  #exchange(path: string, init: RequestInit): Exchange {
    const { signal } = init;
    assert.ok(signal, 'every request can be cut');
    let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        sink = controller;
      },
    });
    signal.addEventListener('abort', () => sink?.error(signal.reason));
    const exchange: Exchange = {
      path,
      method: init.method ?? 'GET',
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
      signal,
      send: (text) => sink?.enqueue(new TextEncoder().encode(text)),
      close: () => sink?.close(),
      break: () => sink?.error(new TypeError('Failed to fetch')),
    };
    this.#bodies.set(exchange, body);
    return exchange;
  }
}

/** The answer of a relay that streams: its body is what the exchange sends. */
export function streams(relay: () => FakeRelay, headers: Record<string, string> = {}): Answer {
  return (exchange) =>
    new Response(relay().bodyOf(exchange), {
      headers: { 'content-type': 'text/event-stream; charset=utf-8', ...headers },
    });
}

/** An error response of the relay, in the API's shape. */
export function refuses(status: number, message: string, headers: Record<string, string> = {}): Answer {
  const body = { type: 'error', error: { type: 'api_error', message }, request_id: 'req_1' };
  return () => Response.json(body, { status, headers });
}

export function frame(id: string, event: StreamEvent): string {
  return `id: ${id}\n${encodeSse(event)}`;
}

export function textFrame(sequence: number, text: string, epoch = 1): string {
  return frame(`${epoch}-${sequence}`, {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text },
  });
}

export function startFrame(sequence = 1): string {
  return frame(`1-${sequence}`, {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-test',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  });
}

export function stopFrame(sequence: number, epoch = 1): string {
  return frame(`${epoch}-${sequence}`, { type: 'message_stop' });
}
