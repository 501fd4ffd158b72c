// A news site that embeds polls. Its pages are of another origin than the service, and of another site: browsers know
// it by `localhost`, and the service by 127.0.0.1. They are as strict as a careful publisher's pages: nothing but what
// comes from the two, no inline script, and no inline style but their own.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const TEXT = {
  ar: {
    title: 'المجلس يستأنف جلساته غدًا',
    body: 'يستأنف المجلس جلساته صباح غد، وعلى جدول أعماله تقرير اللجنة المالية وطلبات المناقشة.',
  },
  en: {
    title: 'The assembly sits again tomorrow',
    body: 'The assembly sits again tomorrow morning, with the report of its finance committee on the agenda.',
  },
};

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0 auto; max-inline-size: 60rem; padding: 1rem; font: 1rem/1.6 sans-serif; }
/* Room for the poll before it is there, as for any picture. */
aside { min-block-size: 28rem; }
iframe { border: 0; inline-size: 100%; }
`;
// In the page itself: a frame that is there before the page's style is narrow at first, tells how high it is so, and
// moves what is below it when the style comes.
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

// What a publisher does with the height that a frame tells, and what WordPress does with it.
const FRAMES = `
addEventListener('message', (event) => {
  const frame = [...document.querySelectorAll('iframe')].find((frame) => frame.contentWindow === event.source);
  if (!frame || !event.data) return;
  const { sawt, message, value, secret } = event.data;
  if (sawt && sawt.v === 1 && sawt.type === 'height') frame.height = sawt.height;
  if (message === 'height' && secret === frame.dataset.secret) frame.height = Math.min(1000, Math.max(200, value));
});
for (const frame of document.querySelectorAll('iframe')) {
  frame.contentWindow.postMessage({ sawt: { v: 1, type: 'ask' } }, '*');
}
`;

const escape = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.codePointAt(0)};`);

/** The ways a poll gets into a page. */
export const MODES = {
  script: ({ sawt, poll, theme, storage }) =>
    `<script async src="${sawt}/embed.js" data-sawt-poll="${poll}"${attribute('data-theme', theme)}${attribute('data-storage', storage)}></script>`,
  element: ({ sawt, poll, theme, storage }) =>
    `<sawt-poll poll="${poll}"${attribute('theme', theme)}${attribute('data-storage', storage)}></sawt-poll><script async src="${sawt}/embed.js"></script>`,
  iframe: ({ sawt, poll }) =>
    `<iframe src="${sawt}/embed/${poll}" title="poll" height="300"></iframe><script src="/frames.js"></script>`,
  // As WordPress writes it for a provider it does not know.
  wordpress: ({ sawt, poll }) =>
    `<iframe sandbox="allow-scripts" security="restricted" src="${sawt}/embed/${poll}#?secret=k9XqPzT4ab" data-secret="k9XqPzT4ab" title="poll" height="338"></iframe><script src="/frames.js"></script>`,
};

const attribute = (name, value) => (value ? ` ${name}="${escape(value)}"` : '');

/** The publisher's server. */
export class Publisher {
  #server;

  static async start() {
    const publisher = new Publisher();
    publisher.#server = createServer((request, response) => publisher.#answer(request, response));
    await new Promise((listening) => publisher.#server.listen(0, '127.0.0.1', listening));
    publisher.origin = `http://localhost:${publisher.#server.address().port}`;
    return publisher;
  }

  /** The address of an article with this poll in it, put there in this way. */
  article(mode, { sawt, poll, language = 'ar', theme = '', storage = '', before = '' }) {
    const asked = new URLSearchParams({ mode, sawt, poll: poll.id, language, theme, storage, before });
    return `${this.origin}/article?${asked}`;
  }

  /** The address of a page that holds this markup and nothing else, sent with these headers. */
  holding(markup, headers = {}) {
    return `${this.origin}/holding?${new URLSearchParams({ markup, headers: JSON.stringify(headers) })}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  #answer(request, response) {
    const url = new URL(request.url, this.origin);
    const send = (type, body, headers = {}) => {
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, ...headers }).end(body);
    };
    switch (url.pathname) {
      case '/article': {
        const asked = Object.fromEntries(url.searchParams);
        // A path in a policy means all below it only with a slash at its end.
        const sawt = `${asked.sawt}/`;
        send('text/html', page(asked), {
          'content-security-policy':
            `default-src 'none'; script-src 'self' ${sawt}; style-src 'sha256-${STYLE_HASH}' ${sawt}; `
            + `connect-src ${sawt}; frame-src ${sawt}; img-src 'self'`,
        });
        break;
      }
      case '/holding':
        send(
          'text/html',
          `<!doctype html><meta name="viewport" content="width=device-width"><title>holding</title><body>${url.searchParams.get('markup')}`,
          JSON.parse(url.searchParams.get('headers')),
        );
        break;
      case '/frames.js':
        send('text/javascript', FRAMES);
        break;
      case '/blank':
        send('text/html', '<!doctype html><title>blank</title>');
        break;
      default:
        response.writeHead(204).end();
    }
  }
}

function page(asked) {
  const { language, mode, before } = asked;
  const { title, body } = TEXT[language];
  const direction = language === 'ar' ? 'rtl' : 'ltr';
  return `<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${body}</p>
${before}
<aside aria-label="${language === 'ar' ? 'استطلاع' : 'Poll'}">
${MODES[mode](asked)}
</aside>
<p id="after">${body}</p>
</main>
</body>
</html>
`;
}
