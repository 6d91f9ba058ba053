// The keys that clients send are the relay's own: nothing of them may go on to upstream, and upstream's key to nobody.

import type { UpstreamOptions } from '../upstream.ts';
import { AccessOptionError } from './access-option-error.ts';
import type { AccessRules } from './access-rules.ts';

/** Throws an AccessOptionError. */
export function checkUpstream(
  { keys }: AccessRules,
  { apiKey, isSimulator }: Pick<UpstreamOptions, 'apiKey' | 'isSimulator'>,
): void {
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
