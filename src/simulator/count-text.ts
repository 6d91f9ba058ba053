// About how many tokens a text has. No tokenizer of the newer models is public: the weights were fitted to recorded
// pairs of requests, answers and usage (docs/simulator.md has the error that is left).

/** What each thing in a text counts, in hundredths of a token: whole numbers add up the same however grouped. */
const weights = {
  /** A word; `camelCase` has two. */
  word: 107,
  /** Each letter of a word beyond so many. */
  letter: 25,
  wordLetters: 12,
  /** Up to three digits in a row. */
  digits: 210,
  /** A mark, and the same one again behind it. */
  mark: 90,
  markAgain: 15,
  /** Line ends in a row. */
  lineEnds: 120,
  /** A character of a script that writes words with few of them. */
  ideograph: 130,
  /** Half a surrogate pair. */
  surrogate: 150,
  /** Any other character beyond ASCII. */
  foreign: 100,
} as const;

const digitsInToken = 3;

/** Not rounded: the counts of parts add up. */
export function countText(text: string): number {
  const counter = new TokenCounter();
  counter.push(text);
  return counter.tokens;
}

/** Counts a text that comes in pieces: the same count wherever it is cut. */
export class TokenCounter {
  #hundredths = 0;
  /** The kind of the last character, and how many of it stand in a row. */
  #kind: Kind = 'space';
  #run = 0;
  /** The last character; 0 at the beginning. */
  #last = 0;

  /** Not rounded. */
  get tokens(): number {
    return this.#hundredths / 100;
  }

  /**
   * Counts `text`, or as much of its beginning as can be counted without passing `mostTokens` in all; returns how
   * many characters were.
   */
  push(text: string, mostTokens: number = Infinity): number {
    // The fields in locals: this runs for each character of every answer.
    let [hundredths, kind, run, last] = [this.#hundredths, this.#kind, this.#run, this.#last];
    const most = mostTokens * 100;
    let position = 0;
    for (; position < text.length; position += 1) {
      const unit = text.charCodeAt(position);
      const next = kindOf(unit);
      const isSame = next === kind && !(next === 'letter' && isUpper(unit) && !isUpper(last));
      const place = isSame ? run + 1 : 1;
      // Most characters go on with a word that is counted already.
      const isFree = next === 'letter' && place > 1 && place <= weights.wordLetters;
      const cost = isFree ? 0 : costs[next](place, unit === last);
      if (hundredths + cost > most) break;
      hundredths += cost;
      [kind, run, last] = [next, place, unit];
    }
    [this.#hundredths, this.#kind, this.#run, this.#last] = [hundredths, kind, run, last];
    return position;
  }
}

type Kind = 'letter' | 'digit' | 'lineEnd' | 'space' | 'mark' | 'ideograph' | 'surrogate' | 'foreign';

/**
 * What one more character costs: the `place`-th of its kind in a row, and the same one as before it or another.
 * A word's letters behind its first are free up to `wordLetters`.
 */
const costs = {
  letter: (place: number) => (place === 1 ? weights.word : weights.letter),
  digit: (place: number) => (place % digitsInToken === 1 ? weights.digits : 0),
  lineEnd: (place: number) => (place === 1 ? weights.lineEnds : 0),
  /** They belong to the word behind them. */
  space: () => 0,
  mark: (_place: number, isAgain: boolean) => (isAgain ? weights.markAgain : weights.mark),
  ideograph: () => weights.ideograph,
  surrogate: () => weights.surrogate,
  foreign: () => weights.foreign,
} satisfies Record<Kind, (place: number, isAgain: boolean) => number>;

function isUpper(unit: number): boolean {
  return unit >= 0x41 && unit <= 0x5a;
}

const asciiKinds = Array.from({ length: 128 }, (_, unit) => toAsciiKind(String.fromCharCode(unit)));

function toAsciiKind(character: string): Kind {
  if (/[a-z]/i.test(character)) return 'letter';
  if (/\d/.test(character)) return 'digit';
  if (character === '\n') return 'lineEnd';
  return /\s/.test(character) ? 'space' : 'mark';
}

function kindOf(unit: number): Kind {
  const ascii = asciiKinds[unit];
  if (ascii !== undefined) return ascii;
  if (unit >= 0xd800 && unit <= 0xdfff) return 'surrogate';
  return unit >= 0x2e80 ? 'ideograph' : 'foreign';
}
