// A call to upstream in an owner's turn: every request of an answer goes through here, the first, its repetitions and
// those that go on with it, so that none takes what is not counted.

import type { ByteSource, TransportResponse } from '../../client/index.ts';
import { FrameDecoder } from '../frame-decoder.ts';
import type { PostMessages } from '../stream-call.ts';
import { nothing } from './amount.ts';
import type { MessagesBody } from './asked.ts';
import { amountIn } from './counted-reply.ts';
import { StreamMeter } from './stream-meter.ts';
import type { Prospect, Turn } from './turn.ts';

/** The first request is for a stream; `prospectOf` is of a further one, which may ask another model, or for the answer
 * in one piece. */
export function meteredPost(
  post: PostMessages,
  turn: Turn,
  prospectOf: (body: MessagesBody) => Prospect,
): PostMessages {
  return async (body, options) => {
    const further = options.isFurther ? (JSON.parse(body) as MessagesBody) : undefined;
    const prospect = further === undefined ? turn.prospect : prospectOf(further);
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
    const isStreamed = further === undefined || further['stream'] === true;
    const bodyMeter = isStreamed ? eventsMeter(turn, meter) : wholeMeter(turn, prospect);
    return { status, headers, body: new CountedBody(bytes, bodyMeter) };
  };
}

/** Counts what a body says. */
interface BodyMeter {
  /** Called before who reads gets it. */
  take(chunk: Uint8Array): void;
  /** Called when who reads has it. */
  shown(): void;
  /** Called once: by the next time another request may be under way. */
  end(): void;
}

class CountedBody implements ByteSource {
  readonly #body: ByteSource;
  readonly #meter: BodyMeter;
  #isOver = false;

  constructor(body: ByteSource, meter: BodyMeter) {
    this.#body = body;
    this.#meter = meter;
  }

  async read(): Promise<Uint8Array | undefined> {
    this.#meter.shown();
    const chunk = await this.#body.read();
    if (chunk === undefined) this.#end();
    else this.#meter.take(chunk);
    return chunk;
  }

  cancel(): Promise<void> {
    this.#end();
    return this.#body.cancel();
  }

  #end(): void {
    if (!this.#isOver) this.#meter.end();
    this.#isOver = true;
  }
}

/** What it took is known at its end, and until then all that it may come to is held. */
function wholeMeter(turn: Turn, prospect: Prospect): BodyMeter {
  const decoder = new TextDecoder();
  let text = '';
  return {
    take: (chunk) => void (text += decoder.decode(chunk, { stream: true })),
    shown: () => undefined,
    end: () => void turn.count(amountIn(text, prospect)),
  };
}

function eventsMeter(turn: Turn, meter: StreamMeter): BodyMeter {
  const decoder = new FrameDecoder();
  let isUsedUp = false;
  return {
    take: (chunk) => {
      if (!meter.take(decoder.push(chunk))) isUsedUp = true;
    },
    // The last event of the day is shown as well.
    shown: () => void (isUsedUp && turn.end('quota')),
    end: () => meter.end(),
  };
}
