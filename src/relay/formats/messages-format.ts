// The Messages API's own stream. With ids every entry is a frame, so that the sequence a reader sees is dense; the
// relay's own records are events of the type `millrace`, which clients of the API pass over. Without ids, as
// `/v1/messages` needs it, only what the API itself would send.

import { encodeSse, statusOfErrorType } from '../../protocol/index.ts';
import { formatEntryId } from '../../storage/index.ts';
import type { LogEnding, LogEntry, LogRecord } from '../../storage/index.ts';
import type { Encoder } from '../reader.ts';

export function createMessagesEncoder({ withIds }: { withIds: boolean }): Encoder {
  // Whether upstream has said its error itself.
  let hasError = false;
  return {
    needsHistory: false,
    encode: ({ id, record }: LogEntry): string => {
      if (record.type === 'event') {
        hasError = record.event === 'error';
        return encodeSse({
          id: withIds ? formatEntryId(id) : undefined,
          event: record.event,
          data: record.data,
        });
      }
      const frame = frameOf(record, { withIds, hasError });
      return frame === undefined
        ? ''
        : encodeSse({ ...(withIds ? { id: formatEntryId(id) } : {}), ...frame });
    },
    ping: () => 'event: ping\ndata: {"type": "ping"}\n\n',
    gone: () =>
      encodeSse(errorFrame({ type: 'failed', code: 'stream_gone', message: 'The stream was deleted' })),
    reset: ({ epoch, sequence }) =>
      withIds ? encodeSse(ownFrame({ type: 'reset', from: formatEntryId({ epoch, sequence }) })) : '',
  };
}

function frameOf(
  record: Exclude<LogRecord, { type: 'event' }>,
  { withIds, hasError }: { withIds: boolean; hasError: boolean },
): { event: string; data: string } | undefined {
  if (record.type === 'end' && record.ending.type !== 'complete' && !hasError)
    return errorFrame(record.ending);
  if (!withIds) return undefined;
  // The prompt and its owner are not the reader's business.
  return ownFrame(record.type === 'open' ? { type: 'open', createdAt: record.createdAt } : record);
}

function ownFrame(record: object): { event: string; data: string } {
  return { event: 'millrace', data: JSON.stringify({ type: 'millrace', record }) };
}

function errorFrame(ending: Exclude<LogEnding, { type: 'complete' }>): { event: string; data: string } {
  const code = ending.type === 'stopped' ? 'stopped' : ending.code;
  const message = ending.type === 'stopped' ? 'The answer was stopped' : ending.message;
  const type = Object.hasOwn(statusOfErrorType, code) ? code : 'api_error';
  return {
    event: 'error',
    data: JSON.stringify({ type: 'error', error: { type, message, details: { code } } }),
  };
}
