// A page cache that was set up without a thought: what it has of a poll's page it serves for ever, to everybody.

import { createServer, request } from 'node:http';

/** A cache in front of the service. */
export class PageCache {
  #server;
  #kept = new Map();

  /** How many pages it has served that it had kept. */
  served = 0;

  /** Opens a cache in front of this replica. */
  static async before({ port }) {
    const cache = new PageCache();
    cache.#server = createServer((near, answer) => cache.#relay(near, answer, port));
    await new Promise((listening) => cache.#server.listen(0, '127.0.0.1', listening));
    cache.origin = `http://127.0.0.1:${cache.#server.address().port}`;
    return cache;
  }

  /** Fills it with a poll's page as it is now. */
  async keep(poll) {
    await (await fetch(`${this.origin}/embed/${poll.id}`)).text();
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  #relay(near, answer, port) {
    const [path] = near.url.split('?');
    const isPage = near.method === 'GET' && /^\/embed\/[0-9a-f-]{36}$/.test(path);
    const kept = this.#kept.get(path);
    if (isPage && kept) {
      this.served += 1;
      answer.writeHead(200, kept.headers).end(kept.body);
      return;
    }
    const far = request({ port, path: near.url, method: near.method, headers: near.headers }, (far) => {
      answer.writeHead(far.statusCode, far.headers);
      const body = [];
      if (isPage) {
        far.on('data', (bytes) => body.push(bytes));
        far.on('end', () => this.#kept.set(path, { headers: far.headers, body: Buffer.concat(body) }));
      }
      far.pipe(answer);
      far.on('error', () => answer.destroy());
    });
    // Whoever leaves a stream leaves it on both sides.
    answer.on('close', () => far.destroy());
    far.on('error', () => answer.destroy());
    near.pipe(far);
  }
}
