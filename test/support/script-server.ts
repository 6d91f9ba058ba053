// An upstream that gives one answer after the other.

import { cleanEnd, startRawServer, streamResponse } from './raw-server.ts';
import type { RawAnswer, RawServer } from './raw-server.ts';

/** A server that gives these answers in turn; the last one again and again. A text is the body of a stream, or a whole
 * response. */
export function startScript(...answers: readonly (string | RawAnswer)[]): Promise<RawServer> {
  let count = 0;
  return startRawServer(() => {
    const answer = answers[Math.min(count, answers.length - 1)] ?? '';
    count += 1;
    if (typeof answer !== 'string') return answer;
    const bytes = answer.startsWith('HTTP') ? answer : streamResponse(answer) + cleanEnd;
    // Closed, the connection might be taken for the next request before that is known.
    return { bytes, then: 'hold' };
  });
}
