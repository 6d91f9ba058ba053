// The first record of a stream's log.

import type { OpenRecord } from '../storage/index.ts';
import type { StartOptions } from './start-options.ts';

/** A record holds no field without a value. */
export function openRecord(
  { owner, hasKey, call, conversation, messageId, turn, takeover, orphanMs }: StartOptions,
  createdAt: number,
): OpenRecord {
  const { request } = call;
  const holdsTools: true | undefined = call.holdsTools === true ? true : undefined;
  const record = { type: 'open', owner, request, conversation, messageId, turn, createdAt } as const;
  const terms = takeover && withValues({ ...takeover, orphanMs, endsWithKey: hasKey, holdsTools });
  return withValues({ ...record, takeover: terms });
}

function withValues<Fields extends object>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
}
