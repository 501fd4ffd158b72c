// Asking the service. A status of 0 is no answer. Cookies are never sent.

// Where this script came from, and so the service.
export const HOME = new URL(import.meta.url).origin;

export async function ask(from, path, { voter, ...options } = {}) {
  const headers = { ...(voter && { authorization: `Voter ${voter}` }), ...(options.body && { 'content-type': 'application/json' }) };
  try {
    const answer = await fetch(from + path, { credentials: 'omit', headers, ...options });
    const text = await answer.text();
    const wait = Number(answer.headers.get('retry-after')) || 0;
    const isJson = /json/.test(answer.headers.get('content-type'));
    return { status: answer.status, wait, text, body: isJson ? JSON.parse(text) : {} };
  } catch {
    return { status: 0, wait: 0, body: {} };
  }
}

// Two polls that are voted on at once get one voter.
export const minting = {};
