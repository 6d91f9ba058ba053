// A call to upstream in an owner's turn: every request of an answer goes through here, the first, its repetitions and
// those that go on with it, so that none takes what is not counted.

import type { ByteSource, TransportResponse } from '../../client/index.ts';
import { SseDecoder } from '../../protocol/index.ts';
import type { PostMessages } from '../stream-call.ts';
import { boundOf, nothing } from './amount.ts';
import type { MessagesBody } from './asked.ts';
import { inputBound } from './input-bound.ts';
import { StreamMeter } from './stream-meter.ts';
import type { Turn } from './turn.ts';

export function meteredPost(post: PostMessages, turn: Turn): PostMessages {
  return async (body, options) => {
    const { bound: first, price } = turn.prospect;
    const bound = options.isFurther
      ? boundOf({ input: inputBound(JSON.parse(body) as MessagesBody).tokens, output: 0 }, price)
      : first;
    turn.beginRequest(bound);
    const meter = new StreamMeter(turn, bound);
    let response: TransportResponse;
    try {
      response = await post(body, options);
    } catch (error) {
      // Upstream may be at work on what nobody waits for any more.
      if (options.signal.aborted) meter.end();
      else turn.count(nothing);
      throw error;
    }
    const { status, headers, body: bytes } = response;
    if (status === 200) return { status, headers, body: new MeteredBody(bytes, meter, turn) };
    turn.count(nothing);
    return response;
  };
}

class MeteredBody implements ByteSource {
  readonly #body: ByteSource;
  readonly #meter: StreamMeter;
  readonly #turn: Turn;
  readonly #decoder = new SseDecoder();
  #isUsedUp = false;
  #isOver = false;

  constructor(body: ByteSource, meter: StreamMeter, turn: Turn) {
    this.#body = body;
    this.#meter = meter;
    this.#turn = turn;
  }

  async read(): Promise<Uint8Array | undefined> {
    // What came with the last event of the day has been shown by now.
    if (this.#isUsedUp) this.#turn.end('quota');
    const chunk = await this.#body.read();
    if (chunk === undefined) this.#end();
    else if (!this.#meter.take(this.#decoder.push(chunk))) this.#isUsedUp = true;
    return chunk;
  }

  cancel(): Promise<void> {
    this.#end();
    return this.#body.cancel();
  }

  /** Once: by the next time another request may be under way. */
  #end(): void {
    if (!this.#isOver) this.#meter.end();
    this.#isOver = true;
  }
}
