// What a conversation consists of.

import type { Answer } from './answer.ts';

export interface Question {
  readonly type: 'question';
  readonly key: string;
  readonly text: string;
}

export type Turn = Question | Answer;
