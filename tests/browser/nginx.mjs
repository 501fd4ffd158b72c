// A news site's own nginx: the site itself at the root of the host, and services under paths of it, each of which it strips
// or keeps.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Proxy } from './proxy.mjs';

/** nginx, in front of a publisher and of services. */
export class Nginx extends Proxy {
  static scheme = 'http';

  /**
   * @param port where it listens
   * @param site the publisher's port
   * @param mounts each service's `path` and `port`, and whether the path `isKept`
   */
  static async start(port, site, mounts) {
    const nginx = new Nginx('nginx');
    const locations = mounts.map(({ path, port, isKept }) => `
      location ${path}/ { proxy_pass http://127.0.0.1:${port}${isKept ? '' : '/'}; }`);
    writeFileSync(join(nginx.directory, 'nginx.conf'), `
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
    await nginx.run(['-p', nginx.directory, '-e', 'stderr', '-c', 'nginx.conf'], port, 'inherit');
    return nginx;
  }
}
