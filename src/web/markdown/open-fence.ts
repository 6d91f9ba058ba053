// A fenced code block whose end has not come: the one block that may grow to any length and needs no parser,
// because nothing in it means anything but the line that closes it.

/** Reads the lines of the fence that `text` begins with; `text` may grow from call to call. */
export class OpenFence {
  /** What stands behind the opening marks. */
  readonly info: string;
  /** Where the code begins. */
  readonly start: number;
  readonly #closing: RegExp;
  /** Where the first line begins that has not been seen whole. */
  #lineStart: number;

  private constructor(opening: RegExpExecArray) {
    const [line, marks = '', info = ''] = opening;
    this.info = info.trim();
    this.start = line.length;
    this.#lineStart = line.length;
    // As marked closes it: the same marks or more, and spaces.
    this.#closing = new RegExp(`^ {0,3}${marks}${marks.charAt(0)}* *$`);
  }

  /** The fence at the beginning of `text`; undefined when there is none, or its first line is not whole. */
  static at(text: string): OpenFence | undefined {
    const opening = /^(`{3,}(?=[^`\n]*\n)|~{3,})([^\n]*)\n/.exec(text);
    return opening === null ? undefined : new OpenFence(opening);
  }

  /** Where the block ends, behind its closing line; undefined while that has not come. */
  end(text: string): number | undefined {
    for (;;) {
      const lineEnd = text.indexOf('\n', this.#lineStart);
      if (lineEnd < 0) return undefined;
      const isClosing = this.#closing.test(text.slice(this.#lineStart, lineEnd));
      this.#lineStart = lineEnd + 1;
      if (isClosing) return this.#lineStart;
    }
  }

  /** The code so far. A last line that may turn out to close the block is held back. */
  code(text: string): string {
    const lastLine = text.slice(this.#lineStart);
    const mayClose = /^ {0,3}[`~]+ *$/.test(lastLine) || lastLine.trim() === '';
    const end = mayClose ? this.#lineStart : text.length;
    const isBehindLine = end > this.start && text[end - 1] === '\n';
    return text.slice(this.start, isBehindLine ? end - 1 : end);
  }
}
