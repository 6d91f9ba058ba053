// What must not stand in a recording, wherever it is repeated: the values of the headers that hold keys, in the
// forms in which an answer or a body may repeat them. They are overwritten, so that lengths stay as they were.

/** Headers, parameters and fields that hold secrets say so in their names. */
const secretName = /auth|key|token|secret|cookie|credential|session|password/i;

/** Keys of the API, wherever they come from. */
const apiKey = /sk-ant-[\w-]{16,}/g;

/** A shorter value is not looked for: it is no secret, and may well be a word of the text. */
const leastLength = 12;

export class SecretMask {
  /** In every form looked for, the longest first. */
  readonly #forms: readonly string[];
  readonly #pattern: RegExp | undefined;

  constructor(secrets: Iterable<string>) {
    const forms = new Set([...secrets].filter(isLong).flatMap(formsOf).filter(isLong));
    this.#forms = [...forms].toSorted((a, b) => b.length - a.length);
    this.#pattern =
      this.#forms.length === 0 ? undefined : new RegExp(this.#forms.map(escaped).join('|'), 'g');
  }

  /** Text of a request: API keys of anybody are masked as well. */
  maskText(text: string): string {
    return this.#maskForms(text).replaceAll(apiKey, toStars);
  }

  /** Masks a body that comes in pieces. */
  openStream(): MaskedStream {
    return new MaskedStream({
      mask: (text) => this.#maskForms(text),
      settledLength: (text) => this.#settledLength(text),
    });
  }

  #maskForms(text: string): string {
    return this.#pattern === undefined ? text : text.replaceAll(this.#pattern, toStars);
  }

  /** How much of the text is masked the same whatever follows. */
  #settledLength(text: string): number {
    const end = text.length - this.#openLength(text);
    if (this.#pattern === undefined || end === text.length) return end;
    // A secret that reaches into what is open stays whole.
    for (const { 0: secret, index } of text.matchAll(this.#pattern)) {
      if (index + secret.length > end) return Math.min(index, end);
    }
    return end;
  }

  /** The length of the text's end that may be the beginning of a secret. */
  #openLength(text: string): number {
    const longest = Math.min((this.#forms[0]?.length ?? 1) - 1, text.length);
    for (let length = longest; length > 0; length -= 1) {
      const end = text.slice(-length);
      if (this.#forms.some((form) => form.startsWith(end))) return length;
    }
    return 0;
  }
}

interface Masking {
  mask(text: string): string;
  settledLength(text: string): number;
}

/** Gives the bytes back as many as they were; the last few may wait for the next piece. */
export class MaskedStream {
  readonly #masking: Masking;
  /** Bytes, one a character, that may be the beginning of a secret; at most two of them long. */
  #held = '';

  constructor(masking: Masking) {
    this.#masking = masking;
  }

  push(bytes: Uint8Array): Buffer {
    const text = this.#held + Buffer.from(bytes).toString('latin1');
    const end = this.#masking.settledLength(text);
    this.#held = text.slice(end);
    return Buffer.from(this.#masking.mask(text.slice(0, end)), 'latin1');
  }

  /** What was held back. */
  end(): Buffer {
    const rest = Buffer.from(this.#masking.mask(this.#held), 'latin1');
    this.#held = '';
    return rest;
  }
}

/** The secrets of a request, from its headers and the parameters of its query. */
export function secretsOf(headers: NodeJS.Dict<string | string[]>, url: string): string[] {
  const query = new URLSearchParams(url.split('?').slice(1).join('?'));
  const named = [...Object.entries(headers), ...query].filter(([name]) => secretName.test(name));
  return named.flatMap(([, value]) => [value ?? ''].flat()).flatMap(partsOf);
}

/** A value, its words (a scheme and its key, cookies and theirs), and a name and password behind `Basic`. */
function partsOf(value: string): string[] {
  const [, basic] = /^basic +(\S+)$/i.exec(value) ?? [];
  const pair = basic === undefined ? '' : Buffer.from(basic, 'base64').toString('latin1');
  return [value, ...value.split(/[\s,;=]+/), ...pair.split(':')];
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'latin1');
  const base64 = bytes.toString('base64').replaceAll('=', '');
  // Within something longer the last character depends on what follows.
  const base64Forms = [base64, base64.slice(0, Math.floor((bytes.length * 4) / 3))];
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    ...base64Forms,
    ...base64Forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
  ];
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function isLong({ length }: string): boolean {
  return length >= leastLength;
}

function toStars({ length }: string): string {
  return '*'.repeat(length);
}
