// What a page of another origin may do, asked by a browser that keeps the rules.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { stage } from './stage.mjs';

const set = stage();

/** Votes as a page does that keeps the token itself, and reads the tally. Runs in the page. */
async function voteByToken({ origin, poll }) {
  const ask = async (path, options) => (await fetch(origin + path, { credentials: 'omit', ...options })).json();
  const { voter } = await ask('/v1/voters', { method: 'POST' });
  const headers = { authorization: `Voter ${voter}`, 'content-type': 'application/json' };
  await ask(`/v1/polls/${poll}/votes`, { method: 'POST', headers, body: JSON.stringify({ choices: ['yes'] }) });
  return ask(`/v1/polls/${poll}/results`);
}

test('a page of another origin votes by token where its site lists none, and leaves nothing on the device', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site() });
  const reader = await set.reader();
  const page = await reader.open(`${publisher.origin}/blank`);
  const tally = await page.evaluate(voteByToken, { origin: sawt.origin, poll: poll.id });
  assert.equal(tally.ballots, 1);
  assert.deepEqual(await reader.stored(), []);
});

test('a frame without an origin votes by token', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
  const reader = await set.reader();
  const page = await reader.open(`${publisher.origin}/blank`);
  await page.setContent(`<iframe sandbox="allow-scripts" src="${publisher.origin}/blank"></iframe>`);
  const frame = await (await page.waitForSelector('iframe')).contentFrame();
  assert.equal(await frame.evaluate(() => globalThis.origin), 'null');
  const tally = await frame.evaluate(voteByToken, { origin: sawt.origin, poll: poll.id });
  assert.equal(tally.ballots, 1);
});

test('the browser keeps a page that the site does not list from voting', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site(['https://news.example']) });
  const reader = await set.reader();
  reader.excuse(/blocked by CORS policy|net::ERR_FAILED/);
  const page = await reader.open(`${publisher.origin}/blank`);
  const vote = page.evaluate(voteByToken, { origin: sawt.origin, poll: poll.id });
  await assert.rejects(vote, /Failed to fetch/);
  assert.equal((await sawt.tally(poll)).ballots, 0);
});

test('a hidden form on a stranger’s page does not vote', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site() });
  const reader = await set.reader();
  reader.excuse(/Failed to load resource|Content Security Policy/);
  const page = await reader.open(`${publisher.origin}/blank`);
  // The trick with the name makes the form's body JSON.
  await page.setContent(`
    <form method="post" enctype="text/plain" action="${sawt.origin}/v1/polls/${poll.id}/votes">
      <input name='{"choices":["yes"],"x":"' value='"}'>
    </form>`);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().includes('/votes')),
    page.evaluate(() => document.querySelector('form').submit()),
  ]);
  assert.ok([401, 403, 415].includes(answer.status()), `${answer.status()}`);
  assert.equal((await sawt.tally(poll)).ballots, 0);
});
