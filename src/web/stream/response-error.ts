// An HTTP response that is not what was asked for, to the error it carries.

import { ApiError, parseErrorBody } from '../../protocol/index.ts';

/** Reads the body of a response whose status says no. Never throws: a body that cannot be read has no message. */
export async function responseError(response: Response): Promise<ApiError> {
  const { body, requestId } = await readError(response);
  const retryAfterMs = retryAfter(response.headers);
  return new ApiError(parseErrorBody(body), {
    status: response.status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

async function readError(response: Response): Promise<{ body: unknown; requestId: string | undefined }> {
  const requestId = response.headers.get('request-id') ?? undefined;
  const fallback = `HTTP ${response.status}`;
  const text = await response.text().catch((cause: unknown) => `${fallback}: ${String(cause)}`);
  try {
    const value = JSON.parse(text) as { error?: unknown; request_id?: unknown } | null;
    const id = typeof value?.request_id === 'string' ? value.request_id : requestId;
    return { body: value?.error ?? value ?? fallback, requestId: id };
  } catch {
    // A gateway's page and not the API's JSON: its first words say more than nothing.
    return { body: text.trim().slice(0, 200) || fallback, requestId };
  }
}

/** What `retry-after` asks for, in milliseconds: seconds or a date; `retry-after-ms` is the API's finer form. */
export function retryAfter(headers: Headers, nowMs: number = Date.now()): number | undefined {
  const fine = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (fine >= 0) return fine;
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const delayMs = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}
