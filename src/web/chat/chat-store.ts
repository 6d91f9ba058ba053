// The chat over a reload of its tab: kept in the tab's own session storage, and nowhere else.

import { isOpen } from './answer.ts';
import type { AnswerRecord } from './answer.ts';
import type { Question, Turn } from './turn.ts';

export type TurnRecord = Question | ({ readonly type: 'answer' } & AnswerRecord);

/** What is kept of a chat beside its turns. */
interface ChatNames {
  /** What the relay calls it. */
  readonly conversation: string;
  /** Whose it is: the name of the key that was signed in with; undefined where nobody signs in. */
  readonly owner: string | undefined;
}

interface SavedChat extends Partial<ChatNames> {
  readonly turns: readonly TurnRecord[];
}

export interface ChatStore {
  load(): SavedChat;
  /** Keeps as many of the last turns as there is room for. */
  save(turns: readonly Turn[], names: ChatNames): void;
}

const item = 'millrace.chat';
/** The form of what is kept: another one is not read. */
const version = 1;
/** Browsers give a tab about five million characters. */
const mostCharacters = 2_000_000;

/** `storage` is undefined where the browser refuses it: nothing is kept then. */
export function createChatStore(
  storage: Pick<Storage, 'getItem' | 'removeItem' | 'setItem'> | undefined,
): ChatStore {
  return {
    load: () => parseChat(storage?.getItem(item) ?? ''),
    save: (turns, { conversation, owner }) => {
      if (storage === undefined) return;
      const head = JSON.stringify({ version, conversation, owner }).slice(0, -1);
      const texts = turns.map((turn) => JSON.stringify(toTurnRecord(turn)));
      for (let room = mostCharacters; room > 1000; room /= 2) {
        if (trySave(storage, `${head},"turns":[${lastThatFit(texts, room).join(',')}]}`)) return;
      }
      storage.removeItem(item);
    },
  };
}

function trySave(storage: Pick<Storage, 'setItem'>, text: string): boolean {
  try {
    storage.setItem(item, text);
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'QuotaExceededError') return false;
    throw error;
  }
}

/** As many of the last texts as fit, beginning with a question. */
function lastThatFit(texts: readonly string[], room: number): readonly string[] {
  let length = 0;
  const first = texts.findLastIndex((text) => (length += text.length) > room) + 1;
  const question = texts.findIndex((text, index) => index >= first && text.startsWith('{"type":"question"'));
  return question < 0 ? [] : texts.slice(question);
}

function toTurnRecord(turn: Turn): TurnRecord {
  return turn.type === 'question' ? turn : { type: 'answer', ...turn.toRecord() };
}

/** Only the last turn can be open: what else was is as good as lost. */
function parseChat(text: string): SavedChat {
  if (text === '') return nothing;
  try {
    const saved = JSON.parse(text) as (SavedChat & { version?: unknown; turns?: unknown }) | null;
    if (saved?.version !== version || !Array.isArray(saved.turns)) return nothing;
    const { conversation, owner, turns } = saved;
    return {
      ...(conversation === undefined ? {} : { conversation }),
      ...(owner === undefined ? {} : { owner }),
      turns: turns.filter((turn, index) => !isLost(turn, index === turns.length - 1)),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return nothing;
    throw error;
  }
}

const nothing: SavedChat = { turns: [] };

function isLost(turn: TurnRecord, isLast: boolean): boolean {
  return turn.type === 'answer' && isOpen(turn.state) && !isLast;
}
