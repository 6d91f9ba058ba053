// What the relay would not begin with, by the names of the settings.

import { AccessOptionError, checkAccess } from '../../relay/index.ts';
import type { Config } from './config.ts';
import { accessOf } from './relay-options.ts';

export interface AccessProblem {
  /** A setting, or what is within it: `access.keys[0].secret`. */
  readonly field: string;
  readonly reason: string;
}

/** Options whose settings have other names. */
const settingsOfOptions: Readonly<Record<string, string>> = {
  host: 'listen.host',
  'upstream.apiKey': 'upstream.key',
  'access.session': 'access.sessionMs',
  'access.session.maxAgeMs': 'access.sessionMs',
};

export function problemOfAccess(config: Config): AccessProblem | undefined {
  const { 'listen.host': host, 'upstream.key': apiKey, 'upstream.url': url } = config;
  const upstream = { apiKey, isSimulator: url === undefined && apiKey === undefined };
  try {
    checkAccess(accessOf(config), { host, upstream });
    return undefined;
  } catch (error) {
    if (!(error instanceof AccessOptionError)) throw error;
    const { field, reason } = error;
    return { field: settingsOfOptions[field] ?? field, reason };
  }
}
