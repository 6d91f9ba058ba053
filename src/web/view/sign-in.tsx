// What stands in the place of the chat where the relay wants to know who asks.

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Chat } from '../chat/chat.ts';
import type { Problem } from '../chat/problem.ts';
import { strings } from '../strings.ts';

export function SignIn({ chat }: { readonly chat: Chat }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const problem = useSignal<Problem | undefined>(undefined);
  const isBusy = useSignal(false);
  useEffect(() => field.current?.focus(), []);
  const send = async (key: string): Promise<void> => {
    if (isBusy.value || key === '') return;
    isBusy.value = true;
    problem.value = await chat.signIn(key);
    isBusy.value = false;
    if (problem.value !== undefined) field.current?.select();
  };
  return (
    <div class="app signed-out">
      <header class="header">
        <h1 class="wordmark">{strings.product}</h1>
      </header>
      <main class="sign-in">
        <form
          class="sign-in-form"
          onSubmit={(event) => {
            event.preventDefault();
            void send(field.current?.value.trim() ?? '');
          }}
        >
          <h2 class="welcome-title">{strings.signIn.title}</h2>
          <p class="welcome-text">{strings.signIn.text}</p>
          <label for="relay-key">{strings.signIn.key}</label>
          <input
            ref={field}
            id="relay-key"
            class="field"
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            required
            aria-invalid={problem.value !== undefined}
            aria-describedby="sign-in-problem"
          />
          <p id="sign-in-problem" class="sign-in-problem" role="alert">
            {problem.value && textOf(problem.value)}
          </p>
          <button type="submit" class="button primary" aria-disabled={isBusy.value}>
            {isBusy.value ? strings.signIn.submitting : strings.signIn.submit}
          </button>
        </form>
      </main>
    </div>
  );
}

function textOf({ code, message }: Problem): string {
  if (code === 'authentication_error') return strings.signIn.wrongKey;
  if (code === 'not_found_error') return strings.signIn.noSessions;
  return code === 'other' ? message : strings.problems[code];
}
