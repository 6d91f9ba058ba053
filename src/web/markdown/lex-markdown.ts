// Markdown text to tokens, by marked, with two differences: what looks like HTML is text, because a model's
// markup must never become the page's; and a nesting too deep for the parser's stack is shown as it is.

import { Lexer, Tokenizer } from 'marked';
import type { Links, Token, Tokens } from 'marked';

/** Link reference definitions, by marked's normalised label. */
export type LinkDefinitions = Links;

export function createLinkDefinitions(from: LinkDefinitions = {}): LinkDefinitions {
  // Without a prototype, as marked's own: a label may be `__proto__`.
  return Object.assign(Object.create(null) as LinkDefinitions, from);
}

class LiteralTokenizer extends Tokenizer {
  override html(): undefined {
    return undefined;
  }

  /** `<br>` is the one tag models need: table cells have no other line break. */
  override tag(source: string): Tokens.Tag | undefined {
    const raw = /^<br *\/?>/i.exec(source)?.[0];
    // The lexer takes whatever token it is given; the signature has only the one that is expected.
    return raw === undefined ? undefined : ({ type: 'br', raw } as unknown as Tokens.Tag);
  }
}

function createLexer(links: LinkDefinitions): Lexer {
  const lexer = new Lexer({ gfm: true, tokenizer: new LiteralTokenizer() });
  lexer.tokens.links = links;
  return lexer;
}

/** The blocks of `text`, with what is in them. Definitions found are added to `links`, the first of a label wins. */
export function lexMarkdown(text: string, links: LinkDefinitions): Token[] {
  return orLiteral(text, () => createLexer(links).lex(text));
}

/** The blocks of `text` alone: where each begins and ends, and what kind it is. */
export function lexBlocks(text: string): Token[] {
  return orLiteral(text, () => createLexer(createLinkDefinitions()).blockTokens(text));
}

function orLiteral(text: string, lex: () => Token[]): Token[] {
  try {
    return lex();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const content: Token = { type: 'text', raw: text, text };
    return [{ type: 'paragraph', raw: text, text, tokens: [content] }];
  }
}
