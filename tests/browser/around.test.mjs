// The page around the poll: what it demands, what it has done to the language, what it names its elements, and how old its
// reader's browser is. None of it gets into the poll, and nothing of the poll into it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { PHONE, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const loader = (sawt, more = '') => `<script async src="${sawt.origin}/embed.js" ${more}></script>`;
const element = (poll, more = '') => `<sawt-poll poll="${poll.id ?? poll}" ${more}></sawt-poll>`;

/** Opens a page with this markup; what is before `prepare` runs in every frame before anything of the page does. */
async function open(reader, markup, { headers, prepare } = {}) {
  if (prepare) await reader.context.addInitScript(prepare);
  return Shown.in(await reader.open(set.publisher.holding(markup, headers)), 'element');
}

/** A server that is not ours, and answers everything with this page to whoever asks. */
async function stranger(context, html) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' }).end(html);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  context.after(() => server.close());
  return { origin: `http://127.0.0.1:${server.address().port}`, asked };
}

const HOSTILE = `<article class="sawt" data-state="open"><h1>x</h1><img src=x onerror="globalThis.ran=1"></article>
  <script>globalThis.ran=1</script>`;

for (const [name, attributes] of [
  ['an address that ends elsewhere', ({ poll }) => `poll="../v1/polls/${poll.id}/results?"`],
  ['a stranger’s service', ({ poll, there }) => `poll="${poll.id}" from="${there.origin}"`],
]) {
  test(`whoever controls an attribute put markup into the page: ${name} brings none`, async (context) => {
    const { sawt } = set;
    const there = await stranger(context, HOSTILE);
    const poll = await sawt.poll();
    const reader = await set.reader();
    reader.excuse(/sawt-poll: /);
    const warned = new Promise((done) => reader.context.on('console', (said) => /sawt-poll: /.test(said.text()) && done()));
    const shown = await open(reader, `<sawt-poll ${attributes({ poll, there })}></sawt-poll>${loader(sawt)}`);
    await warned;
    // Of ours it shows the poll, or that there is none.
    await shown.root.waitFor();
    assert.deepEqual(there.asked, []);
    assert.equal(await shown.page.evaluate(() => globalThis.ran), undefined);
    assert.equal(await shown.$('img').count(), 0);
  });
}

test('a poll is named by its id, or by an address that ends in it', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const shown = await open(
    await set.reader(),
    [poll.id.toUpperCase(), ` ${poll.id} `, `${sawt.origin}/embed/${poll.id}/?lang=ar#x`, `../v1/polls/${poll.id}?`].map(element).join('')
      + loader(sawt),
  );
  await shown.page.waitForFunction(() =>
    [...document.querySelectorAll('sawt-poll')].every((poll) => poll.shadowRoot?.querySelector('.sawt[data-state="open"]')));
});

test('what comes in place of the poll’s page is not put into the publisher’s', async (context) => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const there = await stranger(context, HOSTILE.replace('data-state', `data-poll="${poll.id}" data-state`));
  const reader = await set.reader({}, there.origin);
  reader.excuse(/./);
  const answers = [
    // Elsewhere.
    (route) => route.fulfill({ status: 302, headers: { location: `${there.origin}/`, 'access-control-allow-origin': '*' } }),
    // Not a page.
    (route) => route.fulfill({ contentType: 'application/json', headers: { 'access-control-allow-origin': '*' }, body: HOSTILE }),
    // Somebody else's.
    (route) => route.fulfill({ contentType: 'text/html', headers: { 'access-control-allow-origin': '*' }, body: HOSTILE }),
  ];
  let asked = 0;
  await reader.context.route(`${sawt.origin}/embed/${poll.id}*`, (route) => answers[asked++]?.(route) ?? route.continue());
  const shown = await open(reader, element(poll) + loader(sawt));
  await shown.is('open');
  assert.equal(asked, answers.length + 1);
  assert.equal(await shown.page.evaluate(() => globalThis.ran), undefined);
  assert.equal(await shown.$('img').count(), 0);
});

