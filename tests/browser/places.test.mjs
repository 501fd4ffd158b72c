// Places: <sawt-poll place="side"> shows the poll whose turn it is, in a page that was kept for hours.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shifted } from './browser.mjs';
import { stage } from './stage.mjs';

const set = stage();

const HOUR = 3_600_000;
const at = (millis) => new Date(millis).toISOString();

/** A site with a place in which the first of its polls stands for an hour, and then the second. */
async function site(members = {}) {
  const { sawt, publisher } = set;
  const id = await sawt.site([publisher.origin]);
  const polls = [];
  for (const question of ['هل تتوقع حل المجلس؟', 'هل تؤيد الدوام المرن؟', 'هل تقرأ الصحف؟']) polls.push(await sawt.poll({ site: id, question, ...members }));
  const made = Date.now();
  const turn = ({ id: poll }, from, until) => ({ poll, from: at(made + from), until: at(made + until) });
  const path = `/v1/sites/${id}/places/side`;
  let revision;
  const put = async (...calendar) => {
    ({ revision } = await sawt.ask('PUT', path, { calendar, revision }));
    // Replicas know a place for a second.
    const stands = calendar.find(({ from, until }) => from <= at(Date.now()) && at(Date.now()) < until)?.poll ?? null;
    while ((await (await fetch(`${sawt.origin}${path}/now`)).json()).poll !== stands) await new Promise((soon) => setTimeout(soon, 50));
  };
  await put(turn(polls[0], -HOUR, HOUR), turn(polls[1], HOUR, 2 * HOUR));
  return { id, polls, turn, put, path };
}

const LOADER = () => `<script async src="${set.sawt.origin}/embed.js"></script>`;
// As the README has it: with room for the poll before it is there.
const page = ({ id }) => `<style>main{inline-size:340px}</style><main><sawt-poll place="side" site="${id}" style="display: block; min-height: 309px"></sawt-poll><p id="after">…</p></main>${LOADER()}`;

const asks = async (page, question) => page.locator('.sawt-question').filter({ hasText: question }).waitFor();

/** A page that was kept, with a clock that the test moves on, and what it has asked the service for. */
async function kept(markup) {
  const reader = await set.reader();
  const one = await reader.open(`${set.publisher.origin}/blank`);
  await one.clock.install();
  const asked = [];
  one.on('request', (request) => request.url().startsWith(set.sawt.origin) && asked.push(new URL(request.url()).pathname));
  await one.goto(set.publisher.holding(markup, { 'cache-control': 'public, max-age=86400' }));
  return { reader, page: one, asked };
}

test('a page that was kept for hours shows the poll whose turn it is, changes when the turn ends, and asks for no more than any poll', async () => {
  const place = await site();
  const [first, second] = place.polls;
  const { page: one, asked } = await kept(page(place));
  await asks(one, first.question);
  const others = (path) => !/^\/v1\/(views|live)/.test(path) && !/place\.[\da-f]{8}\.js/.test(path);
  // One file more than a poll needs, and nothing waits for it.
  assert.deepEqual(asked.filter(others).map((path) => path.replace(/\.[\da-f]{8}\./, '.')), ['/embed.js', '/embed/assets/app.js', `/embed/sites/${place.id}/places/side`]);
  while (!asked.some((path) => /place\.[\da-f]{8}\.js/.test(path))) await new Promise((soon) => setTimeout(soon, 20));
  const moved = await shifted(one);
  // The turn is over: at the service, and by the clock of the page.
  await place.put(place.turn(first, -HOUR, 0), place.turn(second, 0, 2 * HOUR));
  await one.clock.fastForward(HOUR + 10_000);
  await asks(one, second.question);
  assert.ok(asked.includes(`${place.path}/now`));
  assert.deepEqual(await shifted(one), moved, 'what is below it moved when the turn ended');
  // A page that is opened now, of the same bytes, shows it at once.
  const { page: other } = await kept(page(place));
  await asks(other, second.question);
});

test('where nothing stands there is no gap, and what comes later appears', async () => {
  const place = await site();
  const [first] = place.polls;
  await place.put();
  const { reader, page: one } = await kept(page(place));
  await one.locator('sawt-poll[hidden]').waitFor({ state: 'attached' });
  assert.equal(await one.evaluate(() => document.querySelector('sawt-poll').getBoundingClientRect().height), 0);
  await place.put(place.turn(first, -HOUR, HOUR));
  await one.clock.fastForward(20 * 60_000);
  await asks(one, first.question);
  // And a place that is deleted leaves none either.
  await set.sawt.ask('DELETE', place.path);
  reader.excuse(/404/);
  while ((await fetch(`${set.sawt.origin}${place.path}/now`)).status !== 404) await new Promise((soon) => setTimeout(soon, 50));
  await one.clock.fastForward(20 * 60_000);
  await one.locator('sawt-poll[hidden]').waitFor({ state: 'attached' });
});

test('a reader who has begun to answer keeps the poll until they have voted', async () => {
  const place = await site();
  const [first, second] = place.polls;
  const { page: one, asked } = await kept(page(place));
  await asks(one, first.question);
  while (!asked.some((path) => /place\.[\da-f]{8}\.js/.test(path))) await new Promise((soon) => setTimeout(soon, 20));
  await one.locator('input[value="yes"]').check();
  await place.put(place.turn(first, -HOUR, 0), place.turn(second, 0, 2 * HOUR));
  await one.clock.fastForward(HOUR + 10_000);
  while (!asked.includes(`${place.path}/now`)) await new Promise((soon) => setTimeout(soon, 20));
  await one.clock.runFor(5_000);
  assert.equal(await one.locator('.sawt-question').textContent(), first.question);
  assert.ok(await one.locator('input[value="yes"]').isChecked());
  await one.locator('.sawt-vote').click();
  await one.locator('.sawt[data-state="voted"]').waitFor();
  // They see what became of it, and then the next one, which has the focus that was in this.
  await one.clock.runFor(5_000);
  assert.equal(await one.locator('.sawt-question').textContent(), first.question);
  await one.clock.runFor(30_000);
  await asks(one, second.question);
  await one.waitForFunction(() => document.querySelector('sawt-poll').shadowRoot.activeElement?.matches('input'));
  assert.equal((await set.sawt.tally(first)).ballots, 1);
});

test('a frame shows what stands in a place, with script and without, changes with it, and takes no room where nothing does', async () => {
  const place = await site();
  const [first, second] = place.polls;
  const frame = `<iframe src="${set.sawt.origin}/embed/sites/${place.id}/places/side" title="poll" height="300"></iframe>${LOADER()}`;
  const { page: one } = await kept(frame);
  const within = one.frameLocator('iframe');
  await within.locator('.sawt-question').filter({ hasText: first.question }).waitFor();
  await within.locator('input[value="yes"]').waitFor();
  await place.put(place.turn(first, -HOUR, 0), place.turn(second, 0, 2 * HOUR));
  await one.clock.fastForward(HOUR + 10_000);
  await within.locator('.sawt-question').filter({ hasText: second.question }).waitFor();
  await place.put();
  const { page: empty } = await kept(frame);
  await empty.waitForFunction(() => document.querySelector('iframe').getBoundingClientRect().height < 10);
  const plain = await (await set.readerWithout('javascript')).open(`${set.sawt.origin}/embed/${second.id}`);
  await plain.locator('input[value="yes"]').waitFor();
});
