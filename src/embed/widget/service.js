// Asking the service, and knowing its answers: a proxy, a firewall or a captive portal may answer in its place, with
// whatever status and body, or take the request and say nothing. Cookies are never sent.

import { SECOND, pause, sleep } from './time.js';

// How long an answer may take, from the first byte of the request to the last of the body.
export const PATIENCE = 15 * SECOND;

// `body` is there if the service itself answered, and is JSON that `is` takes, or a problem, whose `code` is then there
// too. Without it nothing was answered, whatever the status says. `wait` is the service's wish, in seconds.
export async function ask(from, path, { is, signal, ...options } = {}) {
  const control = new AbortController();
  const end = () => control.abort();
  const deadline = setTimeout(end, PATIENCE);
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  try {
    const answer = await fetch(from + path, { credentials: 'omit', ...options, signal: control.signal });
    return await read(answer, is);
  } catch {
    return { status: 0, wait: 0 };
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', end);
  }
}

// Asks as this voter. A body goes as the text it is, and names them: so the browser need not ask whether it may, and no token
// stands in an address.
export const as = (voter) => voter && { method: 'POST', body: `{"voter":"${voter}"}` };

// An answer, read to its end.
export async function read(answer, is) {
  const text = await answer.text();
  const { ok, status } = answer;
  const wait = Number(answer.headers.get('retry-after')) || 0;
  const isProblem = !ok && /^application\/problem\+json/.test(answer.headers.get('content-type'));
  let body;
  try {
    if (isProblem || (ok && is)) body = JSON.parse(text);
  } catch {
    // It looked like ours, and is not.
  }
  if (isProblem && body?.code && body.type === `urn:sawt:problem:${body.code}`) return { status, wait, body, code: body.code };
  return { status, wait, body: ok && body && is(body) ? body : undefined };
}

// Whether an answer settles what was asked: it is the service's own, and does not say to come again.
export const isFinal = ({ status, body }) => body && status !== 408 && status !== 429 && status < 500;

// Asks until there is such an answer, or nobody wants to know any more.
export async function askOn(from, path, options, isWanted) {
  for (let tries = 0; isWanted(); tries += 1) {
    const answer = await ask(from, path, options);
    if (isFinal(answer)) return answer;
    await sleep(pause(tries, answer.body && answer.wait));
  }
  return {};
}
