// The real program, on an embedded store in a directory of its own, and what publishers and other readers do to it.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = process.env.SAWT_PROGRAM ?? fileURLToPath(new URL('../../target/debug/sawt', import.meta.url));

const ADMIN_KEY = 'a-newsroom-s-admin-key-0123456789abcdef';

/** The poll that started it, in its two languages. */
export const SEED = {
  ar: {
    question: 'هل تتوقع حل مجلس الأمة ؟',
    language: 'ar',
    options: [{ id: 'yes', label: 'نعم' }, { id: 'no', label: 'لا' }],
  },
  en: {
    question: 'Do you expect the National Assembly to be dissolved?',
    language: 'en',
    options: [{ id: 'yes', label: 'Yes' }, { id: 'no', label: 'No' }],
  },
};

/** Everything there is but the settings of whoever runs the tests. */
function environment(settings) {
  const rest = Object.entries(process.env).filter(([name]) => !name.startsWith('SAWT_'));
  return { ...Object.fromEntries(rest), ...settings };
}

/** One running replica. */
export class Sawt {
  #process;
  #directory;
  #log = [];
  #excused = [];
  #printed = [];
  #lines;
  #hasEnded = false;
  #ended;

  /** Starts `sawt serve`, or another command that serves, and waits until it is ready. */
  static async start(settings = {}, command = ['serve']) {
    if (!existsSync(program)) throw new Error(`${program} is missing: cargo build`);
    const sawt = new Sawt();
    sawt.#directory = mkdtempSync(join(tmpdir(), 'sawt-browser-'));
    sawt.#process = spawn(program, command, {
      cwd: sawt.#directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment({
        SAWT_LISTEN: '127.0.0.1:0',
        SAWT_OPS_LISTEN: 'off',
        SAWT_LOG: 'info',
        SAWT_LOG_FORMAT: 'json',
        SAWT_DRAIN_SECS: '0',
        SAWT_ADMIN_KEY: ADMIN_KEY,
        ...settings,
      }),
    });
    // A test run that dies leaves nothing behind.
    const kill = () => sawt.#process.kill('SIGKILL');
    process.once('exit', kill);
    sawt.#ended = new Promise((done) => {
      sawt.#process.once('exit', (code) => {
        process.off('exit', kill);
        sawt.#hasEnded = true;
        done(code);
      });
    });
    sawt.#lines = createInterface({ input: sawt.#process.stdout }).on('line', (line) => sawt.#printed.push(line));
    const address = await new Promise((found, failed) => {
      createInterface({ input: sawt.#process.stderr }).on('line', (line) => {
        sawt.#log.push(line);
        if (line.includes('"message":"listening"')) found(JSON.parse(line).address);
      });
      sawt.#ended.then(() => failed(new Error(`sawt ended instead of listening:\n${sawt.#log.join('\n')}`)));
    });
    sawt.origin = `http://${address}`;
    sawt.port = Number(address.split(':').at(-1));
    while ((await fetch(`${sawt.origin}/readyz`)).status !== 200);
    return sawt;
  }

  /** The operator's key. */
  get adminKey() {
    return ADMIN_KEY;
  }

  /** What it has printed so far. */
  get printed() {
    return this.#printed.join('\n');
  }

  /** Waits until it has printed something like this. */
  async prints(pattern) {
    for (;;) {
      const found = pattern.exec(this.printed);
      if (found) return found;
      if (this.#hasEnded) throw new Error(`sawt ended before it printed ${pattern}:\n${this.printed}`);
      await new Promise((printed) => {
        this.#lines.once('line', printed);
        this.#lines.once('close', printed);
      });
    }
  }

  /** Sends it a request that it must grant; the body of the answer. */
  async ask(method, path, body, authorization = `Bearer ${ADMIN_KEY}`) {
    const headers = { authorization, ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(this.origin + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return text && JSON.parse(text);
  }

  /** The same, again while a store that is busy gives no answer in time, as readers do. */
  async #askOn(...what) {
    for (;;) {
      try {
        return await this.ask(...what);
      } catch (error) {
        if (!error.message.includes('"status":503')) throw error;
        await new Promise((later) => setTimeout(later, 1000));
      }
    }
  }

  /** Makes a site that lists these origins; its id. */
  async site(origins = [], settings = {}) {
    const id = `site-${++sites}`;
    await this.ask('PUT', `/v1/sites/${id}`, { origins, ...settings });
    return id;
  }

  /** Makes a poll like the seed poll, with these members set. */
  async poll(members = {}) {
    return this.ask('POST', '/v1/polls', { ...SEED[members.language ?? 'ar'], ...members });
  }

  /** Closes a poll. */
  async close(poll) {
    return this.ask('POST', `/v1/polls/${poll.id}/close`);
  }

  /** Lets somebody else vote; `count` of them. */
  async vote(poll, choices, count = 1) {
    for (let voter = 0; voter < count; voter += 1) {
      const { voter: token } = await this.#askOn('POST', '/v1/voters', undefined, '');
      await this.#askOn('POST', `/v1/polls/${poll.id}/votes`, { choices }, `Voter ${token}`);
    }
  }

  /** A poll's tally. */
  async tally(poll) {
    return this.ask('GET', `/v1/polls/${poll.id}/results`);
  }

  /** An error that its log may tell, since the test is the cause. */
  excuse(message) {
    this.#excused.push(message);
  }

  /** Stops it, and looks whether anything went wrong inside. */
  async stop() {
    this.#process.kill('SIGTERM');
    const code = await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true });
    const wrong = this.#log
      .filter((line) => line.includes('"status":500') || line.includes('"level":"ERROR"'))
      .filter((line) => !this.#excused.some((message) => message.test(line)));
    if (code !== 0 || wrong.length > 0) throw new Error(`sawt ended with ${code}:\n${wrong.join('\n')}`);
  }
}

let sites = 0;
