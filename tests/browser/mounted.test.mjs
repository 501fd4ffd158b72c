// The service under a path of the news site's own host: through a real nginx that strips the path or keeps it, and through a
// real HAProxy with TLS.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Haproxy } from './haproxy.mjs';
import { Nginx } from './nginx.mjs';
import { Shown } from './poll.mjs';
import { freePort } from './ports.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** A news site with services under these paths, and a reader of it. Whatever a page asks of the host is noted. */
async function mounted(mounts, options, Proxy = Nginx) {
  const port = await freePort();
  const origin = `${Proxy.scheme}://127.0.0.1:${port}`;
  const services = [];
  for (const { path, isKept } of mounts) {
    const sawt = await set.replica({ SAWT_PUBLIC_URL: origin + path, SAWT_TRUSTED_PROXIES: '127.0.0.1' });
    services.push({ sawt, path, isKept, port: sawt.port, base: origin + path });
  }
  await set.closedAtEnd(await Proxy.start(port, new URL(set.publisher.origin).port, services));
  const reader = await set.reader({ ignoreHTTPSErrors: true, ...options }, origin, ...services.map(({ sawt }) => sawt.origin));
  const asked = [];
  reader.context.on('request', (request) => asked.push(request.url()));
  /** The article, as the news site has it on its own host. */
  const article = (mode, sawt, poll) =>
    set.publisher.article(mode, { sawt, poll }).replace(set.publisher.origin, origin);
  return { reader, services, asked, article, origin };
}

/** What is asked of the host and is no page of the news site's. */
const strays = (asked, origin, paths) =>
  asked.filter((url) => {
    const { pathname } = new URL(url);
    const isSites = /^\/(article|holding|frames\.js|favicon\.ico)$/.test(pathname);
    return url.startsWith(origin) && !isSites && !paths.some((path) => pathname.startsWith(`${path}/`));
  });

for (const { way, isKept, Proxy = Nginx, modes = ['script', 'iframe'], cookie } of [
  { way: 'nginx strips', isKept: false, cookie: { name: 'sawt_voter+polls', secure: false, isPartitioned: false } },
  { way: 'nginx keeps', isKept: true, cookie: { name: 'sawt_voter+polls', secure: false, isPartitioned: false } },
  {
    way: 'HAProxy strips from https',
    isKept: false,
    Proxy: Haproxy,
    modes: ['element', 'iframe'],
    cookie: { name: '__Secure-sawt_voter+polls', secure: true, isPartitioned: true },
  },
]) {
  for (const mode of modes) {
    test(`under a path that ${way} a reader votes, comes back, and sees others’ votes (${mode})`, async () => {
      const { reader, services: [{ sawt, base }], asked, article, origin } = await mounted([{ path: '/polls', isKept }], {}, Proxy);
      const poll = await sawt.poll({ site: await sawt.site(['https://other.example']) });
      const shown = Shown.in(await reader.open(article(mode, base, poll)), mode);
      await shown.vote('yes');
      await shown.results('صوت واحد');
      await sawt.vote(poll, ['no'], 2);
      await shown.results('3 أصوات');
      assert.deepEqual(await reader.stored(), [`sawt.voter ${base} in ${origin}`]);
      await shown.page.reload();
      await shown.is('voted');
      await shown.$('[data-option="yes"] .sawt-mine').waitFor();
      for (const link of await shown.$('a[href]').evaluateAll((links) => links.map(({ href }) => href)))
        assert.ok(link.startsWith(`${base}/embed/`), link);
      assert.deepEqual(strays(asked, origin, ['/polls']), []);
    });
  }

  test(`under a path that ${way} a reader without JavaScript votes by the form, and is known later`, async () => {
    const { reader, services: [{ sawt, base }], asked, origin } = await mounted([{ path: '/polls', isKept }], { javaScriptEnabled: false }, Proxy);
    const poll = await sawt.poll();
    const page = await reader.open(`${base}/embed/${poll.id}`);
    await page.waitForURL(`${base}/embed/${poll.id}/form`);
    const shown = Shown.in(page, 'page');
    await shown.choose('yes');
    await shown.press();
    await shown.is('voted');
    const cookies = await reader.context.cookies();
    const kept = cookies.map(({ name, path, secure, partitionKey }) => ({ name, path, secure, isPartitioned: !!partitionKey }));
    assert.deepEqual(kept, [{ ...cookie, path: '/polls' }]);
    await sawt.vote(poll, ['no']);
    await page.goto(`${base}/embed/${poll.id}/form`);
    await shown.is('voted');
    assert.equal(await shown.$('.sawt-total').textContent(), 'صوتان');
    assert.deepEqual(strays(asked, origin, ['/polls']), []);
  });
}

test('the documentation under a path shows the contract and asks the rest of the host for nothing', async () => {
  const { reader, services: [{ base }], asked, origin } = await mounted([{ path: '/polls', isKept: false }]);
  const page = await reader.open(`${base}/docs`);
  await page.locator('.swagger-ui .info .title').waitFor();
  assert.equal(await page.locator('.swagger-ui .servers option').first().getAttribute('value'), '/polls');
  assert.deepEqual(strays(asked, origin, ['/polls']), []);
});

