// A vote pressed in a tunnel is not lost and not doubled.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES, Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

async function begin(mode, members) {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(members);
  const wire = await set.wire();
  const reader = await set.reader({}, wire.origin);
  reader.excuse(/net::ERR_|Failed to load resource/);
  const shown = await Shown.open({ reader, publisher, sawt: wire, poll, mode });
  await shown.is('open');
  return { sawt, publisher, poll, wire, reader, shown };
}

for (const mode of MODES) {
  test(`a vote whose answer is lost on the way is sent again and counted once (${mode})`, async () => {
    const { sawt, poll, wire, shown } = await begin(mode);
    await shown.choose('yes');
    const lost = wire.loseNextAnswer();
    await shown.press();
    await lost;
    await shown.is('offline');
    assert.equal((await sawt.tally(poll)).ballots, 1, 'it was counted, and nobody heard');
    wire.mend();
    await shown.again();
    await shown.results('صوت واحد');
    assert.equal((await sawt.tally(poll)).ballots, 1);
    assert.ok(wire.votes >= 2, 'it was sent again');
  });
}

test('whoever presses the button need not wait until the vote is sent again by itself', async () => {
  const { sawt, poll, wire, reader, shown } = await begin('page');
  const votes = `${wire.origin}/v1/polls/${poll.id}/votes`;
  const refusal = { type: 'urn:sawt:problem:overloaded', title: '', status: 503, code: 'overloaded' };
  const contentType = 'application/problem+json';
  await reader.context.route(votes, (route) =>
    route.fulfill({ status: 503, headers: { 'retry-after': '3600' }, contentType, body: JSON.stringify(refusal) }));
  await shown.choose('yes');
  await shown.press();
  await shown.is('offline');
  await reader.context.unroute(votes);
  await shown.$('.sawt-retry').click();
  await shown.is('voted');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a vote pressed without a connection goes off by itself when there is one', async () => {
  const { sawt, poll, wire, shown } = await begin('script');
  await shown.choose('no');
  wire.cut();
  await shown.press();
  await shown.is('offline');
  wire.mend();
  // The browser says so; nobody presses anything.
  await shown.page.evaluate(() => dispatchEvent(new Event('online')));
  await shown.is('voted');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [0, 1]);
});

test('a vote that waits for a connection outlives a reload, and is counted once', async () => {
  const { sawt, publisher, poll, wire, reader, shown } = await begin('script');
  await shown.choose('yes');
  const lost = wire.loseNextAnswer();
  await shown.press();
  await lost;
  await shown.is('offline');
  await shown.page.close();
  wire.mend();
  const again = await Shown.open({ reader, publisher, sawt: wire, poll, mode: 'script' });
  await again.is('voted');
  assert.ok(await again.$('[data-option="yes"] .sawt-mine').isVisible());
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('pressing again and again while it is sent sends one ballot', async () => {
  const { sawt, poll, wire, shown } = await begin('element');
  await shown.choose('yes');
  await shown.root.evaluate((root) => {
    const button = root.querySelector('.sawt-vote');
    for (let presses = 0; presses < 20; presses += 1) button.click();
  });
  await shown.is('voted');
  assert.equal((await sawt.tally(poll)).ballots, 1);
  assert.equal(wire.votes, 1);
});

test('the tally moves again after the connection was gone', async () => {
  const { sawt, poll, wire, shown } = await begin('script');
  await shown.vote('yes');
  await shown.results('صوت واحد');
  wire.cut();
  await sawt.vote(poll, ['no'], 2);
  wire.mend();
  await shown.results('3 أصوات');
});
