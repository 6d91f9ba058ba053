// The door of the relay. Its Node server has a door of its own, src/relay/node.ts.

export { AccessOptionError } from './access/access-option-error.ts';
export { checkAccess } from './access/check-surroundings.ts';
export type {
  AccessOptions,
  OwnerLimits,
  PageRules,
  PublicJwk,
  PublicTokenKey,
  RelayKey,
  SecretTokenKey,
  TokenKey,
  TokenRules,
} from './access/access-options.ts';
export type { OwnerUsage } from './access/owner-accounts.ts';
export { publishedPrices } from './access/price-table.ts';
export type { ModelPrice, PriceTable, TokenPrices } from './access/price-table.ts';
export { createFetchHandler } from './fetch-handler.ts';
export type { FetchHandler, FetchHandlerOptions } from './fetch-handler.ts';
export { BodyTooLargeError } from './http.ts';
export type { RelayRequest, RelayResponse } from './http.ts';
export type { RelayLimits } from './limits.ts';
export type { BreakLine, LogLine, RequestLine, StreamLine } from './log-line.ts';
export { createRelay } from './relay.ts';
export type { Relay, RelayOptions } from './relay.ts';
export type { Asset, MetricsPage, RelaySettings } from './route-context.ts';
export { createMeterTelemetry } from './telemetry/meter-telemetry.ts';
export type {
  InstrumentOptions,
  MeterAttributes,
  MeterLike,
  ObservableLike,
} from './telemetry/meter-telemetry.ts';
export type * from './telemetry/telemetry.ts';
export type { UpstreamOptions } from './upstream.ts';
