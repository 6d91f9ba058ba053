// What becomes of an answer's turn when its stream has ended: what of it the next request may send, and how it ended.

import { errorOfStopReason, keepContent } from '../../client/engine.ts';
import type { EndRecord, SettledTurn, StoredAnswer, StoredBlock } from '../../storage/index.ts';
import type { LoggedAnswer } from '../logged-answer.ts';

/** Of an answer whose log is gone, whatever it said. */
export const lostTurn: SettledTurn = { content: [], answer: { ending: 'lost' } };

export function settledTurn({
  accumulator,
  end,
}: Pick<LoggedAnswer, 'accumulator'> & { readonly end: EndRecord }): SettledTurn {
  const { message } = accumulator;
  const { ending } = end;
  const isWhole =
    ending.type === 'complete' && message !== undefined && errorOfStopReason(message) === undefined;
  const content = keepContent({ message, isWhole, inputOf: accumulator.inputOf.bind(accumulator) });
  const leftOut = leftOutBecause(ending, {
    isRefused: message?.stop_reason === 'refusal',
    isEmpty: content.length === 0,
  });
  const usage = end.usage ?? message?.usage;
  const answer: StoredAnswer = {
    ending: ending.type,
    ...(ending.type === 'failed' ? { code: ending.code } : {}),
    ...(message === undefined ? {} : { stop_reason: message.stop_reason, model: message.model }),
    ...(usage === undefined ? {} : { usage: structuredClone(usage) as StoredAnswer['usage'] }),
    ...(leftOut === undefined ? {} : { leftOut }),
  };
  return { content: structuredClone(content) as StoredBlock[], answer };
}

/** What the API says no to for what is in it: it would say so again. */
const rejections: ReadonlySet<string> = new Set(['invalid_request_error', 'request_too_large']);

function leftOutBecause(
  ending: EndRecord['ending'],
  { isRefused, isEmpty }: { readonly isRefused: boolean; readonly isEmpty: boolean },
): StoredAnswer['leftOut'] {
  if (ending.type === 'complete' && isRefused) return 'refusal';
  return ending.type === 'failed' && isEmpty && rejections.has(ending.code) ? 'rejected' : undefined;
}
