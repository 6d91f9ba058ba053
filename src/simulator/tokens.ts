// Rough token counts. No tokenizer is public; the figures come from recorded pairs of texts and usage.

/** Output characters for a token: 3.4 to 3.9 on the 4.x models, fewer on newer ones. */
const charactersPerToken = 3.6;
/** What a bare user turn costs beyond its text. */
const requestOverhead = 8;
/** What offering tools costs beyond their definitions, as recorded on the 4.6 models. */
const toolsOverhead = 500;
/** What an image or a document given as data counts for, however large. */
const attachmentTokens = 1500;

export function tokensOf(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** The most characters that still count for no more than `tokens`. */
export function charactersIn(tokens: number): number {
  return Math.floor(tokens * charactersPerToken);
}

/** What a request body would be charged for as input. */
export function estimateInputTokens(body: Readonly<Record<string, unknown>>): number {
  const tools = body['tools'];
  const extra = Array.isArray(tools) && tools.length > 0 ? toolsOverhead + tokensOf(jsonLength(tools)) : 0;
  return requestOverhead + extra + tokensOfTexts([body['system'], body['messages']]);
}

function jsonLength(value: unknown): number {
  return JSON.stringify(value).length;
}

/** Every string counts by its length, except ids, discriminators, and what stands beside `media_type`: data. */
function tokensOfTexts(value: unknown): number {
  let characters = 0;
  let attachments = 0;
  JSON.stringify(value, (key, item: unknown) => {
    if (free.has(key)) return undefined;
    if (typeof item === 'string') characters += item.length;
    if (typeof item !== 'object' || item === null || !('media_type' in item)) return item;
    attachments += 1;
    return undefined;
  });
  return tokensOf(characters) + attachments * attachmentTokens;
}

const free = new Set(['type', 'id', 'role', 'tool_use_id', 'signature']);
