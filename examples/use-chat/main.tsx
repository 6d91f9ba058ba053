// A chat in one page: it keeps its messages for as long as its tab, and takes an answer up again that came meanwhile.

import { createRoot } from 'react-dom/client';
import { Chat } from './chat.tsx';
import { keepMessages, openChat } from './kept-chat.ts';

const { id, messages } = openChat();
const root = document.querySelector('#root');
if (root !== null) createRoot(root).render(<Chat id={id} messages={messages} onChange={keepMessages} />);
