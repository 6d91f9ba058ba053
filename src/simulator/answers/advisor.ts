// An answer for which the API asks another model for advice.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { askedErrorCode, explainError, resultOrError, serverCall } from './server-tool.ts';

export function* advisor(question: Question): Generator<AnswerPart> {
  yield textPart('Let me ask for advice first.');
  yield serverCall('advisor', {});
  yield resultOrError(question, 'advisor', {
    type: 'advisor_result',
    text: 'Say plainly that nobody has thought about it.\n\nShip it: this needs no further calls.',
    stop_reason: 'end_turn',
  });
  const code = askedErrorCode(question);
  yield textPart(
    code === undefined ? 'Nobody has thought about it, the adviser included.' : explainError(code),
  );
}
