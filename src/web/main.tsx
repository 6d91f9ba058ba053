// Where the page begins: the parts are put together and shown.

import { render } from 'preact';
import { createChatStore } from './chat/chat-store.ts';
import { Chat } from './chat/chat.ts';
import { ConversationList } from './chat/conversation-list.ts';
import { browserFrames } from './frames.ts';
import { createRelayApi } from './relay-api.ts';
import { browserEnvironment } from './stream/follow-environment.ts';
import { App } from './view/app.tsx';

const environment = browserEnvironment();
const frames = browserFrames();

const api = createRelayApi((path, init) => environment.fetch(path, init));

const chat = new Chat({
  environment,
  clock: { frames, now: () => Date.now() },
  store: createChatStore(tabStorage()),
  api,
  createKey,
});

const root = document.getElementById('app');
if (root === null) throw new Error('The page has no element "app" to be shown in');
render(<App chat={chat} list={new ConversationList(api)} frames={frames} />, root);
chat.open();

/** Undefined where the browser is set to keep nothing. */
function tabStorage(): Storage | undefined {
  try {
    return window.sessionStorage;
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

/** 128 random bits. `crypto.randomUUID` is for secure origins only. */
function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
