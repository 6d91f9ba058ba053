// A text that a regular expression of ECMA-262 matches, by reading the expression: nothing is ever run. Lookaround,
// back references, properties of Unicode and sets of sets are left out.

/** The most characters that are made of an expression. */
const mostCharacters = 10_000;
/** What a class that says only what is not in it has instead. */
const usualCharacters = Array.from('a1A_- .xyzXYZ023456789/:@#');

/** How often it is tried again with one repetition more. */
const mostTries = 500;

/**
 * A short text that the pattern matches, of at least so many characters where it can have them; undefined for a pattern
 * that is not understood.
 */
export function patternText(pattern: string, leastLength = 0): string | undefined {
  for (let extra = 0; extra <= Math.min(leastLength, mostTries); extra += 1) {
    const text = new PatternReader(pattern, extra).text();
    if (text === undefined || text.length >= leastLength) return text;
  }
  return undefined;
}

/** The classes that have a letter. */
const classes: Readonly<Record<string, string>> = { d: '1', w: 'a', s: ' ', D: 'a', W: '-', S: 'a' };
const members: Readonly<Record<string, RegExp>> = {
  d: /\d/,
  w: /\w/,
  s: /\s/,
  D: /\D/,
  W: /\W/,
  S: /\S/,
};
const controls: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', 0: '\0' };

/** Something in the pattern that is not understood. */
const unknown = Symbol('unknown');

class PatternReader {
  readonly #units: readonly string[];
  /** How often what may come any number of times comes more than it must. */
  readonly #extra: number;
  #at = 0;

  constructor(pattern: string, extra: number) {
    this.#units = Array.from(pattern);
    this.#extra = extra;
  }

  text(): string | undefined {
    try {
      const text = this.#choice();
      return this.#at < this.#units.length || text.length > mostCharacters ? undefined : text;
    } catch (reason) {
      if (reason === unknown) return undefined;
      throw reason;
    }
  }

  /** The first of several; the others are read to find the end. */
  #choice(): string {
    const first = this.#sequence();
    while (this.#take('|')) this.#sequence();
    return first;
  }

  #sequence(): string {
    let text = '';
    while (this.#at < this.#units.length && this.#next !== '|' && this.#next !== ')') {
      const atom = this.#atom();
      text += this.#repeated(atom);
      if (text.length > mostCharacters) throw unknown;
    }
    return text;
  }

  #atom(): string {
    const unit = this.#read();
    if (unit === '^' || unit === '$') return '';
    if (unit === '(') return this.#group();
    if (unit === '[') return this.#set();
    if (unit === '\\') return this.#escape();
    return unit === '.' ? 'a' : unit;
  }

  #group(): string {
    if (this.#take('?')) {
      if (this.#take('<')) {
        if (this.#next === '=' || this.#next === '!') throw unknown;
        while (this.#read() !== '>');
      } else if (!this.#take(':')) throw unknown;
    }
    const text = this.#choice();
    if (!this.#take(')')) throw unknown;
    return text;
  }

  /** Behind the backslash. */
  #escape(): string {
    const unit = this.#read();
    if (unit === 'b') return '';
    return classes[unit] ?? this.#escaped(unit);
  }

  #escaped(unit: string): string {
    if (unit === 'x') return this.#byCode(2);
    if (unit === 'u') return this.#byCode(4);
    if (/[1-9kpPBc]/.test(unit)) throw unknown;
    return controls[unit] ?? unit;
  }

  #byCode(length: number): string {
    const digits = this.#take('{') ? this.#until('}') : Array.from({ length }, () => this.#read()).join('');
    if (!/^[\da-f]{1,5}$/i.test(digits)) throw unknown;
    return String.fromCodePoint(Number.parseInt(digits, 16));
  }

  /** Behind the bracket: one character that is in the set. */
  #set(): string {
    const isNot = this.#take('^');
    const tests: ((character: string) => boolean)[] = [];
    const firsts: string[] = [];
    while (!this.#take(']')) {
      const { first, has } = this.#member();
      firsts.push(first);
      tests.push(has);
    }
    const found = isNot
      ? usualCharacters.find((character) => !tests.some((has) => has(character)))
      : firsts[0];
    if (found === undefined) throw unknown;
    return found;
  }

  /** A character, a range, or a class with a letter. */
  #member(): { first: string; has: (character: string) => boolean } {
    const unit = this.#read();
    const letter = unit === '\\' ? this.#next : undefined;
    const ofClass = letter === undefined ? undefined : members[letter];
    if (ofClass !== undefined) {
      const first = classes[this.#read()] ?? '';
      return { first, has: (character) => ofClass.test(character) };
    }
    const first = unit === '\\' ? this.#memberEscape() : unit;
    if (this.#next !== '-' || this.#units[this.#at + 1] === ']') {
      return { first, has: (character) => character === first };
    }
    this.#at += 1;
    const end = this.#read();
    const last = end === '\\' ? this.#memberEscape() : end;
    return { first, has: (character) => character >= first && character <= last };
  }

  #memberEscape(): string {
    const unit = this.#read();
    return unit === 'b' ? '\b' : this.#escaped(unit);
  }

  #repeated(text: string): string {
    const [least, most] = this.#quantity();
    // Lazy or not is the same.
    if (most !== 1 || least !== 1) this.#take('?');
    const usual = least === 0 && most > 0 ? 1 : least;
    const count = Math.min(usual + (most > usual ? this.#extra : 0), most);
    if (text.length * count > mostCharacters) throw unknown;
    return text.repeat(count);
  }

  #quantity(): [least: number, most: number] {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const braces = /^\{(\d+)(,?)(\d*)\}/.exec(this.#units.slice(this.#at, this.#at + 20).join(''));
    if (braces === null) return [1, 1];
    const [all, least = '', comma, most = ''] = braces;
    this.#at += all.length;
    if (comma === '') return [Number(least), Number(least)];
    return [Number(least), most === '' ? Infinity : Number(most)];
  }

  get #next(): string | undefined {
    return this.#units[this.#at];
  }

  #read(): string {
    const unit = this.#units[this.#at];
    if (unit === undefined) throw unknown;
    this.#at += 1;
    return unit;
  }

  #take(unit: string): boolean {
    if (this.#next !== unit) return false;
    this.#at += 1;
    return true;
  }

  #until(end: string): string {
    let text = '';
    for (let unit = this.#read(); unit !== end; unit = this.#read()) text += unit;
    return text;
  }
}
