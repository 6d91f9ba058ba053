// From the tree of a conversation to the messages of the next request.

import type { MessageParam } from '../../client/index.ts';
import type { StoredTurn } from '../../storage/index.ts';

/** The turns from the first one to `leaf`; those of no turn are none. */
export function branchTo(turns: readonly StoredTurn[], leaf: string | null): StoredTurn[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const branch: StoredTurn[] = [];
  // Taken out as it goes: a turn that names itself as its parent, by whatever hand, ends the branch.
  for (let id = leaf; id !== null;) {
    const turn = byId.get(id);
    if (turn === undefined) break;
    byId.delete(id);
    branch.push(turn);
    id = turn.parent;
  }
  return branch.toReversed();
}

/** What is sent of a branch: nothing that the API would refuse, and nothing empty. */
export function messagesOf(branch: readonly StoredTurn[]): MessageParam[] {
  const leftOut = new Set<StoredTurn | undefined>();
  for (const [index, turn] of branch.entries()) {
    if (turn.answer?.leftOut === undefined) continue;
    leftOut.add(turn);
    const question = branch[index - 1];
    if (question?.role === 'user') leftOut.add(question);
  }
  return branch.flatMap((turn) => {
    const { role, content } = turn;
    return leftOut.has(turn) || content.length === 0 ? [] : [{ role, content }];
  });
}
