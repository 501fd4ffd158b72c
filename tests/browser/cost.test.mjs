// What a poll costs a page of another origin: requests, bytes of bodies, and how many of them wait for one another.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const PADDING = '<p style="block-size: 300vh">…</p>';
const LOADER = () => `<script async src="${set.sawt.origin}/embed.js"></script>`;
const element = ({ id }, more = '') => `<sawt-poll poll="${id}" ${more}></sawt-poll>`;

/** The most that a body may have, in brotli. The server's own tests hold the files to the same. */
const MOST = { loader: 1330, script: 11_000, page: 2368 };

/** As wide as a phone, and with room for five polls. */
const ROOM = { width: PHONE.width, height: 4000 };

/** What a page asks of the service, in the order it asks. */
class Bill {
  requests = [];
  #ids = new Map();

  /** Begins to count in a page that is still blank. */
  static async of(page) {
    const bill = new Bill();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    devtools.on('Network.requestWillBeSent', ({ requestId, request, type }) => {
      if (!request.url.startsWith(set.sawt.origin)) return;
      const { pathname } = new URL(request.url);
      // It waits for whatever had come by then. For a view nothing waits.
      const isWaitedFor = ({ isThere, name }) => isThere && name !== '/v1/views';
      const turn = 1 + Math.max(0, ...bill.requests.filter(isWaitedFor).map(({ turn }) => turn));
      const name = pathname.replace(/\/embed\/[\da-f-]{36}/, '/embed/{poll}').replace(/polls\/[\da-f-]{36}/, 'polls/{poll}');
      const one = { method: request.method, name: name.replace(/\.[\da-f]{8}\./, '.'), type, turn, bytes: 0 };
      bill.requests.push(one);
      bill.#ids.set(requestId, one);
    });
    devtools.on('Network.responseReceived', ({ requestId, response }) => {
      const one = bill.#ids.get(requestId);
      if (!one) return;
      const headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]));
      one.coding = headers['content-encoding'];
      one.bytes = Number(headers['content-length'] ?? 0);
      // A stream never ends: its answer is all there is to wait for.
      one.isThere = headers['content-type']?.startsWith('text/event-stream');
    });
    devtools.on('Network.loadingFinished', ({ requestId }) => {
      const one = bill.#ids.get(requestId);
      if (one) one.isThere = true;
    });
    return bill;
  }

  get names() {
    return this.requests.map(({ method, name }) => `${method} ${name}`);
  }

  /** Waits until this has been asked for, so often. */
  async asks(name, count = 1) {
    while (this.names.filter((asked) => asked === name).length < count) await new Promise((soon) => setTimeout(soon, 20));
  }

  print(title) {
    console.log(title);
    for (const { turn, method, name, bytes, coding } of this.requests) {
      console.log(`  ${turn}. ${method} ${name} ${bytes} ${coding ?? ''}`);
    }
  }
}

const PAGE = 'GET /embed/{poll}';
const STREAM = 'GET /v1/live';
const VOTE = 'POST /v1/polls/{poll}/votes';
const VIEW = 'POST /v1/views';

// These come when a poll is seen, each in its own time, and nothing waits for them.
const isFirst = (name) => name !== STREAM && name !== VIEW;

/** Stops the page's clock: its timers run as far as the test lets them. */
async function heldClock(page) {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  return {
    pass: (millis) => page.clock.runFor(millis),
    /** Lets time pass, a little at a time, until this is so. */
    async until(isSo) {
      while (!isSo()) await page.clock.runFor(1);
    },
    end: () => page.clock.resume(),
  };
}

/** A blank page whose requests are counted, and a way to put markup into it. */
async function counted(viewport = PHONE) {
  const reader = await set.reader({ viewport });
  const page = await reader.open(`${set.publisher.origin}/blank`);
  const bill = await Bill.of(page);
  const show = async (markup) => {
    await page.goto(set.publisher.holding(markup));
    return Shown.in(page, 'element');
  };
  return { reader, page, bill, show };
}

for (const polls of [1, 5]) {
  test(`a page view got dearer: a page with ${polls} asks for loader, script, polls’ pages and one stream, and for no leave`, async () => {
    const made = [];
    while (made.length < polls) made.push(await set.sawt.poll());
    const { page, bill, show } = await counted(ROOM);
    const hold = await heldClock(page);
    await show(`${LOADER()}${made.map((poll) => element(poll)).join('')}`);
    await hold.until(() => bill.names.includes(PAGE));
    // All are seen at one time, however long this machine takes for that.
    await bill.asks(VIEW, polls);
    await hold.until(() => bill.names.includes(STREAM));
    await hold.end();
    bill.print(`until a page with ${polls} stands there`);
    const pages = Array.from({ length: polls }, () => PAGE);
    assert.equal(bill.names.filter((name) => name === STREAM).length, 1);
    const others = bill.names.filter(isFirst);
    assert.equal(bill.names.filter((name) => name === VIEW).length, polls);
    assert.deepEqual(others, ['GET /embed.js', 'GET /embed/assets/app.js', ...pages]);
    assert.deepEqual(bill.requests.map(({ type }) => type).filter((type) => type === 'Preflight'), []);
    assert.ok(bill.requests.find(({ name }) => name === '/v1/live').turn <= 4, 'more than four wait for one another');
    const most = { 'GET /embed.js': MOST.loader, 'GET /embed/assets/app.js': MOST.script, [PAGE]: MOST.page };
    for (const { method, name, bytes, coding } of bill.requests) {
      const bound = most[`${method} ${name}`];
      if (!bound) continue;
      assert.equal(coding, 'br', name);
      assert.ok(bytes > 0 && bytes <= bound, `${name}: ${bytes} bytes of ${bound}`);
    }
    const before = bill.names.filter(isFirst);
    const shown = Shown.in(page, 'element');
    shown.$ = (selector) => page.locator('sawt-poll').first().locator(selector);
    await shown.vote('yes');
    bill.print('and after a vote');
    assert.deepEqual(bill.names.filter(isFirst), [...before, VOTE]);
    assert.deepEqual(bill.requests.map(({ type }) => type).filter((type) => type === 'Preflight'), []);
  });
}

