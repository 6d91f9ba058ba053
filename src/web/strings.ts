// Every word the page says, in one table.

const number = new Intl.NumberFormat('en');
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat('en', { maximumFractionDigits: 2, minimumFractionDigits: 2 });

function count(value: number, one: string, many: string): string {
  return `${number.format(value)} ${value === 1 ? one : many}`;
}

export const strings = {
  product: 'Millrace',
  newChat: 'New chat',
  conversation: 'Conversation',
  copied: 'Copied',
  you: 'You',
  model: 'Claude',

  empty: {
    title: 'What should flow?',
    text: 'Answers arrive as they are written. Reload, lose the network or close the lid: nothing is lost.',
    suggestions: 'Things the simulator knows',
  },
  /** What the simulator's words make it do; each is sent as it stands. */
  suggestions: [
    { label: 'A page of markdown', prompt: 'Show me some markdown with code and a table' },
    { label: 'Think first', prompt: 'Think about this, then answer' },
    { label: 'Call a tool', prompt: 'Call a tool' },
    { label: 'A long answer', prompt: 'Write something long 600' },
  ],

  simulated: {
    title: 'Simulated.',
    before: 'The built-in simulator answers here, not a model. Set ',
    variable: 'ANTHROPIC_API_KEY',
    after: ' for real answers.',
  },
  signIn: {
    title: 'Sign in',
    text: 'This relay answers to who has one of its keys.',
    key: 'Relay key',
    submit: 'Sign in',
    submitting: 'Signing in…',
    wrongKey: 'That is none of this relay’s keys.',
    noSessions: 'This relay lets no page sign in: its setting access.sessions is off.',
    out: 'Sign out',
    outOf: (owner: string): string => `Signed in as ${owner}`,
  },

  chats: {
    title: 'Chats',
    open: 'Chats',
    close: 'Close the list of chats',
    list: 'Chats, the newest first',
    loading: 'Looking for chats…',
    none: 'There are none yet. What you ask is kept here.',
    more: 'Show more',
    rename: (title: string): string => `Rename “${title}”`,
    newTitle: 'New title',
    save: 'Save',
    cancel: 'Cancel',
    delete: (title: string): string => `Delete “${title}”`,
    deleteAsked: (title: string): string => `Delete “${title}” and its answers?`,
    deleteSurely: 'Delete',
    keep: 'Keep',
    renamed: 'Renamed',
    deleted: 'Deleted',
  },

  relayUnreachable: 'The relay does not answer. Is it still running?',

  composer: {
    label: 'Message',
    placeholder: 'Write a message',
    send: 'Send',
    stop: 'Stop',
    stopping: 'Stopping…',
    hint: 'Enter sends, Shift Enter makes a new line',
    hintStop: 'Esc stops the answer',
  },
  toBottom: 'Go to the newest text',

  status: {
    submitted: 'Waiting for the first words…',
    streaming: 'Generating…',
    streamingFor: (words: number): string => `Still generating, ${count(words, 'word', 'words')} so far`,
    reconnecting: 'Connection lost. Reconnecting…',
    complete: 'Response complete',
    stopped: 'Stopped',
    failed: (title: string): string => `The answer failed: ${title}`,
  },

  message: {
    copy: 'Copy message',
    stopped: 'Stopped',
    stopFailed: 'The stop did not reach the relay. The answer goes on.',
    retry: 'Try again',
    retryIn: (seconds: number): string => `Try again in ${seconds} s`,
    reconnect: 'Reconnect',
    requestId: (id: string): string => `Request ${id}`,
  },

  thinking: {
    live: 'Thinking…',
    done: 'Thought',
    doneIn: (seconds: number): string => `Thought for ${number.format(seconds)} s`,
    hidden: 'Some of the thinking is withheld',
    empty: 'The thinking itself is not shown by this model.',
  },

  tool: {
    live: 'Calling',
    done: 'Called',
    serverDone: 'Ran',
    noInput: 'no input',
    broken: 'The input is not valid JSON',
    result: (name: string): string => `Result of ${name}`,
    fallback: (model: string): string => `From here on ${model} answers`,
    unknown: (type: string): string => `A block of type ${type}`,
    cut: (more: number): string => `… ${count(more, 'more character', 'more characters')}`,
  },

  code: {
    plain: 'text',
    copy: 'Copy',
    copyLabel: (language: string): string => `Copy the ${language} code`,
    region: (language: string): string => `Code, ${language}`,
  },

  image: {
    unnamed: 'Image, not loaded',
    named: (name: string): string => `Image, not loaded: ${name}`,
    open: (host: string): string => `open at ${host}`,
  },

  usage: {
    tokens: (input: number, output: number): string =>
      `${number.format(input)} tokens in, ${number.format(output)} out`,
    firstToken: (ms: number): string => `first token ${twoDigits.format(ms / 1000)} s`,
    rate: (tokensPerSecond: number): string => `${oneDigit.format(tokensPerSecond)} tokens/s`,
    label: 'Usage',
  },

  /** What an answer's end means when it is not the plain one. */
  stopReasons: {
    max_tokens: (limit: number | undefined): string =>
      limit === undefined
        ? 'Cut off: the answer reached the limit of output tokens.'
        : `Cut off: the answer reached the limit of ${number.format(limit)} output tokens.`,
    refusal: (explanation: string | null): string =>
      `The model declined to answer.${explanation === null ? '' : ` ${explanation}`} The next message leaves this exchange out.`,
    model_context_window_exceeded: (): string =>
      'Cut off: the conversation no longer fits into the model’s context window.',
    pause_turn: (): string => 'The model paused in the middle of its turn.',
    tool_use: (): string => 'The model waits for the result of a tool, and this page has none to run.',
  },

  /** What went wrong, in a few words; the server’s own follow below. */
  problems: {
    invalid_request_error: 'The request was not accepted',
    authentication_error: 'The API key was not accepted',
    billing_error: 'There is a problem with billing',
    permission_error: 'This API key may not do that',
    not_found_error: 'Not found: perhaps the model’s name is wrong',
    timeout_error: 'The API took too long',
    conflict_error: 'The request collided with another one',
    request_too_large: 'The conversation is too large to send',
    rate_limit_error: 'Too many requests for now',
    api_error: 'The API had an error',
    overloaded_error: 'The API is overloaded for now',
    unreachable: 'The relay does not answer',
    connection_lost: 'The connection is lost',
    gone: 'The relay does not have this answer any more',
    not_a_stream: 'The relay sent something else than an answer',
    unsteady_log: 'The answer changed while it was read',
    broken_stream: 'The answer arrived damaged',
    truncated: 'The answer ended before it was finished',
    interrupted: 'The relay was ended in the middle of the answer',
    other: 'Something went wrong',
  },
} as const;
