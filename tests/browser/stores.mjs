// Stores that a copy can be made of and put back: what they were told since is lost. Each with a service on it, whose
// address stays the same.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from './ports.mjs';
import { Sawt } from './sawt.mjs';

/** What the service says of a store that was put back, if a log had begun. */
const SET_BACK = /the store is behind a checkpoint/;

export const SAWT_SECRET = 'a-secret-that-outlives-its-store-0123456789';

/** A SQLite file. What is put back is there once the service was started again: nobody but readers knows better then. */
export class FileStore {
  #directory = mkdtempSync(join(tmpdir(), 'sawt-store-'));

  static async open() {
    const store = new FileStore();
    store.sawt = await store.#serve('127.0.0.1:0');
    return store;
  }

  async keep() {
    for (const part of ['', '-wal']) copyFileSync(this.#file(part), this.#file(`${part}.kept`));
  }

  async putBack() {
    const { port } = this.sawt;
    await this.sawt.stop();
    for (const part of ['', '-wal']) copyFileSync(this.#file(`${part}.kept`), this.#file(part));
    this.sawt = await this.#serve(`127.0.0.1:${port}`);
    this.sawt.excuse(SET_BACK);
  }

  async close() {
    await this.sawt.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #file(part) {
    return join(this.#directory, `sawt.db${part}`);
  }

  #serve(SAWT_LISTEN) {
    return Sawt.start({ SAWT_STORE: `sqlite:${this.#file('')}`, SAWT_SECRET, SAWT_LISTEN });
  }
}

/** A Redis that is killed and started again. The service goes on meanwhile. */
export class RedisStore {
  #directory = mkdtempSync(join(tmpdir(), 'sawt-store-'));
  #port;
  #process;

  static async open(settings = {}) {
    const store = new RedisStore();
    store.#port = await freePort();
    await store.#start();
    store.sawt = await Sawt.start({ SAWT_STORE: store.address, SAWT_SECRET, ...settings });
    return store;
  }

  get address() {
    return `redis://127.0.0.1:${this.#port}`;
  }

  async keep() {
    await this.#ask('SAVE');
  }

  async putBack() {
    this.sawt.excuse(SET_BACK);
    await this.#kill();
    await this.#start();
  }

  async close() {
    await this.sawt.stop();
    await this.#kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start() {
    const options = ['--port', this.#port, '--bind', '127.0.0.1', '--dir', this.#directory, '--save', '', '--appendonly', 'no'];
    this.#process = spawn('redis-server', options, { stdio: 'ignore' });
    process.once('exit', () => this.#process.kill('SIGKILL'));
    while ((await this.#ask('PING').catch(() => '')) !== '+PONG\r\n') await new Promise((soon) => setTimeout(soon, 20));
  }

  async #kill() {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async #ask(command) {
    const socket = connect(this.#port, '127.0.0.1');
    socket.setEncoding('latin1').write(`${command}\r\n`);
    const [answer] = await once(socket, 'data');
    socket.destroy();
    return answer;
  }
}
