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
  for (const block of content as readonly Readonly<Record<string, unknown>>[]) {
    if (block['type'] === 'text') text += String(block['text']);
    else {
      endText();
      gist.push(gistOfBlock(block));
    }
  }
  endText();
  return JSON.stringify(gist);
}

function gistOfBlock({ type, id, tool_use_id, content, source }: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([type, id, tool_use_id, tool_use_id === undefined ? undefined : content, source]);
}
