// Answers for which the API searches the web: one that ends, and one that pauses in the middle.

import { textPart } from '../answer-part.ts';
import type { AnswerPart, BlockPart, TextPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { askedErrorCode, explainError, serverCall, serverResult } from './server-tool.ts';
import { citeSentence, toSearchResult, webPages } from './web-page.ts';
import type { WebPage } from './web-page.ts';

export function* webSearch(question: Question): Generator<AnswerPart> {
  yield textPart('I’ll search the web for that.');
  yield call(question);
  const code = askedErrorCode(question);
  if (code === undefined) {
    yield result(webPages);
    yield* report(webPages);
  } else {
    yield serverResult('web_search', { type: 'web_search_tool_result_error', error_code: code }, direct);
    yield textPart(explainError(code));
  }
}

/**
 * Two searches, and the turn is over before the second has its result. Who sends back what there is gets the result
 * first, and then the rest.
 */
export function* pause(question: Question): Generator<AnswerPart> {
  yield textPart('That takes two searches. Here is the first:');
  yield call(question);
  yield result(webPages.slice(0, 2));
  yield textPart('One more search will tell the rest.');
  yield serverCall('web_search', { query: 'valley news old mill' });
  yield { type: 'end', stopReason: 'pause_turn' };
  yield result(webPages.slice(2));
  yield* report(webPages);
}

/** The model itself called, and no code of its. */
const direct = { caller: { type: 'direct' } };

function call({ prompt }: Question): BlockPart {
  const words = prompt.replaceAll(/\s+/g, ' ').trim();
  return serverCall('web_search', { query: Array.from(words).slice(0, 80).join('') });
}

function result(pages: readonly WebPage[]): BlockPart {
  return serverResult('web_search', pages.map(toSearchResult), direct);
}

/** A list in which each point is from a page. */
function* report(pages: readonly WebPage[]): Generator<TextPart> {
  let opening = 'Nothing was searched: the simulator has no network, and these pages do not exist.\n\n- ';
  for (const page of pages) {
    for (const [index, sentence] of page.sentences.entries()) {
      yield textPart(opening);
      yield { ...textPart(sentence.trim()), citations: [citeSentence(page, index)] };
      opening = '\n- ';
    }
  }
  yield textPart('\n\nA model would now tell you what follows from it.');
}
