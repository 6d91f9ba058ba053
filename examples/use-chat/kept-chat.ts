// The chat of this tab, across reloads. Where chats are shared or outlive the tab, a server keeps them.

import type { UIMessage } from 'ai';

interface KeptChat {
  /** Hard to guess: it is all that it takes to read the chat, for who may ask this relay. */
  readonly id: string;
  readonly messages: UIMessage[];
}

const place = 'chat';

export function openChat(): KeptChat {
  const kept = sessionStorage.getItem(place);
  if (kept !== null) return JSON.parse(kept) as KeptChat;
  const chat: KeptChat = { id: crypto.randomUUID(), messages: [] };
  sessionStorage.setItem(place, JSON.stringify(chat));
  return chat;
}

/** Parts are kept as they come: what Claude needs of its own words stands in their metadata. */
export function keepMessages(messages: UIMessage[]): void {
  const { id } = openChat();
  sessionStorage.setItem(place, JSON.stringify({ id, messages } satisfies KeptChat));
}
