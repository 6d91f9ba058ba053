// What a module imports, read from its syntax tree: words in comments and strings are not imports, and imports
// of types, `import('…')` in a type, and dynamic imports are.

import { parseSync } from 'vite';

export interface Import {
  /** As it is written, or undefined when it is not a literal, so that nobody can tell before it runs. */
  readonly specifier: string | undefined;
  /** From 1. */
  readonly line: number;
}

/** The field that names the module, by type of node. */
const sourceFields: Readonly<Record<string, string>> = {
  ExportAllDeclaration: 'source',
  ExportNamedDeclaration: 'source',
  ImportDeclaration: 'source',
  ImportExpression: 'source',
  TSExternalModuleReference: 'expression',
  TSImportType: 'source',
};

type SyntaxNode = Readonly<Record<string, unknown>>;

/** Throws a SyntaxError that names the file when the text cannot be parsed. */
export function findImports(file: string, text: string): readonly Import[] {
  const { program, errors } = parseSync(file, text);
  const [error] = errors;
  if (error !== undefined) throw new SyntaxError(`Cannot parse ${file}: ${error.message}`);
  const imports: Import[] = [];
  visit(program, (node) => {
    const source = node[sourceFields[String(node['type'])] ?? ''];
    // A plain `export { a }` has no source.
    if (!isNode(source)) return;
    const { type, value } = source;
    const specifier = type === 'Literal' && typeof value === 'string' ? value : undefined;
    imports.push({ specifier, line: text.slice(0, Number(node['start'])).split('\n').length });
  });
  return imports;
}

function visit(node: unknown, enter: (node: SyntaxNode) => void): void {
  if (!isNode(node)) return;
  enter(node);
  for (const child of Object.values(node)) visit(child, enter);
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null;
}
