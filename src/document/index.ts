// The door of document: what people write by hand for a program, read with its places and checked against a shape.

export { closestName } from './closest-name.ts';
export { parseDocument } from './parse-document.ts';
export { listOfProblems, problemText } from './problem.ts';
export type { Path, Problem } from './problem.ts';
export {
  flag,
  integerFrom,
  isObject,
  listOf,
  objectOf,
  oneOf,
  orNull,
  problemsOf,
  reportUnknown,
  show,
  text,
  where,
} from './shape.ts';
export type { Fields, Shape, Spot } from './shape.ts';
