// HAProxy as deploy/haproxy-path.cfg sets it up, with TLS: the news site at the root of the host, and the service under a path
// of it, which is stripped.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { isListening } from './nginx.mjs';

const SHIPPED = new URL('../../deploy/haproxy-path.cfg', import.meta.url);

/** What `deploy/` has, in which this, so many times, is that. */
function shipped(changes) {
  let text = readFileSync(SHIPPED, 'utf8');
  for (const [from, times, to] of changes) {
    assert.equal(text.split(from).length - 1, times, `${from} in ${SHIPPED.pathname}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** HAProxy, in front of a publisher and of the service at `/polls`. */
export class Haproxy {
  static scheme = 'https';

  #process;
  #directory;

  /**
   * @param port where it listens
   * @param site the publisher's port
   * @param mounts the service's `port`
   */
  static async start(port, site, [service]) {
    assert.deepEqual([service.path, service.isKept], ['/polls', false]);
    const haproxy = new Haproxy();
    haproxy.#directory = mkdtempSync(join(tmpdir(), 'sawt-haproxy-'));
    const [certificate, configuration] = ['own.pem', 'haproxy.cfg'].map((name) => join(haproxy.#directory, name));
    // One that nobody vouches for: readers are told to take it. HAProxy wants the key in the same file.
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=news.example'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', certificate, '-out', `${certificate}.crt`],
    ], { stdio: 'pipe' });
    writeFileSync(certificate, readFileSync(`${certificate}.crt`), { flag: 'a' });
    writeFileSync(configuration, shipped([
      ['    bind :80\n', 1, `    bind 127.0.0.1:${port} ssl crt ${certificate}\n`],
      ['    log stdout format raw local0\n', 1, ''],
      ['127.0.0.1:8000', 1, `127.0.0.1:${site}`],
      ['127.0.0.1:8080', 2, `127.0.0.1:${service.port}`],
      // A machine that pauses takes no replica away.
      [' fall 2 ', 1, ' fall 60 '],
    ]));
    const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin'].join(delimiter) };
    // Its warnings are of its defaults: they are shown where it does not start.
    haproxy.#process = spawn('haproxy', ['-db', '-f', configuration], { stdio: ['ignore', 'ignore', 'pipe'], env });
    let said = '';
    haproxy.#process.stderr.on('data', (text) => (said += text));
    // A test run that dies leaves nothing behind.
    const kill = () => haproxy.#process.kill('SIGKILL');
    process.once('exit', kill);
    let ended;
    haproxy.#process.once('error', (error) => (ended = error));
    haproxy.#process.once('exit', (code) => {
      process.off('exit', kill);
      ended ??= new Error(`haproxy ended with ${code}: ${said}`);
    });
    while (!(await isListening(port))) if (ended) throw ended;
    return haproxy;
  }

  async close() {
    const ended = new Promise((done) => this.#process.once('exit', done));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