test('two services under paths of one host share neither token nor stream nor cookie', async () => {
  const mounts = [{ path: '/polls', isKept: false }, { path: '/polls/sport', isKept: true }];
  const { reader, services, asked, origin } = await mounted(mounts);
  const polls = [];
  for (const { sawt } of services) polls.push(await sawt.poll());
  const script = ({ base }, { id }) => `<script async src="${base}/embed.js" data-sawt-poll="${id}"></script>`;
  const markup = services.map((service, place) => script(service, polls[place])).join('');
  const page = await reader.open(set.publisher.holding(markup).replace(set.publisher.origin, origin));
  const shown = polls.map(({ id }) => page.locator(`sawt-poll[poll="${id}"]`));
  for (const [place, poll] of shown.entries()) {
    await poll.locator(`input[value="${place ? 'no' : 'yes'}"]`).check();
    await poll.locator('button.sawt-vote').click();
    await poll.locator('.sawt[data-state="voted"]').waitFor();
  }
  assert.deepEqual((await reader.stored()).sort(), services.map(({ base }) => `sawt.voter ${base} in ${origin}`).sort());
  for (const [place, { sawt }] of services.entries()) {
    await sawt.vote(polls[place], ['yes'], 1 + place);
    const total = place ? '3 أصوات' : 'صوتان';
    await shown[place].locator('.sawt-total').filter({ hasText: total }).waitFor();
  }
  const streams = new Set(asked.filter((url) => url.includes('/v1/live?')).map((url) => new URL(url).pathname));
  assert.deepEqual([...streams].sort(), ['/polls/sport/v1/live', '/polls/v1/live']);
  // The form's cookie of the path above is sent below it, and means nobody there.
  const [{ base: above }, { base: below }] = services;
  for (const [base, { id }] of [[above, polls[0]], [below, polls[1]]]) {
    const form = await reader.open(`${base}/embed/${id}/form`);
    await Shown.in(form, 'page').vote('yes');
  }
  assert.deepEqual((await reader.context.cookies()).map(({ name }) => name).sort(), ['sawt_voter+polls', 'sawt_voter+polls+sport']);
  const tallies = await Promise.all(services.map(({ sawt }, place) => sawt.tally(polls[place])));
  assert.deepEqual(tallies.map(({ ballots }) => ballots), [3, 4]);
});

test('a file that a page pins by its address and hash from the manifest finds the service, whichever it is', async () => {
  const { reader, services: [{ sawt, base }], asked, origin } = await mounted([{ path: '/polls', isKept: false }]);
  const { files } = await (await fetch(`${base}/embed/manifest.json`)).json();
  const fileOf = (name) => files.find((file) => file.name === name);
  const pinned = (name, more = 'type="module"') => {
    const { path, integrity } = fileOf(name);
    return `<script ${more} src="${base}${path}" integrity="${integrity}" crossorigin="anonymous"></script>`;
  };
  const open = (markup) => reader.open(set.publisher.holding(markup).replace(set.publisher.origin, origin));

  const polls = [await sawt.poll(), await sawt.poll()];
  for (const [place, markup] of [
    pinned('embed.js', `async data-sawt-poll="${polls[0].id}"`),
    `${pinned('embed.js')}<sawt-poll poll="${polls[1].id}"></sawt-poll>`,
  ].entries()) {
    const shown = Shown.in(await open(markup), 'element');
    await shown.vote('yes');
    assert.equal((await sawt.tally(polls[place])).ballots, 1);
  }

  const site = await sawt.site([origin]);
  const options = [{ id: 'like', emoji: '👍', label: 'أعجبني' }, { id: 'sad', emoji: '😢', label: 'أحزنني' }];
  const poll = { kind: 'reaction', question: 'ما شعورك تجاه هذا الخبر؟', language: 'ar', options };
  await sawt.ask('PUT', `/v1/sites/${site}/templates/reactions`, { poll, articles: 'own-origins' });
  const article = { title: 'مجلس الأمة يرفع جلسته', url: `${origin}/news/1`, published_at: '2026-11-23T18:00:00Z' };
  await sawt.ask('PUT', `/v1/sites/${site}/articles/story-1`, article);
  for (const [name, element, path, status] of [
    ['view.js', `<sawt-view site="${site}" article="story-1"></sawt-view>`, '/v1/views', 204],
    ['most-read.js', `<sawt-most-read site="${site}"></sawt-most-read>`, `/v1/sites/${site}/trending`, 200],
  ]) {
    const answered = reader.context.waitForEvent('response', (response) => response.url().split('?')[0] === base + path);
    await open(pinned(name) + element);
    assert.equal((await answered).status(), status, name);
  }
  const page = await open(`${pinned('article.js')}<sawt-reactions site="${site}" article="story-1"></sawt-reactions>`);
  await page.locator('[data-option="like"]').click();
  await page.locator('[data-option="like"] .sawt-votes').filter({ hasText: '1' }).waitFor();

  for (const name of ['embed.js', 'view.js', 'most-read.js', 'article.js']) assert.ok(asked.includes(base + fileOf(name).path), name);
  assert.deepEqual(strays(asked, origin, ['/polls']), []);
});

test('an address of before that still leads to the service shows the poll and votes', async () => {
  const { reader, services: [{ sawt }], article } = await mounted([{ path: '/polls', isKept: true }]);
  const poll = await sawt.poll();
  const shown = Shown.in(await reader.open(article('script', sawt.origin, poll)), 'script');
  await shown.vote('yes');
  await sawt.vote(poll, ['no']);
  await shown.results('صوتان');
});
