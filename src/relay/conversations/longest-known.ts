// How much of what a page sends is in the conversation already.

import type { MessageParam } from '../../client/index.ts';
import type { StoredTurn } from '../../storage/index.ts';

/** The turns that say what the first messages say, each behind the one before: as many as there are, and of several
 * branches the one that came last. */
export function longestKnown(turns: readonly StoredTurn[], messages: readonly MessageParam[]): StoredTurn[] {
  let branches: StoredTurn[][] = [[]];
  for (const { role, content } of messages) {
    const said = gistOf(content);
    const longer = branches.flatMap((branch) => {
      const parent = branch.at(-1)?.id ?? null;
      return turns
        .filter((turn) => turn.parent === parent && turn.role === role && gistOf(turn.content) === said)
        .map((turn) => branch.concat(turn));
    });
    if (longer.length === 0) break;
    branches = longer;
  }
  return branches.at(-1) ?? [];
}

type Block = Readonly<Record<string, unknown>>;

/**
 * What a turn says, however it is written: a page has its messages in another form, and gives back less than came. Text
 * as one, calls by their ids, results by theirs with what they say, all else by its kind.
 */
function gistOf(content: MessageParam['content'] | StoredTurn['content']): string {
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
