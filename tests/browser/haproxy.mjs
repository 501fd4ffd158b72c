// HAProxy as deploy/haproxy-path.cfg sets it up, with TLS: the news site at the root of the host, and the service under a path
// of it, which is stripped.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Proxy } from './proxy.mjs';

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
export class Haproxy extends Proxy {
  static scheme = 'https';

  /**
   * @param port where it listens
   * @param site the publisher's port
   * @param mounts the service's `port`
   */
  static async start(port, site, [service]) {
    assert.deepEqual([service.path, service.isKept], ['/polls', false]);
    const haproxy = new Haproxy('haproxy');
    const [certificate, configuration] = ['own.pem', 'haproxy.cfg'].map((name) => join(haproxy.directory, name));
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
    // Its warnings are of its defaults: they are shown where it does not start.
    await haproxy.run(['-db', '-f', configuration], port, ['ignore', 'ignore', 'pipe']);
    return haproxy;
  }
}
