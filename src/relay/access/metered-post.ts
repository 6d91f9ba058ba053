// A call to upstream in an owner's turn: every request of an answer goes through here, the first, its repetitions and
// those that go on with it, so that none takes what is not counted.

import type { ByteSource, TransportResponse } from '../../client/index.ts';
import { SseDecoder } from '../../protocol/index.ts';
import type { PostMessages } from '../stream-call.ts';
import { nothing } from './amount.ts';
import type { MessagesBody } from './asked.ts';
import { amountIn } from './counted-reply.ts';
import { StreamMeter } from './stream-meter.ts';
import type { Prospect, Turn } from './turn.ts';

/** `prospectOf` is of a further request: it may ask another model, or for the answer in one piece. */
export function meteredPost(
  post: PostMessages,
  turn: Turn,
  prospectOf: (body: MessagesBody) => Prospect,
): PostMessages {
  return async (body, options) => {
    const request = JSON.parse(body) as MessagesBody;
    const prospect = options.isFurther ? prospectOf(request) : turn.prospect;
    await turn.beginRequest(prospect.bound);
    options.signal.throwIfAborted();
    const meter = new StreamMeter(turn, prospect);
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
    if (status !== 200) {
      turn.count(nothing);
      return response;
    }
    const isStreamed = request['stream'] === true;
    const metered = isStreamed ? new MeteredBody(bytes, meter, turn) : new WholeBody(bytes, turn, prospect);
    return { status, headers, body: metered };
  };
}

/** An answer in one piece: what it took is known at its end, and until then all that it may come to is held. */
class WholeBody implements ByteSource {
  readonly #body: ByteSource;
  readonly #turn: Turn;
  readonly #prospect: Prospect;
  readonly #decoder = new TextDecoder();
  #text = '';
  #isOver = false;

  constructor(body: ByteSource, turn: Turn, prospect: Prospect) {
    this.#body = body;
    this.#turn = turn;
    this.#prospect = prospect;
  }

  async read(): Promise<Uint8Array | undefined> {
    const chunk = await this.#body.read();
    if (chunk === undefined) this.#end();
    else this.#text += this.#decoder.decode(chunk, { stream: true });
    return chunk;
  }

  cancel(): Promise<void> {
    this.#end();
    return this.#body.cancel();
  }

  #end(): void {
    if (!this.#isOver) this.#turn.count(amountIn(this.#text, this.#prospect));
    this.#isOver = true;
  }
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
