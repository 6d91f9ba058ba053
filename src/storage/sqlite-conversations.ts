// Conversations in the file of a store, beside its streams. The tables are in open-sqlite-file.ts.

import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { defaultConversationLimits, haveParents, turnBytes } from './conversation-store.ts';
import type {
  ConversationChange,
  ConversationLimits,
  ConversationStore,
  ConversationSummary,
  ListLimits,
  NewTurns,
  PutResult,
  SettledTurn,
  StoredAnswer,
  StoredBlock,
  StoredConversation,
  StoredTurn,
} from './conversation-store.ts';

/** How the store of the file does something, with what else is done in the same turn of the event loop. */
export interface StoreAccess {
  change<Result>(work: () => Result): Promise<Result>;
  look<Result>(work: () => Result): Promise<Result>;
}

type Row = Record<string, SQLOutputValue>;

const summaryColumns = 'id, title, head, created_at, updated_at';

export class SqliteConversations implements ConversationStore {
  readonly #access: StoreAccess;
  readonly #limits: ConversationLimits;
  readonly #statements: Readonly<Record<keyof typeof queries, StatementSync>>;

  constructor(database: DatabaseSync, access: StoreAccess, limits: Partial<ConversationLimits> = {}) {
    this.#access = access;
    this.#limits = { ...defaultConversationLimits, ...limits };
    const prepared = Object.entries(queries).map(([name, sql]) => [name, database.prepare(sql)] as const);
    this.#statements = Object.fromEntries(prepared) as Record<keyof typeof queries, StatementSync>;
  }

  put(owner: string, id: string, turns: NewTurns): Promise<PutResult> {
    return this.#access.change(() => this.#put(owner, id, turns));
  }

