// A real proxy in front of the news site and the service: its program, run in a directory of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { isListening } from './ports.mjs';

/** One proxy. */
export class Proxy {
  #program;
  #process;

  /** @param program its name */
  constructor(program) {
    this.#program = program;
    this.directory = mkdtempSync(join(tmpdir(), `sawt-${program}-`));
  }

  /** Starts it, and waits until it listens at this port. What it says on a piped standard error is told if it ends before. */
  async run(args, port, stdio) {
    const program = this.#program;
    const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin'].join(delimiter) };
    const running = (this.#process = spawn(program, args, { stdio, env }));
    let said = '';
    running.stderr?.on('data', (text) => (said += text));
    // A test run that dies leaves nothing behind.
    const kill = () => running.kill('SIGKILL');
    process.once('exit', kill);
    let ended;
    running.once('error', (error) => (ended = error));
    running.once('exit', (code) => {
      process.off('exit', kill);
      ended ??= new Error(`${program} ended with ${code}: ${said}`);
    });
    while (!(await isListening(port))) if (ended) throw ended;
  }

  async close() {
    const ended = new Promise((done) => this.#process.once('exit', done));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
