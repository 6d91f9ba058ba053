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
    const asked = new Said(message);
    const longer = branches.flatMap((branch) => longerBranches(children, branch, asked));
    const whole = longer.filter(({ known }) => known === asked.blocks.length);
    if (whole.length === 0) {
      const { branch, known } = longer.reduce(mostKnown, { branch: branches.at(-1), known: 0 });
      const { said, rest } = cut(message, known);
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
  /** How many blocks it says of the message that it ends in. */
  readonly known: number;
}

function turnsOf(branch: Branch): StoredTurn[] {
  const turns: StoredTurn[] = [];
  for (let each = branch; each !== undefined; each = each.before) turns.push(each.last);
  return turns.toReversed();
}

function mostKnown(one: Longer, other: Longer): Longer {
  return other.known >= one.known ? other : one;
}

/** A message of which so many blocks are known. */
function cut(message: MessageParam, known: number): Pick<Known, 'said' | 'rest'> {
  if (known === 0) return { said: [], rest: [message] };
  const { role } = message;
  const blocks = blocksOf(message.content);
  return {
    said: [{ role, content: blocks.slice(0, known) }],
    rest: [{ role, content: blocks.slice(known) }],
  };
}

/** What is still to be looked at: whether turns behind a branch say what is left of a message. */
interface Open {
  readonly before: Branch;
  /** How many of the message's blocks the branch says. */
  readonly from: number;
}

/** With the turns that say the message, or what it begins with where the rest was asked when that had no answer. In the
 * order of the turns, without recursion: such questions can be thousands. */
function longerBranches(children: Children, before: Branch, message: Said): Longer[] {
  const longer: Longer[] = [];
  const steps: (Open | Longer)[] = [{ before, from: 0 }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    if ('from' in step) steps.push(...stepsFrom(children, step, message).toReversed());
    else longer.push(step);
  }
  return longer;
}

function stepsFrom(children: Children, { before, from }: Open, message: Said): (Open | Longer)[] {
  const steps: (Open | Longer)[] = [];
  for (const last of children.get(before?.last.id ?? null) ?? []) {
    if (last.role !== message.role) continue;
    const branch = { last, before };
    if (message.isSaidBy(last.content, from)) {
      steps.push({ branch, known: message.blocks.length });
      continue;
    }
    const { length } = blocksOf(last.content);
    if (last.role !== 'user' || !message.goesOnBehind(last.content, from)) continue;
    const known = from + length;
    for (const question of unanswered(children, branch))
      steps.push({ before: question, from: known }, { branch: question, known });
  }
  return steps;
}

/** A message of the page, to be compared with many turns. */
class Said {
  readonly role: MessageParam['role'];
  readonly blocks: readonly ContentParam[];
  /** How much there is from each block on: what says as much may say the same, and nothing else does. */
  readonly #amounts: readonly number[];

  constructor({ role, content }: MessageParam) {
    this.role = role;
    this.blocks = blocksOf(content);
    this.#amounts = amountsFrom(this.blocks);
  }

  /** Whether this content says all from the block `from` on. */
  isSaidBy(content: Content, from: number): boolean {
    const blocks = blocksOf(content);
    return (
      amountsFrom(blocks)[0] === this.#amounts[from] && gistOf(this.blocks.slice(from)) === gistOf(blocks)
    );
  }

  /** Whether it says only the blocks that come first from there. */
  goesOnBehind(content: Content, from: number): boolean {
    const { length } = blocksOf(content);
    const end = from + length;
    return length > 0 && end < this.blocks.length && gistOf(this.blocks.slice(from, end)) === gistOf(content);
  }
}

/** Of the characters of text that pages give back, and the blocks that they always do. */
function amountsFrom(blocks: readonly ContentParam[]): number[] {
  const amounts = [0];
  for (const block of blocks.toReversed() as readonly Block[]) {
    const { type, text } = block;
    const isText = type === 'text' && String(text).trim() !== '';
    const own = isText ? String(text).length : Number(!sometimesLeftOut.has(type));
    amounts.push((amounts.at(-1) ?? 0) + own);
  }
  return amounts.toReversed();
}

const sometimesLeftOut: ReadonlySet<unknown> = new Set([
  'text',
  'thinking',
  'server_tool_use',
  'mcp_tool_use',
]);

/** What can follow a question that had no answer: the answer that said nothing, or, where that was under way when the
 * page asked on, the question itself. */
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

/** A page leaves out text of white space, and what an answer had begun and not ended when it paused: the API's own
 * calls without a result, thinking without a signature. */
function isGivenBack({ type, id, text, signature }: Block, answered: ReadonlySet<unknown>): boolean {
  if (type === 'text') return String(text).trim() !== '';
  if (type === 'thinking') return typeof signature === 'string' && signature !== '';
  return (type !== 'server_tool_use' && type !== 'mcp_tool_use') || answered.has(id);
}

function gistOfBlock({ type, id, tool_use_id, content, source }: Block): string {
  return JSON.stringify([type, id, tool_use_id, tool_use_id === undefined ? undefined : content, source]);
}
