// A receiver of webhooks: a real server on this machine, which believes what is signed and answers as receivers do.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';

/** By Standard Webhooks 1.0. */
function isSigned(headers, body, secret) {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const wanted = Buffer.from(createHmac('sha256', key).update(signed).digest('base64'));
  const given = headers['webhook-signature'].split(' ').map((one) => Buffer.from(one.replace('v1,', '')));
  return given.some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
}

/** One running receiver. */
export class Receiver {
  /** The settings by which sawt sends to this machine. */
  static SETTINGS = { SAWT_WEBHOOK_NETWORKS: '127.0.0.0/8' };

  #server;
  #came = new EventEmitter();
  #events = new Map();
  /** What its events are signed with, once that is known. */
  secret;

  static async start() {
    const receiver = new Receiver();
    receiver.#server = createServer(async (req, res) => {
      let body = '';
      for await (const chunk of req.setEncoding('utf8')) body += chunk;
      const isGood = receiver.secret && isSigned(req.headers, body, receiver.secret);
      if (isGood) receiver.#events.set(req.headers['webhook-id'], JSON.parse(body));
      res.writeHead(isGood ? 204 : 400).end();
      receiver.#came.emit('event');
    });
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    receiver.url = `http://127.0.0.1:${receiver.#server.address().port}/hook`;
    return receiver;
  }

  /** What came, each event once, in the order of the log; as soon as it is so much. */
  async events(count) {
    while (this.#events.size < count) await once(this.#came, 'event');
    return [...this.#events.values()].sort((one, other) => (one.data.id < other.data.id ? -1 : 1));
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
