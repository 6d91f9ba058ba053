// What a conversation may be called.

/** The most characters that the id of a conversation may have. */
const maxIdLength = 128;

/** What an error says of it. */
export const idRule: string = `of 1 to ${maxIdLength} characters, none of them a control character, and not "." or ".."`;

/** Whether a header, a path and a store can hold it, and give it back as it is: a path with a name of dots alone is
 * another path. */
export function isConversationId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= maxIdLength &&
    value !== '.' &&
    value !== '..' &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value)
  );
}
