// A news site's own nginx: the site itself at the root of the host, and services under paths of it, each of which it strips
// or keeps.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

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

/** nginx, in front of a publisher and of services. */
export class Nginx {
  static scheme = 'http';

  #process;
  #directory;

  /**
   * @param port where it listens
   * @param site the publisher's port
   * @param mounts each service's `path` and `port`, and whether the path `isKept`
   */
  static async start(port, site, mounts) {
    const nginx = new Nginx();
    nginx.#directory = mkdtempSync(join(tmpdir(), 'sawt-nginx-'));
    const locations = mounts.map(({ path, port, isKept }) => `
      location ${path}/ { proxy_pass http://127.0.0.1:${port}${isKept ? '' : '/'}; }`);
    writeFileSync(join(nginx.#directory, 'nginx.conf'), `
      daemon off; master_process off; pid nginx.pid; error_log stderr crit;
      events {}
      http {
        access_log off;
        client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
        scgi_temp_path scgi;
        proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
        server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${site}; }${locations.join('')}
        }
      }`);
    const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin'].join(delimiter) };
    nginx.#process = spawn('nginx', ['-p', nginx.#directory, '-e', 'stderr', '-c', 'nginx.conf'], { stdio: 'inherit', env });
    // A test run that dies leaves nothing behind.
    const kill = () => nginx.#process.kill('SIGKILL');
    process.once('exit', kill);
    let ended;
    nginx.#process.once('error', (error) => (ended = error));
    nginx.#process.once('exit', (code) => {
      process.off('exit', kill);
      ended ??= new Error(`nginx ended with ${code}`);
    });
    while (!(await isListening(port))) if (ended) throw ended;
    nginx.origin = `http://127.0.0.1:${port}`;
    return nginx;
  }

  async close() {
    const ended = new Promise((done) => this.#process.once('exit', done));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
