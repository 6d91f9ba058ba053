// The values of the settings of `millrace serve`, by name: what each means stands in serve-settings.ts.

import type { OwnerLimits, PageRules, PriceTable, RelayKey, TokenRules } from '../../relay/index.ts';
import type { LogLevel } from '../relay-log.ts';

type Named<Prefix extends string, Fields> = {
  readonly [Name in keyof Fields & string as `${Prefix}.${Name}`]:
    | Exclude<Fields[Name], undefined>
    | undefined;
};

/** Who may use the relay, from where, for what. What is undefined has the default of `AccessOptions`. */
export interface AccessConfig
  extends Named<'access.limits', Required<OwnerLimits>>, Named<'access.allow', Required<PageRules>> {
  /** With their secrets, wherever those stood. */
  readonly 'access.keys': readonly RelayKey[] | undefined;
  /** With their secrets, as those of keys. */
  readonly 'access.tokens': TokenRules | undefined;
  readonly 'access.origins': readonly string[] | undefined;
  readonly 'access.hosts': readonly string[] | undefined;
  readonly 'access.prices': PriceTable | undefined;
  readonly 'access.sessions': boolean;
  readonly 'access.sessionMs': number | undefined;
}

/** What is undefined is not set. */
export interface Config extends AccessConfig {
  readonly 'listen.host': string;
  readonly 'listen.port': number;
  readonly 'listen.maxConnections': number;
  readonly 'listen.maxHeaderBytes': number;
  readonly 'listen.headersTimeoutMs': number;
  readonly 'listen.requestTimeoutMs': number;
  readonly 'upstream.url': string | undefined;
  readonly 'upstream.key': string | undefined;
  readonly 'upstream.keyFile': string | undefined;
  readonly 'store.place': string;
  readonly 'store.keepHours': number;
  readonly 'store.maxStreams': number;
  readonly 'store.maxLogBytes': number;
  readonly 'store.maxTotalBytes': number | undefined;
  readonly 'store.maxFileBytes': number | undefined;
  readonly 'answers.model': string;
  readonly 'answers.maxTokens': number;
  readonly 'calls.recover': boolean;
  readonly 'calls.fallback': readonly string[];
  readonly 'calls.maxRecoveries': number;
  readonly 'calls.maxExtraTokens': number | undefined;
  readonly 'calls.maxRetries': number;
  readonly 'calls.maxDelayMs': number;
  readonly 'calls.maxRetryAfterMs': number;
  readonly 'calls.connectMs': number;
  readonly 'calls.headersMs': number;
  readonly 'calls.idleMs': number;
  readonly 'calls.progressMs': number;
  readonly 'calls.totalMs': number | undefined;
  readonly 'limits.maxOpenStreams': number;
  readonly 'limits.maxReaders': number;
  readonly 'limits.maxReadersPerStream': number;
  readonly 'limits.maxConnectionAgeMs': number;
  readonly 'limits.maxApiBodyBytes': number;
  readonly 'limits.maxPageBodyBytes': number;
  readonly 'run.drainSeconds': number;
  readonly 'run.pingMs': number;
  readonly 'run.logLevel': LogLevel;
}

export type SettingName = keyof Config;
