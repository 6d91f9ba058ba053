// Answers for which the API runs commands in a container: in a shell, in Python as its first version did it, with an
// editor, and with a file that is left there.

import { textPart } from '../answer-part.ts';
import type { AnswerPart, BlockPart } from '../answer-part.ts';
import { createId } from '../ids.ts';
import type { JsonObject } from '../json-object.ts';
import type { Question } from '../question.ts';
import { createRandom } from '../random.ts';
import { askedErrorCode, explainError, resultOrError, serverCall } from './server-tool.ts';

const firstVersion = 'code_execution_20250522';

export function* codeExecution(question: Question): Generator<AnswerPart> {
  const { request, prompt } = question;
  const isPython = /\bpython\b/i.test(prompt) || request.offers.serverTools.some(isFirstVersion);
  yield textPart('I’ll calculate that.');
  yield* isPython ? inPython(question) : inShell(question, []);
  yield textPart(conclusion(question));
}

/** Creates a file, changes it, looks at it, and runs it. */
export function* textEditor(question: Question): Generator<AnswerPart> {
  yield textPart('I’ll write a script for that.');
  const creation = { type: 'text_editor_code_execution_create_result', is_file_update: false };
  yield* edit(question, { command: 'create', path, file_text: script }, creation);
  if (askedErrorCode(question) === undefined) {
    yield* edit(question, { command: 'str_replace', path, old_str: '0.80', new_str: '0.85' }, change);
    yield textPart('Now let me look at it and run it.');
    yield* edit(question, { command: 'view', path }, view);
    yield* inShell(question, []);
  }
  yield textPart(conclusion(question));
}

/** A command that leaves a file, and the file. */
export function* containerUpload(question: Question): Generator<AnswerPart> {
  const id = createId('file', createRandom('file'));
  yield textPart('I’ll make a file of it.');
  yield* inShell(question, [{ type: 'bash_code_execution_output', file_id: id }]);
  if (askedErrorCode(question) === undefined) {
    yield { type: 'block', block: { type: 'container_upload', file_id: id } };
  }
  yield textPart(conclusion(question));
}

function* inShell(question: Question, files: readonly JsonObject[]): Generator<BlockPart> {
  yield serverCall('bash_code_execution', { command: 'echo "9.81 * 0.3 * 4 * 0.85" | bc -l' });
  yield resultOrError(question, 'bash_code_execution', {
    type: 'bash_code_execution_result',
    stdout: '10.0062\n',
    stderr: '',
    return_code: 0,
    content: files,
  });
}

function* inPython(question: Question): Generator<BlockPart> {
  yield serverCall('code_execution', { code: 'print(round(9.81 * 0.3 * 4 * 0.85, 4))' });
  yield resultOrError(question, 'code_execution', {
    type: 'code_execution_result',
    stdout: '10.0062\n',
    stderr: '',
    return_code: 0,
    content: [],
  });
}

function* edit(question: Question, input: JsonObject, result: JsonObject): Generator<BlockPart> {
  yield serverCall('text_editor_code_execution', input);
  yield resultOrError(question, 'text_editor_code_execution', result);
}

function isFirstVersion({ type }: { readonly type: string }): boolean {
  return type === firstVersion;
}

function conclusion(question: Question): string {
  const code = askedErrorCode(question);
  if (code !== undefined) return explainError(code);
  return 'Nothing was run: the simulator has no container, and the output is always the same. The shaft has 10 kW.';
}

const path = '/tmp/shaft_power.py';
const script = 'efficiency = 0.80\nprint(9.81 * 0.3 * 4 * efficiency)\n';

const change = {
  type: 'text_editor_code_execution_str_replace_result',
  old_start: 1,
  old_lines: 2,
  new_start: 1,
  new_lines: 2,
  lines: ['-efficiency = 0.80', '+efficiency = 0.85', ' print(9.81 * 0.3 * 4 * efficiency)'],
};

const view = {
  type: 'text_editor_code_execution_view_result',
  file_type: 'text',
  content: script.replace('0.80', '0.85'),
  num_lines: 2,
  start_line: 1,
  total_lines: 2,
};
