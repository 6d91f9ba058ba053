// The web as far as the simulator goes: pages that nobody has written.

import { createCiphertext } from '../ciphertext.ts';
import type { JsonObject } from '../json-object.ts';
import { createRandom } from '../random.ts';

export interface WebPage {
  readonly url: string;
  readonly title: string;
  /** Since when it says what it says, in the API's words. */
  readonly age: string | null;
  readonly sentences: readonly string[];
}

export const webPages: readonly WebPage[] = [
  {
    url: 'https://example.com/mills/overshot-wheels',
    title: 'Overshot wheels | Example Mill Society',
    age: 'April 30, 2026',
    sentences: [
      'An overshot wheel turns up to 85 percent of the fall into work. ',
      'It needs a hill, and it stands still in hard frost. ',
    ],
  },
  {
    url: 'https://example.org/handbook/millrace',
    title: 'What is a millrace? – Example Handbook',
    age: null,
    sentences: [
      'The millrace is the channel that leads the water to the wheel and away from it. ',
      'What is too much goes over the weir, “as it should”. ',
    ],
  },
  {
    url: 'https://example.net/valley/news',
    title: 'Valley News: the old mill runs again',
    age: '3 weeks ago',
    sentences: ['After forty years the wheel below the old bridge turns again. '],
  },
];

/** As it stands in the result of a search. */
export function toSearchResult({ title, url, age, sentences }: WebPage): JsonObject {
  return {
    type: 'web_search_result',
    title,
    url,
    encrypted_content: createCiphertext(sentences.join('').length * 4, createRandom('page', url)),
    page_age: age,
  };
}

/** One sentence of a page that was found, as the place that a text is from. */
export function citeSentence({ title, url, sentences }: WebPage, index: number): JsonObject {
  return {
    type: 'web_search_result_location',
    cited_text: sentences[index] ?? '',
    url,
    title,
    encrypted_index: createCiphertext(32, createRandom('place', url, index)),
  };
}
