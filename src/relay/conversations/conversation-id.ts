// What a conversation may be called.

/** The most characters that the id of a conversation may have. */
export const maxIdLength = 128;

/** Whether a header, a path and a store can hold it, and give it back as it is. */
export function isConversationId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= maxIdLength &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value)
  );
}