test('of a page that is ours, only our own markup gets through', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  await reader.context.route(`${sawt.origin}/embed/${poll.id}*`, async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace('<h1 class', `<script>globalThis.ran=1</script><img src=x onerror="globalThis.ran=1">
      <a class="elsewhere" href="javascript:globalThis.ran=1">x</a><a class="elsewhere" href="//elsewhere.example/">x</a>
      <h1 onclick="globalThis.ran=1" style="color:red" class`);
    await route.fulfill({ response: answer, body });
  });
  const shown = await open(reader, element(poll) + loader(sawt));
  await shown.is('open');
  await shown.$('h1').click();
  const own = await shown.root.evaluate((root) => ({
    elements: root.querySelectorAll('script, img, iframe, style').length,
    attributes: [...root.querySelectorAll('*')].flatMap(({ attributes }) => [...attributes]).filter(({ name }) => /^on|^style$/.test(name)).length,
    links: [...root.querySelectorAll('.elsewhere')].map((link) => new URL(link.href).origin),
  }));
  assert.deepEqual(own.elements + own.attributes, 0);
  assert.ok(own.links.every((origin) => [sawt.origin, set.publisher.origin].includes(origin)), `${own.links}`);
  assert.equal(await shown.page.evaluate(() => globalThis.ran), undefined);
});

test('two services in one page forgot each other’s voters: each keeps its own, and shows its own polls', async () => {
  const { sawt } = set;
  const other = await set.replica();
  const [one, two] = [await sawt.poll(), await other.poll()];
  const reader = await set.reader({}, other.origin);
  const markup = loader(sawt, `data-sawt-poll="${one.id}"`) + loader(other, `data-sawt-poll="${two.id}"`);
  const shown = await open(reader, markup);
  const { page } = shown;
  for (const poll of [one, two]) {
    const root = page.locator(`sawt-poll[poll="${poll.id}"]`);
    await root.locator('input[value="yes"]').check();
    await root.locator('button.sawt-vote').click();
    await root.locator('.sawt[data-state="voted"]').waitFor();
  }
  await page.reload();
  await page.locator('.sawt[data-state="voted"]').nth(1).waitFor();
  assert.deepEqual([(await sawt.tally(one)).ballots, (await other.tally(two)).ballots], [1, 1]);
});

test('a vote that was kept under the name of before is not lost', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  const now = `sawt.voter ${sawt.origin}`;
  await shown.page.evaluate((now) => {
    localStorage.setItem('sawt.voter', localStorage.getItem(now));
    localStorage.removeItem(now);
  }, now);
  await shown.page.reload();
  await shown.is('voted');
  assert.deepEqual(await shown.page.evaluate(() => Object.keys(localStorage)), [now]);
});

/** Makes the browser one of autumn 2022, before anything of the page runs. */
const makeOld = () => {
  // Safari 16.0
  delete globalThis.CSSStyleSheet;
  delete Document.prototype.adoptedStyleSheets;
  delete ShadowRoot.prototype.adoptedStyleSheets;
  // Firefox 105
  for (const name of Object.getOwnPropertyNames(Element.prototype)) if (/^(aria|role$)/.test(name)) delete Element.prototype[name];
  delete globalThis.trustedTypes;
  delete Document.parseHTMLUnsafe;
  delete Element.prototype.setHTMLUnsafe;
  for (const name of ['any', 'timeout']) delete AbortSignal[name];
  for (const name of ['groupBy', 'fromAsync']) delete Array[name];
  for (const name of ['toSorted', 'toReversed', 'with', 'findLast']) delete Array.prototype[name];
  delete Promise.withResolvers;
  delete Set.prototype.union;
};

