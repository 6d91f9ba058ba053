// In which format a request asks for a stream. A format is one entry here and one file in `formats/`.

import { createLogEncoder, createNdjsonEncoder } from './formats/line-formats.ts';
import { createMessagesEncoder } from './formats/messages-format.ts';
import { createTextEncoder } from './formats/text-format.ts';
import type { UiVersion } from './formats/ui-chunk.ts';
import { createUiEncoder } from './formats/ui-format.ts';
import type { UiFormatOptions } from './formats/ui-format.ts';
import type { RelayRequest } from './http.ts';
import type { Encoder } from './encoder.ts';
import { RequestError } from './request-error.ts';

export interface StreamFormat {
  /** What the response needs beside the headers of every stream. */
  readonly headers: Readonly<Record<string, string>>;
  readonly createEncoder: (streamId: string) => Encoder;
}

const events = 'text/event-stream';
const lines = 'application/x-ndjson';

const lineHeaders = { 'content-type': `${lines}; charset=utf-8` };

const formats: Readonly<Record<string, (request: RelayRequest) => StreamFormat>> = {
  messages: () => ({ headers: {}, createEncoder: () => createMessagesEncoder({ withIds: true }) }),
  text: () => ({ headers: {}, createEncoder: createTextEncoder }),
  ui: (request) => uiFormat({ version: parseUiVersion(request), isReplay: true }),
  ndjson: () => ({ headers: lineHeaders, createEncoder: createNdjsonEncoder }),
  log: () => ({ headers: lineHeaders, createEncoder: createLogEncoder }),
};

/** The format that the query names, or the one of the type that is accepted; undefined for a request that wants no
 * stream. Throws RequestError for a format that is not there. */
export function parseFormat(request: RelayRequest): StreamFormat | undefined {
  const named = new URLSearchParams(request.query).get('format') ?? formatAccepted(request);
  if (named === undefined) return undefined;
  const format = Object.hasOwn(formats, named) ? formats[named]?.(request) : undefined;
  if (format !== undefined) return format;
  const known = Object.keys(formats).join(', ');
  throw new RequestError(400, `format: must be one of ${known}, not ${JSON.stringify(named)}`);
}

export function uiFormat(options: Omit<UiFormatOptions, 'streamId'>): StreamFormat {
  return {
    headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
    createEncoder: (streamId) => createUiEncoder({ ...options, streamId }),
  };
}

/** Which parts the client understands: `?v=7`, or those of ai 6. Throws RequestError. */
export function parseUiVersion({ query }: RelayRequest): UiVersion {
  const version = new URLSearchParams(query).get('v') ?? '6';
  if (version === '6') return 6;
  if (version === '7') return 7;
  throw new RequestError(400, `v: must be 6 or 7, not ${JSON.stringify(version)}`);
}

function formatAccepted({ headers }: RelayRequest): string | undefined {
  const accepted = headers.get('accept') ?? '';
  if (accepted.includes(events)) return 'messages';
  return accepted.includes(lines) ? 'ndjson' : undefined;
}
