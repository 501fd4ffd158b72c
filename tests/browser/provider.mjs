// A real OpenID Connect provider on this machine, and somebody at it without a browser: the requests that one would send.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

/** Who there is: the name they sign in with is the provider's name for them. */
const PEOPLE = {
  huda: { name: 'هدى العلي', groups: ['editors', 'chess'] },
  salem: { name: 'سالم', groups: ['chess'] },
  ops: { name: 'منيرة', groups: ['ops'] },
};

/** A new key to sign with. */
const key = () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomUUID() };
};

/** One running provider that knows sawt at an address. */
export class IdentityProvider {
  #server;
  #callback;

  static async start(newsroom) {
    const provider = new IdentityProvider();
    provider.#server = createServer((req, res) => provider.#callback(req, res));
    await new Promise((listening) => provider.#server.listen(0, '127.0.0.1', listening));
    provider.issuer = `http://127.0.0.1:${provider.#server.address().port}`;
    provider.newsroom = newsroom;
    provider.rotate();
    return provider;
  }

  /** Signs with another key from now on, and knows the one before no more. */
  rotate() {
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: 'sawt', client_secret: 'canary-oidc-secret', redirect_uris: [`${this.newsroom}/newsroom/oidc/callback`] }],
      jwks: { keys: [key()] },
      cookies: { keys: ['a-key-of-the-provider'] },
      claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: true } },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
    });
    this.#callback = provider.callback();
  }

  /** The settings by which sawt knows it. */
  get settings() {
    return {
      SAWT_OIDC_ISSUER: this.issuer,
      SAWT_OIDC_CLIENT_ID: 'sawt',
      SAWT_OIDC_CLIENT_SECRET: 'canary-oidc-secret',
      SAWT_OIDC_SCOPES: 'openid profile groups',
      SAWT_OIDC_ROLES: 'editors=editor@default, ops=admin@*',
      SAWT_OIDC_NAME: 'الراي',
    };
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

/** Somebody with cookies and no browser. */
export class Visitor {
  #cookies = new Map();

  /** Asks once, and follows nothing. */
  async ask(url, form) {
    const { origin } = new URL(url);
    const held = [...(this.#cookies.get(origin) ?? new Map())].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form && new URLSearchParams(form);
    const headers = { cookie: held, 'accept-language': 'ar', ...(form && { origin, 'sec-fetch-site': 'same-origin' }) };
    const answer = await fetch(url, { method: form ? 'POST' : 'GET', body, headers, redirect: 'manual' });
    const jar = this.#cookies.get(origin) ?? new Map();
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split(/=(.*)/s);
      if (value && !/max-age=0/i.test(line)) jar.set(name, value);
      else jar.delete(name);
    }
    this.#cookies.set(origin, jar);
    const location = answer.headers.get('location');
    return { status: answer.status, text: await answer.text(), location: location && new URL(location, url).href };
  }

  /** Goes on to wherever it is led, until it is led to such an address or nowhere. */
  async follow(url, until = /^$/) {
    for (;;) {
      if (until.test(url)) return { location: url };
      const answer = await this.ask(url);
      if (!answer.location) return { ...answer, url };
      url = answer.location;
    }
  }

  /** Signs in at the provider from its login page, and agrees to whatever it asks; what sawt is to be sent then. */
  async signInAt(address, name) {
    const back = /\/newsroom\/oidc\/callback/;
    let page = await this.follow(address, back);
    while (page.text) {
      const [, action] = /action="([^"]*)"/.exec(page.text);
      const [, prompt] = /name="prompt" value="([^"]*)"/.exec(page.text);
      const sent = await this.ask(new URL(action, page.url).href, { prompt, login: name, password: 'any' });
      page = await this.follow(sent.location, back);
    }
    return page.location;
  }

  /** What it holds for an origin. */
  cookies(origin) {
    return new Map(this.#cookies.get(origin));
  }

  /** Holds this again. */
  hold(origin, cookies) {
    this.#cookies.set(origin, new Map(cookies));
  }
}
