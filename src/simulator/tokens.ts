// Rough token counts of output, which is cut by its characters. Those of input are counted in prompt-parts.ts.

/** Output characters for a token: 3.4 to 3.9 on the 4.x models, fewer on newer ones. */
const charactersPerToken = 3.6;
export function tokensOf(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** The most characters that still count for no more than `tokens`. */
export function charactersIn(tokens: number): number {
  return Math.floor(tokens * charactersPerToken);
}
