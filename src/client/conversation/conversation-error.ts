export type ConversationErrorCode =
  /** Something was asked for that has to wait for the answer under way. */
  | 'answer_under_way'
  /** What was to be loaded is no conversation, or one of a later version. */
  | 'invalid_conversation';

/** A conversation cannot do what it was asked to. It is as it was before. */
export class ConversationError extends Error {
  override readonly name = 'ConversationError';
  readonly code: ConversationErrorCode;

  constructor(code: ConversationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