for (const [name, headers] of [
  ['a page that lets its own style in', {}],
  ['a page that lets no style in but linked', (sawt) => ({ 'content-security-policy': `style-src ${sawt.origin}` })],
]) {
  test(`a browser of four years ago asked for ever: it shows the poll, votes, and asks once (${name})`, async () => {
    const { sawt } = set;
    const poll = await sawt.poll();
    const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
    reader.excuse(/style-src/);
    let asked = 0;
    reader.context.on('request', (request) => (asked += request.url().includes(`/embed/${poll.id}`)));
    // What it can't read of the style sheet, it leaves out.
    await reader.context.route(`${sawt.origin}/embed/assets/*`, async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replaceAll('light-dark(', 'unknown(').replaceAll(':has(', ':unknown(');
      await route.fulfill({ response: answer, body: body.replace(/sha384-[^'"]+/g, '') });
    });
    await reader.context.route(`${sawt.origin}/embed.js`, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace(/sha384-[^'"]+/g, '') });
    });
    const own = typeof headers === 'function' ? headers(sawt) : headers;
    const shown = await open(reader, `${element(poll, 'lang="ar"')}${loader(sawt)}`, { headers: own, prepare: makeOld });
    await shown.is('open');
    const style = await shown.root.evaluate((root) => {
      const { backgroundColor, color, borderRadius } = getComputedStyle(root);
      return [backgroundColor, color, borderRadius];
    });
    assert.deepEqual(style, ['rgb(255, 255, 255)', 'rgb(25, 29, 36)', '12px']);
    assert.equal(await shown.$('h1').getAttribute('aria-level'), '2');
    await picture(shown.page, `around-old-${Object.keys(own).length}`);
    await shown.vote('yes');
    await shown.results('صوت واحد');
    assert.equal(asked, 1);
  });
}

test('a browser that can’t read the script has the poll a click away', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  reader.excuse(/SyntaxError/);
  await reader.context.route(`${sawt.origin}/embed.js`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/sha384-[^'"]+/g, '') });
  });
  await reader.context.route(`${sawt.origin}/embed/assets/app.*`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: 'this is of another age' });
  });
  const shown = await open(reader, `<html lang="ar">${element(poll)}${loader(sawt)}`);
  const link = shown.page.locator('sawt-poll a');
  await link.waitFor();
  assert.equal(await link.getAttribute('href'), `${sawt.origin}/embed/${poll.id}/form`);
  assert.match(await link.textContent(), /صفحته/);
});

const INHERITED = `
  html { font-size: 62.5% }
  body { letter-spacing: 4px; word-spacing: 1em; text-transform: uppercase; text-indent: 3em; font: italic small-caps 900 9px/1 fantasy;
    text-shadow: 2px 2px red; text-align: center; white-space: pre; hyphens: auto; cursor: wait; user-select: none; writing-mode: horizontal-tb;
    color: red; direction: ltr; word-break: break-all; -webkit-text-stroke: 1px red; text-align-last: center; list-style: square; tab-size: 1;
    line-break: anywhere; font-feature-settings: "tnum" 0; font-stretch: 50%; quotes: none; -webkit-text-fill-color: red }
  sawt-poll, sawt-poll * { letter-spacing: 7px !important; font-style: italic }
`;

for (const theme of ['light', 'dark']) {
  test(`the article’s letter-spacing tore Arabic apart: nothing of its text gets in, nor its rem (${theme})`, async () => {
    const { sawt } = set;
    const poll = await sawt.poll({ results: 'after_vote', closes_at: '2999-03-01T09:30:00Z' });
    // All that an element has of its own, as a page has it that says nothing.
    const seen = async (style) => {
      const reader = await set.reader({ viewport: PHONE, colorScheme: theme, locale: 'ar' });
      const markup = `<style>:root { color-scheme: light dark } body { margin: 16px } ${style}</style>`
        + `<div lang="ar" dir="rtl">${element(poll)}</div>${loader(sawt)}`;
      const shown = await open(reader, markup);
      await shown.is('open');
      await shown.choose('yes');
      if (style) await picture(shown.page, `around-inherited-${theme}`);
      return shown.root.evaluate((root) =>
        [root, ...root.querySelectorAll('*')].map((one) => {
          const style = getComputedStyle(one);
          // A transition may be on its way.
          return Object.fromEntries([...style].filter((name) => !/transition|border|background/.test(name)).map((name) => [name, style[name]]));
        }));
    };
    const [plain, hostile] = [await seen(''), await seen(INHERITED)];
    assert.deepEqual(hostile, plain);
    assert.equal(plain[0]['font-size'], '16px');
  });
}

