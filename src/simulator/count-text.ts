// About how many tokens a text has. No tokenizer of the newer models is public: the weights were fitted to recorded
// pairs of requests and usage (docs/simulator.md has the error that is left).

/** What each thing in a text counts. */
const weights = {
  word: 1.07,
  /** A word of more letters than this is no word. */
  wordLetters: 12,
  /** Each letter beyond them. */
  letter: 0.25,
  /** Up to three digits in a row. */
  digits: 2.1,
  /** A mark, or line ends in a row. */
  mark: 0.95,
  /** A character of a script that writes words with few of them. */
  ideograph: 1.3,
  /** Any other character beyond ASCII. */
  foreign: 2.5,
} as const;

/** Not rounded: the counts of parts add up. */
export function countText(text: string): number {
  let count = 0;
  for (let position = 0; position < text.length;) {
    const kind = kindAt(text, position);
    let end = position + 1;
    if (kind.isRun) while (end < text.length && kindAt(text, end) === kind) end += 1;
    count += kind.tokensOf(end - position);
    position = end;
  }
  return count;
}

interface Kind {
  /** Whether characters of this kind count together when they follow each other. */
  readonly isRun: boolean;
  tokensOf(length: number): number;
}

const letters: Kind = {
  isRun: true,
  tokensOf: (length) => weights.word + Math.max(length - weights.wordLetters, 0) * weights.letter,
};
const digits: Kind = { isRun: true, tokensOf: (length) => Math.ceil(length / 3) * weights.digits };
const lineEnds: Kind = { isRun: true, tokensOf: () => weights.mark };
/** They belong to the word behind them. */
const spaces: Kind = { isRun: true, tokensOf: () => 0 };
const mark: Kind = { isRun: false, tokensOf: () => weights.mark };
const ideograph: Kind = { isRun: false, tokensOf: () => weights.ideograph };
/** Half of it for each half of a surrogate pair. */
const surrogate: Kind = { isRun: false, tokensOf: () => weights.foreign / 2 };
const foreign: Kind = { isRun: false, tokensOf: () => weights.foreign };

function toAsciiKind(unit: number): Kind {
  const character = String.fromCharCode(unit);
  if (/[a-z]/i.test(character)) return letters;
  if (/\d/.test(character)) return digits;
  if (character === '\n') return lineEnds;
  return /\s/.test(character) ? spaces : mark;
}

const asciiKinds = Array.from({ length: 128 }, (_, unit) => toAsciiKind(unit));

function kindAt(text: string, position: number): Kind {
  const unit = text.charCodeAt(position);
  const ascii = asciiKinds[unit];
  if (ascii !== undefined) return ascii;
  if (unit >= 0xd800 && unit <= 0xdfff) return surrogate;
  return unit >= 0x2e80 ? ideograph : foreign;
}
