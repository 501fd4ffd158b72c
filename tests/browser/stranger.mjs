// Somebody between the reader and the service who answers in its place: a proxy, a firewall, a captive portal.

import { createServer, request } from 'node:http';

// For pages of other origins too: what a page may not read it can't be fooled by.
const READABLE = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' };

const html = (status, text) => ({ status, type: 'text/html', body: `<!doctype html><title>${text}</title><p>${text}` });
const json = (status, body, type = 'application/json') => ({ status, type, body: JSON.stringify(body) });

/** What strangers have been seen to answer, by what one would call it. */
export const ANSWERS = {
  'a page of its own': html(200, 'Checking your browser'),
  'nothing at all': { status: 200, body: '' },
  'JSON of its own': json(200, { ok: true }),
  'JSON that is no object': json(200, null),
  'a receipt for another poll': json(201, { poll: '01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21', choices: ['yes'] }),
  'no content': { status: 204 },
  'bad request': html(400, 'Bad Request'),
  'unauthorized': { ...html(401, 'Log in'), headers: { 'www-authenticate': 'Negotiate' } },
  'forbidden': html(403, 'Blocked'),
  'forbidden, as JSON': json(403, { code: 'origin-refused' }),
  'not found': html(404, 'Not Found'),
  'not found, as a problem of its own': json(404, { type: 'about:blank', status: 404, code: 'not-found' }, 'application/problem+json'),
  'method not allowed': html(405, 'Method Not Allowed'),
  'conflict': html(409, 'Conflict'),
  'too large': html(413, 'Request Entity Too Large'),
  'unprocessable': json(422, { error: 'unprocessable' }),
  'too many requests': { ...html(429, 'Slow down'), headers: { 'retry-after': '86400' } },
  'an error': html(500, 'Internal Server Error'),
  'bad gateway': html(502, 'Bad Gateway'),
  'unavailable': { ...html(503, 'Maintenance'), headers: { 'retry-after': '86400' } },
};

/** It takes the request, and says nothing. */
export const SILENCE = { silence: 'all' };
/** It says that an answer comes, and sends no more. */
export const HEAD_ONLY = { silence: 'body', ...json(200, {}) };

/** A relay of HTTP to a replica that answers some requests itself. */
export class Stranger {
  #server;
  #lie;
  #waiting = [];
  #seen = [];

  /** Comes between readers and this replica. */
  static async before({ port }) {
    const stranger = new Stranger();
    stranger.#server = createServer((near, answer) => stranger.#take(near, answer, port));
    await new Promise((listening) => stranger.#server.listen(0, '127.0.0.1', listening));
    stranger.origin = `http://127.0.0.1:${stranger.#server.address().port}`;
    return stranger;
  }

  /** Answers requests whose method and path match this in the service's place, `count` of them, and no others. */
  answers(pattern, answer, count = Infinity) {
    this.#lie = { pattern, answer, count };
  }

  /** Leaves all to the service from now on. */
  goes() {
    this.#lie = undefined;
  }

  /** How many requests whose method and path match this have come. */
  asked(pattern) {
    return this.#seen.filter((asked) => pattern.test(asked)).length;
  }

  /** Waits until so many have. */
  async isAsked(pattern, count = 1) {
    while (this.asked(pattern) < count) await new Promise((seen) => this.#waiting.push(seen));
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  #take(near, answer, port) {
    const asked = `${near.method} ${near.url}`;
    if (this.#lie?.count > 0 && this.#lie.pattern.test(asked)) {
      this.#lie.count -= 1;
      this.#answer(near, answer, this.#lie.answer);
    } else this.#relay(near, answer, port);
    this.#seen.push(asked);
    for (const seen of this.#waiting.splice(0)) seen();
  }

  #answer(near, answer, { status, type, body = '', headers, silence }) {
    near.resume();
    if (silence === 'all') return;
    answer.writeHead(status, { ...READABLE, ...(type && { 'content-type': type }), ...headers });
    if (silence) answer.write('{"poll":');
    else answer.end(body);
  }

  #relay(near, answer, port) {
    const far = request({ port, path: near.url, method: near.method, headers: near.headers }, (far) => {
      answer.writeHead(far.statusCode, far.headers);
      answer.flushHeaders();
      far.pipe(answer);
      far.on('error', () => answer.destroy());
    });
    // Whoever leaves a stream leaves it on both sides.
    answer.on('close', () => far.destroy());
    far.on('error', () => answer.destroy());
    near.pipe(far);
  }
}