test('the poll follows what is documented, the page’s colour scheme, and whether it is seen', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const reader = await set.reader({ colorScheme: 'dark' });
  const markup = `<style>body { color-scheme: dark; --sawt-font-size: 22px; --sawt-accent: rgb(1, 2, 3) }</style>
    <div>${element(poll)}</div>${loader(sawt)}`;
  const shown = await open(reader, markup);
  await shown.is('open');
  const computed = (name) => shown.root.evaluate((root, name) => getComputedStyle(root)[name], name);
  assert.equal(await computed('fontSize'), '22px');
  assert.equal(await computed('backgroundColor'), 'rgb(21, 24, 29)');
  await shown.page.evaluate(() => (document.querySelector('div').style.visibility = 'hidden'));
  assert.equal(await computed('visibility'), 'hidden');
});

test('an old Prototype’s Array.prototype.toJSON made every vote a 400: no page’s prototypes get into one', async () => {
  const { sawt } = set;
  const poll = await sawt.poll({ changeable: true });
  const prepare = () => {
    Array.prototype.toJSON = function () {
      return `[${this.map((one) => `"${one}"`).join(', ')}]`;
    };
    String.prototype.toJSON = () => 'a string';
    Object.prototype.toJSON = () => 'an object';
    Object.prototype.extend = function () {};
    Array.prototype.each = function () {};
  };
  const shown = await open(await set.reader(), loader(sawt, `data-sawt-poll="${poll.id}" data-theme="dark"`), { prepare });
  await shown.vote('yes');
  assert.equal((await sawt.tally(poll)).ballots, 1);
  assert.deepEqual(await shown.page.locator('sawt-poll').evaluate((poll) => poll.getAttributeNames().sort()), ['from', 'poll', 'theme']);
});

