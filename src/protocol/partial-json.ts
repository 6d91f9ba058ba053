// JSON that arrives in pieces, as a tool's input does: a value at any time, in linear time. Follows RFC 8259 as
// JSON.parse does. Each state has one entry in a table; an entry reads from an index and returns the next one.

import { ProtocolError } from './errors.ts';
import { FlatText } from './flat-text.ts';
import { isObject, setOwn } from './own-properties.ts';
import type { ToolInput } from './tool-input.ts';

type State =
  | 'value'
  | 'firstItem'
  | 'firstKey'
  | 'key'
  | 'colon'
  | 'afterItem'
  | 'string'
  | 'escape'
  | 'number'
  | 'literal'
  | 'whole'
  | 'invalid';

/** An array or object that is still open, and where in its parent it stands. */
interface Container {
  readonly value: object;
  /** The key of the item being read; the next index in an array. */
  key: string | number;
}

/**
 * Reads one JSON value, cut anywhere.
 *
 * 1. `value` is what the text so far says, and only grows: strings get longer, members and items are added (a
 *    member that comes twice is overwritten, as JSON.parse does it).
 *    Numbers and literals appear when they are finished, keys when their value begins; half a surrogate pair or
 *    an escape that is cut is held back.
 * 2. At the end of valid text `value` equals `JSON.parse(text)` and `complete` is true; at every cut before that
 *    `complete` is false. (A number that is the whole text has no end of its own: it counts as finished.)
 * 3. Text that is not JSON sets `error`, once and for good; `value` stays what it was, `text` goes on. It never
 *    throws.
 * 4. `value` is live and read-only: containers are the same objects from call to call, so that reading it after
 *    every piece costs nothing. A copy is the reader's own to make.
 */
export class PartialJson implements ToolInput {
  readonly #text = new FlatText();
  #state: State = 'value';
  #root: unknown;
  /** The open containers, outermost first. A list and no recursion: depth is bounded by the text alone. */
  readonly #open: Container[] = [];
  #error: ProtocolError | undefined;

  /** The string being read, and whether it is a key. */
  #string = new FlatText();
  #isKey = false;
  /** A high surrogate at the end of the string so far: half a character is not shown. */
  #highSurrogate = '';
  /** The number, literal or escape being read. */
  #token = '';
  #literal = '';
  /** How far the number has come. */
  #number = 0;

  /** The growing value; undefined before its first character. */
  get value(): unknown {
    return this.#isRootNumber() ? Number(this.#token) : this.#root;
  }

  /** The value when it is an object or array, as a tool's input is. Unlike `value` it never has to read a number. */
  get container(): object | undefined {
    return isObject(this.#root) ? this.#root : undefined;
  }

  /** Whether the text so far is one whole JSON value. */
  get complete(): boolean {
    return this.#state === 'whole' || this.#isRootNumber();
  }

  /** All the text received, valid or not. */
  get text(): string {
    return this.#text.value;
  }

  /** Why the text is not JSON: ProtocolError `invalid_json`; undefined as long as it may become JSON. */
  get error(): ProtocolError | undefined {
    return this.#error;
  }

  /** Takes the next piece. */
  push(text: string): void {
    this.#text.append(text);
    let index = 0;
    while (index < text.length) {
      const next = this.#read[this.#state](text, index);
      if (next < 0) return this.#fail(text, index);
      index = next;
    }
    if (!this.#isKey && (this.#state === 'string' || this.#state === 'escape')) this.#put(this.#string.value);
  }

  /** One entry per state: reads at `index`, returns where to go on, or -1 for what cannot stand there. */
  readonly #read = {
    value: (text, index) => this.#skipSpace(text, index) ?? this.#beginValue(text, index),
    firstItem: (text, index) =>
      this.#skipSpace(text, index) ??
      (text[index] === ']' ? this.#closeContainer(index) : this.#beginValue(text, index)),
    firstKey: (text, index) =>
      this.#skipSpace(text, index) ??
      (text[index] === '}' ? this.#closeContainer(index) : this.#beginKey(text, index)),
    key: (text, index) => this.#skipSpace(text, index) ?? this.#beginKey(text, index),
    colon: (text, index) =>
      this.#skipSpace(text, index) ?? (text[index] === ':' ? this.#goOn('value', index) : -1),
    afterItem: (text, index) => this.#skipSpace(text, index) ?? this.#endItem(text, index),
    string: (text, index) => this.#readString(text, index),
    escape: (text, index) => this.#readEscape(text, index),
    number: (text, index) => this.#readNumber(text, index),
    literal: (text, index) => this.#readLiteral(text, index),
    whole: (text, index) => this.#skipSpace(text, index) ?? -1,
    invalid: (text) => text.length,
  } satisfies Record<State, (text: string, index: number) => number>;

  #skipSpace(text: string, index: number): number | undefined {
    const unit = text.charCodeAt(index);
    return unit === 32 || unit === 10 || unit === 13 || unit === 9 ? index + 1 : undefined;
  }

  #goOn(state: State, index: number): number {
    this.#state = state;
    return index + 1;
  }

  #beginValue(text: string, index: number): number {
    const character = text.charAt(index);
    if (character === '"') return this.#beginString(false, index);
    if (character === '{') return this.#openContainer({ value: {}, key: '' }, 'firstKey', index);
    if (character === '[') return this.#openContainer({ value: [], key: 0 }, 'firstItem', index);
    this.#token = '';
    this.#number = 0;
    this.#literal = literals.find((literal) => literal.startsWith(character)) ?? '';
    this.#state = this.#literal === '' ? 'number' : 'literal';
    return this.#literal !== '' || stepOf(0, character) > 0 ? index : -1;
  }

