// An answer for which the API fetches a page.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { askedErrorCode, explainError, resultOrError, serverCall } from './server-tool.ts';
import { webPages } from './web-page.ts';

/** The same in every run. */
const retrievedAt = '2026-10-05T22:10:40.151000+00:00';

export function* webFetch(question: Question): Generator<AnswerPart> {
  const [page] = webPages;
  const url = /https?:\/\/[^\s<>"'`)]+/.exec(question.prompt)?.[0] ?? page?.url ?? '';
  yield textPart('I’ll fetch that page.');
  yield serverCall('web_fetch', { url });
  const data = `A page about water mills\n\n${page?.sentences.join('') ?? ''}`;
  yield resultOrError(question, 'web_fetch', {
    type: 'web_fetch_result',
    url,
    retrieved_at: retrievedAt,
    content: {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data },
      title: 'A page about water mills',
    },
  });
  const code = askedErrorCode(question);
  yield textPart(
    ...(code === undefined
      ? [
          'Nothing was fetched: the simulator has no network and made the page up. It says that ',
          'an overshot wheel turns up to 85 percent of the fall into work.',
        ]
      : [explainError(code)]),
  );
}
