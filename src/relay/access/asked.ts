// What a caller asks upstream for, as far as the relay has a say in it.

import { errorResponse } from '../http.ts';
import type { RelayResponse } from '../http.ts';
import type { RouteContext } from '../route-context.ts';
import { modelsIn } from './models-in.ts';
import { checkPageBody } from './page-rules.ts';

/** A Messages request as its JSON says it. Whatever is not looked at is upstream's to judge. */
export type MessagesBody = Readonly<Record<string, unknown>>;

/** The refusal of what the caller may not ask for. Throws RequestError for a field that a page may not set. */
export function askedRefusal(
  body: MessagesBody,
  { access, caller, isPage, settings }: Pick<RouteContext, 'access' | 'caller' | 'isPage' | 'settings'>,
): RelayResponse | undefined {
  const lapse = access.lapseOf(caller);
  if (lapse !== undefined) return lapse.response;
  const { pages } = access.rules;
  if (isPage && pages !== undefined) checkPageBody(body, pages, settings);
  const { models } = caller;
  if (models === undefined) return undefined;
  const other = modelsIn(body).findIndex((model) => !models.includes(model as string));
  if (other < 0) return undefined;
  const message = `model: this key may use ${models.join(', ')}, not ${JSON.stringify(modelsIn(body)[other])}`;
  return errorResponse(403, 'permission_error', message);
}
