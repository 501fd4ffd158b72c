// Ports of this machine.

import { connect, createServer } from 'node:net';

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Whether somebody listens there. */
export const isListening = (port) =>
  new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => done(true) || socket.destroy());
    socket.on('error', () => done(false));
  });
