// What a log says last of an answer that the relay cannot bring to its end.

import { ConnectionError } from '../client/index.ts';
import type { EndRecord, LogEnding } from '../storage/index.ts';
import type { Break } from './first-request.ts';
import { errorResponse } from './http.ts';

export const logFull: EndRecord = {
  type: 'end',
  ending: { type: 'failed', code: 'log_full', message: 'The answer is longer than a log may be' },
};

const wasEnded = 'The relay was ended in the middle of the answer';

/** Of a stream that a process left that is gone. */
export const interruptedEnding: LogEnding = { type: 'failed', code: 'interrupted', message: wasEnded };

/** What a process left that is gone. */
export const interrupted: Break = {
  failure: new ConnectionError('body', 'The process that had the stream is gone', { cause: undefined }),
  last: [{ type: 'end', ending: interruptedEnding }],
  refusal: errorResponse(503, 'api_error', wasEnded),
};
