// The request for an answer: what is new in the conversation, and behind which turn of it. What was said before is the
// relay's to send.

import type { RelayInfo } from '../relay-api.ts';
import type { Answer } from './answer.ts';
import { toMessages } from './to-messages.ts';
import type { TextMessage } from './to-messages.ts';
import type { Turn } from './turn.ts';

export interface AskRequest {
  readonly model?: string;
  readonly max_tokens?: number;
  readonly conversation: string;
  /** The answer that the new messages follow, by the name of its stream; null for none. */
  readonly parent: string | null;
  readonly messages: readonly TextMessage[];
}

interface Asked {
  readonly turns: readonly Turn[];
  readonly conversation: string;
  readonly info: RelayInfo | undefined;
  /** The relay does not have the conversation: it is told all that was said. */
  readonly isWhole: boolean;
}

/** The last turn is the answer that is asked for. */
export function toAskRequest({ turns, conversation, info, isWhole }: Asked): AskRequest {
  const said = turns.slice(0, -1);
  const known = isWhole ? -1 : said.findLastIndex(hasStream);
  const parent = known < 0 ? undefined : (said[known] as Answer).streamId;
  return {
    ...(info === undefined ? {} : { model: info.model, max_tokens: info.maxTokens }),
    conversation,
    parent: parent ?? null,
    messages: toMessages(said.slice(known + 1)),
  };
}

function hasStream(turn: Turn): boolean {
  return turn.type === 'answer' && turn.streamId !== undefined;
}
