// The client: one connection's settings, and what can be asked over it.

import { ClientConnection } from './client-connection.ts';
import type { ClientOptions } from './client-options.ts';
import { Messages } from './messages.ts';

/**
 * A client of the Messages API, for any runtime with `fetch`. Names follow the official TypeScript SDK, so that
 * code moves over by changing the import.
 *
 * @example
 * const client = new Millrace();
 * const stream = client.messages.stream({
 *   model: 'claude-sonnet-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'How does a mill race work?' }],
 * });
 * for await (const text of stream.textStream) process.stdout.write(text);
 */
export class Millrace {
  readonly baseURL: string;
  readonly messages: Messages;

  /** Throws ConfigurationError when a key would be used in a page; a missing key is an error of the first request. */
  constructor(options: ClientOptions = {}) {
    const connection = new ClientConnection(options);
    this.baseURL = connection.baseURL;
    this.messages = new Messages(connection);
  }
}
