// Names of models beside those of the list: what has left it, what stands for another, what is newer than it. Any
// other name is refused, as the API refuses it.

interface Limits {
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
}

/** Models that are no longer listed; recordings and examples still ask for them. */
export const formerModels: ReadonlyMap<string, Limits> = new Map([
  ['claude-opus-4-20250514', { maxInputTokens: 200_000, maxOutputTokens: 32_000 }],
  ['claude-sonnet-4-20250514', { maxInputTokens: 200_000, maxOutputTokens: 64_000 }],
  ['claude-3-7-sonnet-20250219', { maxInputTokens: 200_000, maxOutputTokens: 64_000 }],
  ['claude-3-5-sonnet-20241022', { maxInputTokens: 200_000, maxOutputTokens: 8192 }],
  ['claude-3-5-sonnet-20240620', { maxInputTokens: 200_000, maxOutputTokens: 8192 }],
  ['claude-3-5-haiku-20241022', { maxInputTokens: 200_000, maxOutputTokens: 8192 }],
  ['claude-3-opus-20240229', { maxInputTokens: 200_000, maxOutputTokens: 4096 }],
  ['claude-3-sonnet-20240229', { maxInputTokens: 200_000, maxOutputTokens: 4096 }],
  ['claude-3-haiku-20240307', { maxInputTokens: 200_000, maxOutputTokens: 4096 }],
]);

/** Names that are more than an id without its date. */
export const aliases: ReadonlyMap<string, string> = new Map([
  ['claude-opus-4-0', 'claude-opus-4-20250514'],
  ['claude-sonnet-4-0', 'claude-sonnet-4-20250514'],
  ['claude-4-opus-20250514', 'claude-opus-4-20250514'],
  ['claude-4-sonnet-20250514', 'claude-sonnet-4-20250514'],
  ['claude-3-7-sonnet-latest', 'claude-3-7-sonnet-20250219'],
  ['claude-3-5-sonnet-latest', 'claude-3-5-sonnet-20241022'],
  ['claude-3-5-haiku-latest', 'claude-3-5-haiku-20241022'],
  ['claude-3-opus-latest', 'claude-3-opus-20240229'],
]);

/** In the official SDK's types, and newer than the list. Their limits are not known: they have none here. */
export const newerModels: ReadonlySet<string> = new Set([
  'claude-fable-5-1',
  'claude-fable-5-2',
  'claude-haiku-5-5',
  'claude-mythos-5',
  'claude-mythos-5-1',
  'claude-mythos-5-2',
  'claude-mythos-preview',
  'claude-opus-5-5',
  'claude-sonnet-5-5',
]);
