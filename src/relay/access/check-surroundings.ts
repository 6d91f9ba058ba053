// What the keys of a relay ask of what is around it: where it listens, and by which key it asks itself.

import type { UpstreamOptions } from '../upstream.ts';
import { AccessOptionError } from './access-option-error.ts';
import type { AccessOptions } from './access-options.ts';
import { accessRules } from './access-rules.ts';
import type { AccessRules } from './access-rules.ts';

type UpstreamKey = Pick<UpstreamOptions, 'apiKey' | 'isSimulator'>;

export interface Surroundings {
  /** The address to listen on. */
  readonly host: string;
  readonly upstream: UpstreamKey;
}

/** Whether a relay and its server would begin with this. Throws an AccessOptionError. */
export function checkAccess(options: AccessOptions, { host, upstream }: Surroundings): void {
  const rules = accessRules(options);
  checkHost(host, { hasKeys: rules.keys !== undefined });
  checkUpstream(rules, upstream);
}

/** Nobody can be told apart without keys. Throws an AccessOptionError. */
export function checkHost(host: string, { hasKeys }: { readonly hasKeys: boolean }): void {
  if (hasKeys || isLoopback(host)) return;
  throw new AccessOptionError(
    'host',
    `${JSON.stringify(host)} can be reached from elsewhere, and the relay has no keys to check who asks`,
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

/** The keys that clients send are the relay's own: nothing of them may go on to upstream, and upstream's key to nobody.
 * Throws an AccessOptionError. */
export function checkUpstream({ keys }: AccessRules, { apiKey, isSimulator }: UpstreamKey): void {
  if (keys === undefined || isSimulator === true) return;
  if (apiKey === undefined)
    throw new AccessOptionError(
      'upstream.apiKey',
      'is needed with access.keys: the keys of clients stay with the relay',
    );
  for (const [index, { secret }] of [...keys.values()].entries()) {
    if (secret === apiKey)
      throw new AccessOptionError(
        `access.keys[${index}].secret`,
        'is that of upstream: clients must not have it',
      );
  }
}
