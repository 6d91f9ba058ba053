// How much of what a page sends is in the conversation already.

import type { ContentParam, MessageParam } from '../../client/index.ts';
import type { StoredTurn } from '../../storage/index.ts';

export interface Known {
  /** Each behind the one before. */
  readonly turns: readonly StoredTurn[];
  /** What these say, as the page says it. */
  readonly said: readonly MessageParam[];
  /** What is new. It may begin in the middle of a message: what a page asks behind a question that had no answer is one
   * message with it. */
  readonly rest: readonly MessageParam[];
}

/** The turns that say what the first messages say: as many as there are, and of several branches the one that came
 * last. Takes no longer than the turns and the messages are long: a page can have thousands of both. */
export function longestKnown(turns: readonly StoredTurn[], messages: readonly MessageParam[]): Known {
  const children = Map.groupBy(turns, ({ parent }) => parent);
  let branches: readonly Branch[] = [undefined];
  for (const [index, message] of messages.entries()) {
    const longer = branches.flatMap((branch) => longerBranches(children, branch, message));
    const whole = longer.filter(({ left }) => left.length === 0);
    if (whole.length === 0) {
      const none = { branch: branches.at(-1), left: blocksOf(message.content) };
      const { branch, left } = longer.reduce(mostKnown, none);
      const { said, rest } = cut(message, left);
      return {
        turns: turnsOf(branch),
        said: [...messages.slice(0, index), ...said],
        rest: [...rest, ...messages.slice(index + 1)],
      };
    }
    branches = whole.map(({ branch }) => branch);
  }
  return { turns: turnsOf(branches.at(-1)), said: messages, rest: [] };
}

/** By the turn that they follow. */
type Children = ReadonlyMap<string | null, readonly StoredTurn[]>;

/** From its last turn to its first, so that branches share what they have in common; undefined for none. */
type Branch = { readonly last: StoredTurn; readonly before: Branch } | undefined;

interface Longer {
  readonly branch: Branch;
  /** What it does not say of the message that it ends in. */
  readonly left: readonly ContentParam[];
}

function turnsOf(branch: Branch): StoredTurn[] {
  const turns: StoredTurn[] = [];
  for (let each = branch; each !== undefined; each = each.before) turns.push(each.last);
  return turns.toReversed();
}

function mostKnown(one: Longer, other: Longer): Longer {
  return other.left.length <= one.left.length ? other : one;
}

/** A message of which this is left to say: all of it, or what is behind the part that is known. */
function cut(message: MessageParam, left: readonly ContentParam[]): Pick<Known, 'said' | 'rest'> {
  const { role, content } = message;
  const known = blocksOf(content).slice(0, -left.length);
  return known.length === 0
    ? { said: [], rest: [message] }
    : { said: [{ role, content: known }], rest: [{ role, content: left }] };
}

/** With the turns that say the message, or what it begins with where the rest was asked when that had no answer. */
function longerBranches(children: Children, before: Branch, { role, content }: MessageParam): Longer[] {
  const behind = children.get(before?.last.id ?? null);
  if (behind === undefined) return [];
  const said = gistOf(content);
  const blocks = blocksOf(content);
  return behind.flatMap((last) => {
    if (last.role !== role) return [];
    const branch = { last, before };
    const gist = gistOf(last.content);
    if (gist === said) return [{ branch, left: [] }];
    const { length } = blocksOf(last.content);
    const isPart = role === 'user' && length > 0 && length < blocks.length;
    if (!isPart || gistOf(blocks.slice(0, length)) !== gist) return [];
    const left = blocks.slice(length);
    return unanswered(children, branch).flatMap((question) =>
      longerBranches(children, question, { role, content: left }).concat({ branch: question, left }),
    );
  });
}

/** What can follow a question that had no answer: the answer that said nothing, or, where that was under way when the page
 * asked on, the question itself. */
function unanswered(children: Children, question: NonNullable<Branch>): readonly Branch[] {
  const behind = children.get(question.last.id) ?? [];
  const empty = behind.filter(({ role, content }) => role === 'assistant' && gistOf(content) === '[]');
  const isLeftBehind =
    empty.some(({ isOpen }) => isOpen === true) || behind.some(({ role }) => role === 'user');
  const ended = empty
    .filter(({ isOpen }) => isOpen !== true)
    .map((last): Branch => ({ last, before: question }));
  return isLeftBehind ? [question, ...ended] : ended;
}

type Content = MessageParam['content'] | StoredTurn['content'];

function blocksOf(content: Content): readonly ContentParam[] {
  return typeof content === 'string'
    ? [{ type: 'text', text: content }]
    : (content as readonly ContentParam[]);
}

type Block = Readonly<Record<string, unknown>>;

/**
 * What a turn says, however it is written: a page has its messages in another form, and gives back less than came. Text
 * as one, calls by their ids, results by theirs with what they say, all else by its kind.
 */
function gistOf(content: Content): string {
  if (typeof content === 'string') return JSON.stringify([content]);
  const gist: string[] = [];
  let text = '';
  const endText = (): void => {
    if (text !== '') gist.push(text);
    text = '';
  };
  const blocks = content as readonly Block[];
  const answered = new Set(blocks.map(({ tool_use_id }) => tool_use_id));
  for (const block of blocks) {
    if (!isGivenBack(block, answered)) continue;
    if (block['type'] === 'text') text += String(block['text']);
    else {
      endText();
      gist.push(gistOfBlock(block));
    }
  }
  endText();
  return JSON.stringify(gist);
}

/** A page leaves out text of white space, and what an answer had begun and not ended when it paused: the API's own calls
 * without a result, thinking without a signature. */
function isGivenBack({ type, id, text, signature }: Block, answered: ReadonlySet<unknown>): boolean {
  if (type === 'text') return String(text).trim() !== '';
  if (type === 'thinking') return typeof signature === 'string' && signature !== '';
  return (type !== 'server_tool_use' && type !== 'mcp_tool_use') || answered.has(id);
}

function gistOfBlock({ type, id, tool_use_id, content, source }: Block): string {
  return JSON.stringify([type, id, tool_use_id, tool_use_id === undefined ? undefined : content, source]);
}
