// An answer that cites: what the request has to cite, else one passage of each kind that is made up.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import { passagesOf } from '../passages.ts';
import type { Passage } from '../passages.ts';
import type { Question } from '../question.ts';

export function* citations({ request }: Question): Generator<AnswerPart> {
  const found = passagesOf(request);
  const isFound = found.length > 0;
  let opening = isFound
    ? 'This is what stands there:\n\n- '
    : 'You sent nothing to cite. With documents it would look like this:\n\n- ';
  for (const { citation } of isFound ? found : madeUp) {
    yield textPart(opening);
    yield { ...textPart(toLine(citation.cited_text)), citations: [citation] };
    opening = '\n- ';
  }
  yield textPart('\n\nThe simulator only quotes; a model would say what follows from it.');
}

/** On one line, and not as markup. */
function toLine(text: string): string {
  return text
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_[\]<>#|~]/g, String.raw`\$&`);
}

const madeUp: readonly Passage[] = [
  {
    citation: {
      type: 'char_location',
      cited_text: 'The miller does not make the water run. ',
      document_index: 0,
      document_title: 'A water mill',
      start_char_index: 0,
      end_char_index: 40,
    },
  },
  {
    citation: {
      type: 'page_location',
      cited_text: 'He only decides where it goes.',
      document_index: 1,
      document_title: 'A water mill, printed',
      start_page_number: 3,
      end_page_number: 4,
    },
  },
  {
    citation: {
      type: 'content_block_location',
      cited_text: 'What is too much goes over the weir.',
      document_index: 2,
      document_title: null,
      start_block_index: 0,
      end_block_index: 1,
    },
  },
  {
    citation: {
      type: 'search_result_location',
      cited_text: 'The sluice opens and the race fills.',
      source: 'https://example.com/mills',
      title: 'Mills of the valley',
      search_result_index: 0,
      start_block_index: 0,
      end_block_index: 1,
    },
  },
];
