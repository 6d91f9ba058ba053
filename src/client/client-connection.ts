// The connection of a `Millrace`: one that knows the environment, the official SDK's names, and who wants to be told.

import { ApiConnection } from './api-connection.ts';
import type { ClientOptions, Logger } from './client-options.ts';
import { withEnvironment } from './environment.ts';
import type { Telemetry } from './metrics.ts';
import { withOwnNames } from './official-names.ts';
import { callSafely, reportFailure } from './report-failure.ts';

export class ClientConnection extends ApiConnection {
  readonly logger: Logger | undefined;
  readonly telemetries: readonly Telemetry[];

  constructor(options: ClientOptions) {
    const all = withEnvironment(withOwnNames(options));
    super(all);
    this.logger = all.logger;
    this.telemetries = telemetriesOf(all);
    if ((all.apiKey ?? all.authToken) != null && isOpenToAll(this.baseURL)) this.#warnOfPlainHttp();
  }

  #warnOfPlainHttp(): void {
    const { logger = console, baseURL } = this;
    callSafely(
      () => logger.warn('The key goes to another machine unencrypted, by http', { baseURL }),
      (failure) => reportFailure(undefined, 'logger.warn', failure),
    );
  }
}

/** Whoever is on the way to it can read what is sent: not this machine, and no TLS. */
function isOpenToAll(baseURL: string): boolean {
  if (!URL.canParse(baseURL)) return false;
  const { protocol, hostname } = new URL(baseURL);
  return protocol === 'http:' && !/^(?:(?:.+\.)?localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

function telemetriesOf({ onMetrics, telemetry }: ClientOptions): Telemetry[] {
  const own = onMetrics === undefined ? [] : [{ start: () => onMetrics }];
  return telemetry === undefined ? own : [...own, telemetry];
}