test('each poll that came late brought a stream of its own: one is for all that come within a moment', async () => {
  const polls = [];
  while (polls.length < 5) polls.push(await set.sawt.poll());
  const { reader, page, bill, show } = await counted(ROOM);
  const streams = [];
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === '/v1/live') streams.push(searchParams.get('polls').split(','));
  });
  // Every poll's page but the first's is held back.
  const held = [];
  const [first, ...late] = polls.map(({ id }) => id);
  await reader.context.route(({ pathname }) => late.some((id) => pathname === `/embed/${id}`), (route) => held.push(route));
  const hold = await heldClock(page);
  await show(`${LOADER()}${polls.map((poll) => element(poll)).join('')}`);
  await hold.until(() => streams.length > 0 && held.length === late.length);
  for (const [before, route] of held.entries()) {
    await route.continue();
    await bill.asks(VIEW, 2 + before);
    // So much that what is wanted is said, and no more.
    await hold.pass(50);
  }
  await hold.until(() => streams.length > 1 && streams.at(-1).length === polls.length);
  assert.deepEqual(streams.map((ids) => ids.toSorted()), [[first], [first, ...late].toSorted()]);
  await hold.end();
  await set.sawt.vote(polls[4], ['no']);
  await page.locator('sawt-poll').last().locator('.sawt-total').filter({ hasText: 'صوت واحد' }).waitFor({ state: 'attached' });
});

test('a poll that nobody came near was fetched: nothing but the loader is, until it comes near', async () => {
  const poll = await set.sawt.poll();
  const { page, bill, show } = await counted();
  const shown = await show(`${LOADER()}${PADDING}${element(poll)}`);
  await page.waitForLoadState('load');
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.deepEqual(bill.names, ['GET /embed.js']);
  // Near, and not yet seen: the poll is there, and its stream is not.
  await page.evaluate(() => scrollTo(0, document.querySelector('sawt-poll').offsetTop - 1.6 * innerHeight));
  await shown.is('open');
  await page.evaluate(() => new Promise((drawn) => setTimeout(() => requestAnimationFrame(drawn), 200)));
  assert.deepEqual(bill.names, ['GET /embed.js', 'GET /embed/assets/app.js', PAGE]);
  await page.evaluate(() => document.querySelector('sawt-poll').scrollIntoView());
  await bill.asks(STREAM);
});

test('a publisher could not have a poll at once: loading="eager" fetches it wherever it stands', async () => {
  const poll = await set.sawt.poll();
  for (const markup of [
    `${PADDING}${element(poll, 'loading="eager"')}${LOADER()}`,
    `${PADDING}<script async src="${set.sawt.origin}/embed.js" data-sawt-poll="${poll.id}" data-loading="eager"></script>`,
  ]) {
    const { bill, show } = await counted();
    await (await show(markup)).is('open');
    assert.deepEqual(bill.names, ['GET /embed.js', 'GET /embed/assets/app.js', PAGE]);
  }
});

test('withdrawing a vote, and reading it again, asked for leave first: neither does', async () => {
  const poll = await set.sawt.poll({ changeable: true });
  const { reader, page, bill, show } = await counted();
  // The ballot that was withdrawn is asked for, and is not there.
  reader.excuse(/404/);
  const shown = await show(`${element(poll)}${LOADER()}`);
  await shown.vote('yes');
  await page.reload();
  await shown.is('voted');
  await shown.$('.sawt-withdraw').click();
  await shown.is('open');
  assert.deepEqual(bill.names.filter((name) => name.startsWith('OPTIONS')), []);
  for (const path of ['votes', 'votes/mine', 'votes/withdraw']) assert.ok(bill.names.includes(`POST /v1/polls/{poll}/${path}`), path);
});

test('who had voted asked for leave before they saw the results: their stream begins with one request', async () => {
  const poll = await set.sawt.poll({ results: 'after_vote' });
  const { page, bill, show } = await counted();
  const shown = await show(`${element(poll)}${LOADER()}`);
  const asVoter = 'POST /v1/live';
  await bill.asks(STREAM);
  const before = bill.names.length;
  await shown.vote('yes');
  await bill.asks(asVoter);
  bill.print('until a voter sees what voters see');
  assert.deepEqual(bill.names.slice(before).filter((name) => name !== 'POST /v1/views'), [VOTE, asVoter]);
  // Another vote comes by that stream.
  await set.sawt.vote(poll, ['no']);
  await shown.$('.sawt-votes').nth(1).filter({ hasText: 'صوت واحد' }).waitFor();
  const reloaded = bill.names.length;
  await page.reload();
  await shown.is('voted');
  await shown.$('.sawt-votes').nth(1).filter({ hasText: 'صوت واحد' }).waitFor();
  bill.print('and when they come back');
  const asked = bill.names.slice(reloaded).filter(isFirst);
  assert.deepEqual(asked.filter((name) => !name.startsWith('GET /embed')), ['POST /v1/polls/{poll}/votes/mine', asVoter]);
  assert.deepEqual(bill.requests.map(({ type }) => type).filter((type) => type === 'Preflight'), []);
  assert.deepEqual(bill.names.filter((name) => name.startsWith('OPTIONS')), []);
});
