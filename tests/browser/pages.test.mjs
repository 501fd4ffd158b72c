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

// What 318,000 votes came by once: pages that had their readers' browsers vote as the page loads, as somebody new each time.
test('no hidden form and no script of a stranger’s page votes', async () => {
  const { sawt, publisher } = set;
  const listed = await sawt.poll({ site: await sawt.site(['https://news.example']) });
  const open = await sawt.poll({ site: await sawt.site() });
  const reader = await set.reader();
  reader.excuse(/Failed to load resource|Content Security Policy|CORS policy/);
  const page = await reader.open(`${publisher.origin}/blank`);
  const nonce = () => Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
  const vote = () => `{"choices":["yes"],"voter":{"nonce":"${nonce()}"}`;
  for (const poll of [listed, open]) {
    const action = `${sawt.origin}/v1/polls/${poll.id}/votes`;
    // The trick with the name makes the form's body JSON, or nearly so.
    for (const [name, value] of [
      [`${vote()},"x":"`, '"}'],
      [`${vote()}} `, ''],
      ['{"choices":["yes"],"voter":{"nonce":"', `${nonce()}"}}`],
    ]) {
      await page.setContent(`
        <form method="post" enctype="text/plain" action="${action}" target="hidden"><input></form>
        <iframe name="hidden" hidden></iframe>`);
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url().includes('/votes')),
        page.evaluate(
          ([name, value]) => {
            Object.assign(document.querySelector('input'), { name, value });
            document.querySelector('form').submit();
          },
          [name, value],
        ),
      ]);
      assert.ok([400, 401, 403].includes(answer.status()), `${answer.status()}`);
    }
    // Text needs no leave, whether a script asks for the answer or not.
    const send = (mode) =>
      page.evaluate(
        ([action, body, mode]) => fetch(action, { method: 'POST', mode, body }).then(() => {}, () => {}),
        [action, `${vote()}}`, mode],
      );
    await send('no-cors');
    if (poll === listed) await send('cors');
    assert.equal((await sawt.tally(poll)).ballots, 0);
    // Where any page may vote, that one does which waits for the answer: so the body was a vote.
    if (poll === open) await send('cors');
    assert.equal((await sawt.tally(poll)).ballots, poll === open ? 1 : 0);
  }
});
