// About how many tokens a text has. No tokenizer of the newer models is public: the weights were fitted to recorded
// pairs of requests, answers and usage (docs/simulator.md has the error that is left).

/** What each thing in a text counts, in hundredths of a token: whole numbers add up the same however grouped. */
const weights = {
  /** A word; `camelCase` has two. */
  word: 107,
  /** Each letter of a word beyond so many. */
  letter: 25,
  wordLetters: 12,
  /** So many digits in a row, or fewer. */
  digits: 210,
  digitsTogether: 3,
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

/** Not rounded: the counts of parts add up. */
export function countText(text: string): number {
  const counter = new TokenCounter();
  counter.push(text);
  return counter.tokens;
}

// Kinds of characters, as numbers: tables of them are read for each character of every answer.
const lower = 0;
const upper = 1;
const digit = 2;
const lineEnd = 3;
const space = 4;
const mark = 5;
const ideograph = 6;
const surrogate = 7;
const foreign = 8;
const kindCount = 9;

const smallA = 0x61;
const smallZ = 0x7a;

const kinds = Uint8Array.from({ length: 0x1_00_00 }, (_, unit) =>
  unit < 128 ? asciiKind(String.fromCharCode(unit)) : kindBeyondAscii(unit),
);

function asciiKind(character: string): number {
  if (/[a-z]/.test(character)) return lower;
  if (/[A-Z]/.test(character)) return upper;
  if (/\d/.test(character)) return digit;
  if (character === '\n') return lineEnd;
  return /\s/.test(character) ? space : mark;
}

function kindBeyondAscii(unit: number): number {
  if (unit >= 0xd800 && unit <= 0xdfff) return surrogate;
  return unit >= 0x2e80 ? ideograph : foreign;
}

/** The kinds that go on with each: a word goes on with letters, but not with a capital behind a small one. */
const goesOnWith: readonly (readonly number[])[] = [[lower], [lower, upper], [digit], [lineEnd], [space]];
/** Whether something new begins: at the kind before times `kindCount` plus the kind. */
const begins = Uint8Array.from({ length: kindCount ** 2 }, (_, index) =>
  goesOnWith[Math.floor(index / kindCount)]?.includes(index % kindCount) === true ? 0 : 1,
);

/** What the first of each kind costs. */
const firstCosts = Uint8Array.from([
  weights.word,
  weights.word,
  weights.digits,
  weights.lineEnds,
  // Spaces belong to the word behind them.
  0,
  weights.mark,
  weights.ideograph,
  weights.surrogate,
  weights.foreign,
]);

/** Counts a text that comes in pieces: the same count wherever it is cut. */
export class TokenCounter {
  #hundredths = 0;
  /** The last character and its kind, and which of its word or row it is. */
  #last = 0;
  #kind = space;
  #place = 0;

  /** Not rounded. */
  get tokens(): number {
    return this.#hundredths / 100;
  }

  /**
   * Counts `text`, or as much of its beginning as can be counted without passing `mostTokens` in all; returns how
   * many characters were.
   */
  push(text: string, mostTokens: number = Infinity): number {
    // The fields in locals, and hardly a call in the loop: it runs for each character of every answer.
    let [hundredths, last, kind, place] = [this.#hundredths, this.#last, this.#kind, this.#place];
    const most = mostTokens * 100;
    let position = 0;
    for (; position < text.length; position += 1) {
      const unit = text.charCodeAt(position);
      // Most characters are small letters that go on with a word, which is counted already.
      if (kind <= upper && place < weights.wordLetters && unit >= smallA && unit <= smallZ) {
        last = unit;
        kind = lower;
        place += 1;
        continue;
      }
      const next = kinds[unit] ?? foreign;
      const isFirst = begins[kind * kindCount + next] === 1;
      const nextPlace = isFirst ? 1 : place + 1;
      const cost = isFirst ? costOfFirst(next, unit === last) : costWithin(next, nextPlace);
      if (hundredths + cost > most) break;
      hundredths += cost;
      last = unit;
      kind = next;
      place = nextPlace;
    }
    [this.#hundredths, this.#last, this.#kind, this.#place] = [hundredths, last, kind, place];
    return position;
  }
}

function costOfFirst(kind: number, isAgain: boolean): number {
  return kind === mark && isAgain ? weights.markAgain : (firstCosts[kind] ?? 0);
}

/** What the `place`-th character of a word or row costs, from the second on. */
function costWithin(kind: number, place: number): number {
  if (kind <= upper) return place > weights.wordLetters ? weights.letter : 0;
  return kind === digit && place % weights.digitsTogether === 1 ? weights.digits : 0;
}