for (const [types, page] of [
  ['sawt', ''],
  ['default', `<script nonce="n">trustedTypes.createPolicy('default', { createScriptURL: (url) => url })</script>`],
  ['default', ''],
  ["'none'", ''],
]) {
  test(`Trusted Types kept the poll out: it shows with trusted-types ${types}${page && ', and that policy there'}`, async () => {
    const { sawt } = set;
    const poll = await sawt.poll();
    const reader = await set.reader();
    // A page that lets no policy in but one it does not make is told of each that is tried.
    if (types !== 'sawt' && !page) reader.excuse(/trusted-?types|TrustedScriptURL|Trusted/i);
    const headers = { 'content-security-policy': `require-trusted-types-for 'script'; trusted-types ${types}; script-src 'nonce-n' ${sawt.origin}` };
    const shown = await open(reader, page + element(poll) + loader(sawt), { headers });
    await shown.vote('yes');
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}

for (const [mode, markup] of [
  ['script', ({ sawt, poll }) => loader(sawt, `data-sawt-poll="${poll.id}"`)],
  ['element', ({ sawt, poll }) => element(poll) + loader(sawt)],
  ['iframe', ({ sawt, poll }) => `<iframe src="${sawt.origin}/embed/${poll.id}" title="poll" height="400"></iframe>`],
]) {
  for (const policy of ['require-corp', 'credentialless']) {
    test(`an isolated page framed an error: the poll stands in it and takes votes (${mode}, ${policy})`, async () => {
      const { sawt } = set;
      const poll = await sawt.poll();
      const headers = { 'cross-origin-embedder-policy': policy, 'cross-origin-opener-policy': 'same-origin' };
      const { page } = await open(await set.reader(), markup({ sawt, poll }), { headers });
      const shown = Shown.in(page, mode);
      await shown.vote('yes');
      assert.ok(await page.evaluate(() => globalThis.crossOriginIsolated));
    });
  }
}

const VENDOR = '/vendor/embed.js';

for (const [name, markup] of [
  ['document.currentScript is an image', ({ sawt, poll }) => `<img name="currentScript">${loader(sawt, `data-sawt-poll="${poll.id}"`)}`],
  ['another vendor’s /embed.js is beside, and ours is a module', ({ sawt, poll, vendor }) =>
    `${vendor}<script type="module" src="${sawt.origin}/embed.js" data-sawt-poll="${poll.id}"></script>`],
  ['another vendor’s /embed.js is beside, and ours a module that names no poll', ({ sawt, poll, vendor }) =>
    `${vendor}${element(poll)}<script type="module" src="${sawt.origin}/embed.js"></script>`],
]) {
  test(`the loader took another’s origin for its own: ${name}`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll();
    const reader = await set.reader();
    reader.excuse(/\/embed\/|Failed to fetch|MIME type/);
    const vendor = `<script async src="${publisher.origin}${VENDOR}"></script>`;
    const shown = await open(reader, markup({ sawt, poll, vendor }));
    await shown.vote('yes');
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}

test('theme="Dark" stood for “failed”: what means something is taken for it, and what means nothing is passed over', async () => {
  const { sawt } = set;
  const poll = await sawt.poll({ language: 'en' });
  const reader = await set.reader();
  const markup = element(poll, 'theme="Dark" digits="arabic" lang="ar_KW"') + element(poll, 'theme="blue" digits="roman" lang="!"') + loader(sawt);
  const shown = await open(reader, markup);
  await shown.$('.sawt[data-state="open"]').nth(1).waitFor();
  const said = await shown.root.evaluateAll((all) => all.map(({ lang, dataset }) => [lang, dataset.theme, dataset.digits]));
  assert.deepEqual(said, [['ar', 'dark', 'arab'], ['en', 'auto', 'latn']]);
  await shown.page.locator('sawt-poll').last().evaluate((poll) => poll.setAttribute('theme', 'LIGHT '));
  assert.equal(await shown.root.last().getAttribute('data-theme'), 'light');
});

test('the page’s keyboard shortcuts swallowed arrows and space: inside the poll they are the poll’s', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const shown = await open(await set.reader(), `${element(poll)}<button>after</button>${loader(sawt)}`);
  await shown.is('open');
  await shown.page.evaluate(() => {
    globalThis.swallowed = [];
    for (const target of [window, document]) {
      for (const isCapturing of [true, false]) {
        for (const type of ['keydown', 'keypress', 'keyup']) {
          target.addEventListener(type, (event) => {
            if (event.key === 'Tab' || event.key === 'Escape') return;
            globalThis.swallowed.push(event.key);
            event.preventDefault();
          }, isCapturing);
        }
      }
    }
  });
  await shown.$('input[value="yes"]').focus();
  const { keyboard } = shown.page;
  await keyboard.press('Space');
  assert.ok(await shown.$('input[value="yes"]').isChecked());
  await keyboard.press('ArrowDown');
  assert.ok(await shown.$('input[value="no"]').isChecked());
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await shown.is('voted');
  assert.deepEqual(await shown.page.evaluate(() => globalThis.swallowed), []);
  // Elsewhere they are the page's.
  await shown.page.locator('button', { hasText: 'after' }).focus();
  await keyboard.press('ArrowDown');
  assert.ok((await shown.page.evaluate(() => globalThis.swallowed)).length > 0);
});

for (const locks of ['with Web Locks', 'without']) {
  test(`two fresh tabs that vote in one second were two voters (${locks})`, async () => {
    const { sawt } = set;
    const poll = await sawt.poll();
    const reader = await set.reader();
    if (locks === 'without') await reader.context.addInitScript(() => delete Navigator.prototype.locks);
    // Neither is answered before both have asked.
    const voters = [];
    const tabs = [];
    let release;
    const both = new Promise((done) => (release = done));
    await reader.context.route(`${sawt.origin}/v1/polls/*/votes`, async (route) => {
      voters.push(JSON.parse(route.request().postData()).voter.nonce);
      if (voters.length === 2) release();
      await both;
      await route.continue();
    });
    for (let tab = 0; tab < 2; tab += 1) {
      const shown = await open(reader, element(poll) + loader(sawt));
      await shown.is('open');
      await shown.choose('yes');
      tabs.push(shown);
    }
    const click = (shown) => shown.$('button.sawt-vote').evaluate((button) => button.click());
    if (locks === 'without') {
      await click(tabs[0]);
      await tabs[1].page.waitForFunction(() => Object.keys(localStorage).some((name) => name.startsWith('sawt.nonce')));
      await click(tabs[1]);
    } else await Promise.all(tabs.map(click));
    await Promise.all(tabs.map((shown) => shown.is('voted')));
    assert.equal(voters[0], voters[1]);
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}
