// The connection of a `Millrace`: one that knows the environment, the official SDK's names, and who wants to be told.

import { ApiConnection } from './api-connection.ts';
import type { ClientOptions, Logger } from './client-options.ts';
import { withEnvironment } from './environment.ts';
import type { Telemetry } from './metrics.ts';
import { withOwnNames } from './official-names.ts';

export class ClientConnection extends ApiConnection {
  readonly logger: Logger | undefined;
  readonly telemetries: readonly Telemetry[];

  constructor(options: ClientOptions) {
    const all = withEnvironment(withOwnNames(options));
    super(all);
    this.logger = all.logger;
    this.telemetries = telemetriesOf(all);
  }
}

function telemetriesOf({ onMetrics, telemetry }: ClientOptions): Telemetry[] {
  const own = onMetrics === undefined ? [] : [{ start: () => onMetrics }];
  return telemetry === undefined ? own : [...own, telemetry];
}