  read(owner: string, id: string): Promise<StoredConversation | undefined> {
    return this.#access.look(() => {
      const row = this.#statements.find.get(owner, id);
      if (row === undefined) return undefined;
      const turns = this.#statements.turns.all(numberOf(row['number'])).map(toTurn);
      return { ...toSummary(row), turns };
    });
  }

  list(owner: string, { limit, after }: ListLimits): Promise<readonly ConversationSummary[]> {
    return this.#access.look(() => {
      const { id = '', updatedAt = Number.MAX_SAFE_INTEGER } = after ?? {};
      return this.#statements.list.all(owner, updatedAt, updatedAt, id, limit).map(toSummary);
    });
  }

  change(
    owner: string,
    id: string,
    { title, head, now }: ConversationChange,
  ): Promise<'changed' | 'gone' | 'no_turn'> {
    return this.#access.change(() => {
      const row = this.#statements.find.get(owner, id);
      if (row === undefined) return 'gone';
      const number = numberOf(row['number']);
      if (head !== undefined && this.#statements.turn.get(number, head) === undefined) return 'no_turn';
      this.#statements.change.run(title ?? null, head ?? null, now, number);
      return 'changed';
    });
  }

  delete(owner: string, id: string): Promise<readonly string[] | undefined> {
    return this.#access.change(() => {
      const row = this.#statements.find.get(owner, id);
      if (row === undefined) return undefined;
      const number = numberOf(row['number']);
      const answers = this.#statements.answers.all(number).map((turn) => String(turn['id']));
      this.#statements.deleteTurns.run(number);
      this.#statements.delete.run(number);
      return answers;
    });
  }

  settle(answerId: string, { content, answer }: SettledTurn): Promise<boolean> {
    return this.#access.change(() => {
      const bytes = turnBytes({ content });
      const turn = this.#statements.findOpen.get(answerId);
      if (turn === undefined) return false;
      this.#statements.grow.run(bytes - numberOf(turn['bytes']), numberOf(turn['conversation']));
      const json = JSON.stringify(content);
      return this.#statements.settle.run(json, bytes, JSON.stringify(answer), answerId).changes !== 0;
    });
  }

  isOpen(answerId: string): Promise<boolean> {
    return this.#access.look(() => this.#statements.findOpen.get(answerId) !== undefined);
  }

  open(): Promise<readonly string[]> {
    return this.#access.look(() => this.#statements.open.all().map(({ id }) => String(id)));
  }

  #put(owner: string, id: string, { turns, head, title, now }: NewTurns): PutResult {
    const row = this.#statements.find.get(owner, id);
    if (row === undefined && this.#hasAll(owner)) return 'full';
    // No conversation has this number.
    const known = row === undefined ? -1 : numberOf(row['number']);
    if (!haveParents(turns, (parent) => this.#statements.turn.get(known, parent) !== undefined))
      return 'no_parent';
    let bytes = row === undefined ? 0 : numberOf(row['bytes']);
    for (const turn of turns)
      bytes += turnBytes(turn) - numberOf(this.#statements.turn.get(known, turn.id)?.['bytes'] ?? 0);
    if (bytes > this.#limits.maxConversationBytes) return 'full';
    const number =
      row === undefined
        ? numberOf(this.#statements.insert.run(owner, id, title, now, now).lastInsertRowid)
        : known;
    for (const turn of turns) this.#statements.putTurn.run(...valuesOf(number, turn));
    this.#statements.setHead.run(head, now, bytes, number);
    return 'put';
  }

  #hasAll(owner: string): boolean {
    return numberOf(this.#statements.count.get(owner)?.['count']) >= this.#limits.maxConversations;
  }
}

const queries = {
  find: `SELECT number, bytes, ${summaryColumns} FROM conversation WHERE owner = ? AND id = ?`,
  count: 'SELECT count(*) AS count FROM conversation WHERE owner = ?',
  insert: `INSERT INTO conversation (owner, id, title, head, created_at, updated_at, bytes)
    VALUES (?, ?, ?, NULL, ?, ?, 0)`,
  setHead: 'UPDATE conversation SET head = ?, updated_at = ?, bytes = ? WHERE number = ?',
  change: `UPDATE conversation SET title = coalesce(?, title), head = coalesce(?, head), updated_at = ?
    WHERE number = ?`,
  grow: 'UPDATE conversation SET bytes = bytes + ? WHERE number = ?',
  list: `SELECT ${summaryColumns} FROM conversation
    WHERE owner = ? AND (updated_at < ? OR (updated_at = ? AND id > ?))
    ORDER BY updated_at DESC, id LIMIT ?`,
  delete: 'DELETE FROM conversation WHERE number = ?',
  deleteTurns: 'DELETE FROM turn WHERE conversation = ?',
  putTurn: `INSERT INTO turn
    (conversation, id, parent, role, content, bytes, created_at, is_open, answer, idempotency_key)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (conversation, id) DO UPDATE SET parent = excluded.parent, role = excluded.role,
      content = excluded.content, bytes = excluded.bytes, created_at = excluded.created_at,
      is_open = excluded.is_open, answer = excluded.answer, idempotency_key = excluded.idempotency_key`,
  turn: 'SELECT bytes FROM turn WHERE conversation = ? AND id = ?',
  turns: 'SELECT * FROM turn WHERE conversation = ? ORDER BY rowid',
  answers: `SELECT id FROM turn WHERE conversation = ? AND role = 'assistant'`,
  findOpen: 'SELECT conversation, bytes FROM turn WHERE id = ? AND is_open = 1',
  settle: 'UPDATE turn SET content = ?, bytes = ?, answer = ?, is_open = 0 WHERE id = ? AND is_open = 1',
  open: 'SELECT id FROM turn WHERE is_open = 1 ORDER BY rowid',
};

function valuesOf(number: number, turn: StoredTurn): SQLInputValue[] {
  const { id, parent, role, content, createdAt, isOpen, answer, key } = turn;
  const answerJson = answer === undefined ? null : JSON.stringify(answer);
  const json = JSON.stringify(content);
  const isOpenFlag = isOpen === true ? 1 : 0;
  return [number, id, parent, role, json, turnBytes(turn), createdAt, isOpenFlag, answerJson, key ?? null];
}

function toSummary(row: Row): ConversationSummary {
  return {
    id: String(row['id']),
    title: String(row['title']),
    head: textOf(row['head']) ?? null,
    createdAt: numberOf(row['created_at']),
    updatedAt: numberOf(row['updated_at']),
  };
}

function toTurn(row: Row): StoredTurn {
  const answer = textOf(row['answer']);
  const key = textOf(row['idempotency_key']);
  return {
    id: String(row['id']),
    parent: textOf(row['parent']) ?? null,
    role: row['role'] === 'assistant' ? 'assistant' : 'user',
    content: JSON.parse(String(row['content'])) as string | readonly StoredBlock[],
    createdAt: numberOf(row['created_at']),
    ...(row['is_open'] === 1 ? { isOpen: true as const } : {}),
    ...(answer === undefined ? {} : { answer: JSON.parse(answer) as StoredAnswer }),
    ...(key === undefined ? {} : { key }),
  };
}

function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: SQLOutputValue | undefined): number {
  return Number(value);
}
