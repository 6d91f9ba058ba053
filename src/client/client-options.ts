// What a `Millrace` can be told, beyond what any connection can.

import type { ConnectionOptions, HeaderOptions } from './api-connection.ts';
import type { CallOptions } from './call-settings.ts';
import type { OnMetrics, Telemetry } from './metrics.ts';

export interface ClientOptions extends ConnectionOptions, CallOptions {
  /** Default: the environment's ANTHROPIC_API_KEY; null leaves that unread. */
  apiKey?: string | null | undefined;
  /** A bearer token in place of a key. Default: the environment's ANTHROPIC_AUTH_TOKEN; null leaves that unread. */
  authToken?: string | null | undefined;
  /** Default: the environment's ANTHROPIC_BASE_URL, else https://api.anthropic.com. */
  baseURL?: string | undefined;
  /** Sent with every request, over those of the environment's ANTHROPIC_CUSTOM_HEADERS; null leaves one out. */
  headers?: HeaderOptions | undefined;
  /** `headers` by the official SDK's name. */
  defaultHeaders?: HeaderOptions | undefined;
  /** Told of every further attempt, and of listeners that fail. Neither prompts nor keys are in what it is told.
   * Default: the console when the environment's ANTHROPIC_LOG is `warn`, `info` or `debug`; else nobody, and the
   * console for listeners. */
  logger?: Logger | undefined;
  /** Called with every answer's figures when it has its ending. */
  onMetrics?: OnMetrics | undefined;
  /** Told of every answer when it is asked for and when it has its ending: see `millrace/client/otel`. */
  telemetry?: Telemetry | undefined;
}

/** The part of a logger that is called: `console` is one. */
export interface Logger {
  warn(message: string, details: object): void;
}
