// What tools, objects and conversations need of a client: `Millrace` has it, and so has anything that streams.

import type { MessageParams, RequestOptions } from './message-params.ts';
import type { MessageStream } from './message-stream.ts';

export interface MessagesClient {
  readonly messages: { stream(params: MessageParams, options?: RequestOptions): MessageStream };
}