  #openContainer(container: Container, state: State, index: number): number {
    this.#put(container.value);
    this.#open.push(container);
    return this.#goOn(state, index);
  }

  #closeContainer(index: number): number {
    this.#open.pop();
    return this.#finishValue(index);
  }

  #beginKey(text: string, index: number): number {
    return text[index] === '"' ? this.#beginString(true, index) : -1;
  }

  #beginString(isKey: boolean, index: number): number {
    this.#isKey = isKey;
    this.#string = new FlatText();
    this.#highSurrogate = '';
    return this.#goOn('string', index);
  }

  #endItem(text: string, index: number): number {
    const container = this.#open.at(-1);
    if (container === undefined) return -1;
    const isArray = typeof container.key === 'number';
    if (text[index] === (isArray ? ']' : '}')) return this.#closeContainer(index);
    if (text[index] !== ',') return -1;
    if (typeof container.key === 'number') container.key += 1;
    return this.#goOn(isArray ? 'value' : 'key', index);
  }

  #readString(text: string, start: number): number {
    let index = start;
    let unit = text.charCodeAt(index);
    while (index < text.length && unit !== 34 && unit !== 92 && unit >= 32) {
      index += 1;
      unit = text.charCodeAt(index);
    }
    if (index > start) this.#addToString(text.slice(start, index));
    if (index === text.length) return index;
    if (unit === 34) return this.#endString(index);
    this.#token = '';
    return unit === 92 ? this.#goOn('escape', index) : -1;
  }

  #addToString(piece: string): void {
    const whole = this.#highSurrogate === '' ? piece : this.#highSurrogate + piece;
    const last = whole.charCodeAt(whole.length - 1);
    const isHalf = last >= 0xd800 && last <= 0xdbff;
    this.#highSurrogate = isHalf ? whole.slice(-1) : '';
    this.#string.append(isHalf ? whole.slice(0, -1) : whole);
  }

  #endString(index: number): number {
    const text = this.#string.append(this.#highSurrogate);
    const container = this.#open.at(-1);
    if (this.#isKey && container !== undefined) {
      container.key = text;
      return this.#goOn('colon', index);
    }
    this.#put(text);
    return this.#finishValue(index);
  }

  #readEscape(text: string, index: number): number {
    this.#token += text.charAt(index);
    const place = escapes.indexOf(this.#token);
    if (place >= 0) this.#addToString(escapedCharacters.charAt(place));
    else if (!/^u[0-9a-fA-F]{0,4}$/.test(this.#token)) return -1;
    else if (this.#token.length < 5) return index + 1;
    else this.#addToString(String.fromCharCode(Number.parseInt(this.#token.slice(1), 16)));
    return this.#goOn('string', index);
  }

  #readNumber(text: string, start: number): number {
    let index = start;
    let step = stepOf(this.#number, text.charAt(index));
    while (step > 0) {
      this.#number = step;
      index += 1;
      step = stepOf(this.#number, text.charAt(index));
    }
    this.#token += text.slice(start, index);
    if (index === text.length) return index;
    if (!wholeNumbers.has(this.#number)) return -1;
    this.#put(Number(this.#token));
    return this.#finishValue(index - 1);
  }

  #readLiteral(text: string, index: number): number {
    this.#token += text.charAt(index);
    if (!this.#literal.startsWith(this.#token)) return -1;
    if (this.#token !== this.#literal) return index + 1;
    this.#put(JSON.parse(this.#literal));
    return this.#finishValue(index);
  }

  #put(value: unknown): void {
    const container = this.#open.at(-1);
    if (container === undefined) this.#root = value;
    else setOwn(container.value, container.key, value);
  }

  /** `index` is that of its last character. */
  #finishValue(index: number): number {
    if (this.#open.length > 0) return this.#goOn('afterItem', index);
    this.#text.settle();
    return this.#goOn('whole', index);
  }

  #isRootNumber(): boolean {
    return this.#state === 'number' && this.#open.length === 0 && wholeNumbers.has(this.#number);
  }

  #fail(text: string, index: number): void {
    const offset = this.text.length - text.length + index;
    this.#error = new ProtocolError('invalid_json', `Not JSON at character ${offset}`, {
      excerpt: text.slice(index),
    });
    this.#state = 'invalid';
  }
}

const literals = ['true', 'false', 'null'];

/** What may stand behind a backslash, and at the same place what it means. */
const escapes = '"\\/bfnrt';
const escapedCharacters = '"\\/\b\f\n\r\t';

/**
 * The grammar of a number: a row for each state, and in it the state that `-`, `0`, `1` to `9`, `.`, `e` and `+` lead
 * to. The states: 0 begin, 1 minus, 2 zero, 3 integer, 4 point, 5 fraction, 6 exponent, 7 sign, 8 power.
 */
const numberSteps = ['123', ' 23', '   46', ' 3346', ' 55', ' 55 6', '788  7', ' 88', ' 88'];

const wholeNumbers = new Set([2, 3, 5, 8]);

/** The state of a number with one more character; 0 when it cannot stand there. */
function stepOf(state: number, character: string): number {
  const kind = character > '0' && character <= '9' ? '1' : character.toLowerCase();
  return kind === '' ? 0 : Number(numberSteps[state]?.charAt('-01.e+'.indexOf(kind)));
}
