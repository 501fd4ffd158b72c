// The wire between a reader and the service: it can be cut at the moment that hurts.

import { connect, createServer } from 'node:net';

/** A relay of TCP connections to a port of this host, which reads what passes. */
export class Wire {
  #server;
  #sockets = new Set();
  #isCut = false;
  #losing = false;

  /** How many votes went through to the service. */
  votes = 0;

  /** Opens a wire to this port. */
  static async to(port) {
    const wire = new Wire();
    wire.#server = createServer((near) => wire.#join(near, port));
    await new Promise((listening) => wire.#server.listen(0, '127.0.0.1', listening));
    wire.origin = `http://127.0.0.1:${wire.#server.address().port}`;
    return wire;
  }

  /** From now on nothing passes: connections end, and no new one is taken. */
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends a cut. */
  mend() {
    this.#isCut = false;
    this.#losing = false;
  }

  /** Lets the next vote through, and loses the wire when its answer comes. Resolves when that has happened. */
  loseNextAnswer() {
    this.#losing = true;
    return new Promise((lost) => {
      this.lost = lost;
    });
  }

  /** Closes it for good. */
  async close() {
    this.cut();
    await new Promise((closed) => this.#server.close(closed));
  }

  #join(near, port) {
    if (this.#isCut) {
      near.destroy();
      return;
    }
    const far = connect({ port, host: '127.0.0.1' });
    let isVoting = false;
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // Whatever ends one side ends the other: an error is how a cut looks from here.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    near.on('data', (bytes) => {
      if (/^POST \/v1\/polls\/[^/ ]+\/votes /m.test(bytes.toString('latin1'))) {
        this.votes += 1;
        isVoting = true;
      }
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (isVoting && this.#losing) {
        this.cut();
        this.lost();
        return;
      }
      near.write(bytes);
    });
  }
}
