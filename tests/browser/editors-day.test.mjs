// An editor's whole day with the poll of the day, in Arabic: on the embedded store, and on two replicas that share a Redis,
// where the editor is now on one of them and now on the other; with script and without.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { DESKTOP } from './browser.mjs';
import { Shown } from './poll.mjs';
import { Receiver } from './receiver.mjs';
import { stage } from './stage.mjs';
import { RedisStore, SAWT_SECRET } from './stores.mjs';

// Five hundred readers come from one address.
const ONE_ADDRESS = {
  SAWT_QUOTA_MINT: 'off',
  SAWT_QUOTA_BALLOT: 'off',
  SAWT_QUOTA_CLIENT: 'off',
  SAWT_QUOTA_READ: 'off',
  ...Receiver.SETTINGS,
};
const set = stage(ONE_ADDRESS);
const QUESTION = 'هل تتوقع حل مجلس الأمة ؟';
const REWORDED = 'هل تتوقع حلّ مجلس الأمة قبل نهاية العام؟';
const REASON = 'سأل القراء: متى؟';
const READERS = 500;

/** Where the editor works, and where else the service is: two replicas, or twice the same. */
const STORES = {
  'the embedded store': async () => [set.sawt, set.sawt],
  'two replicas': async () => {
    const store = await set.closedAtEnd(await RedisStore.open(ONE_ADDRESS));
    const other = await set.replica({ SAWT_STORE: store.address, SAWT_SECRET, ...ONE_ADDRESS });
    return [store.sawt, other];
  },
};

/** So many readers vote, at both, some at a time; every fourth for the second option. */
async function crowd(replicas, poll) {
  const [first, second] = poll.options.map(({ id }) => id);
  let next = 0;
  const reader = async () => {
    while (next < READERS) {
      const place = next++;
      await replicas[place % 2].vote(poll, [place % 4 ? first : second]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, reader));
}

for (const [name, open] of Object.entries(STORES)) {
  for (const javaScriptEnabled of [true, false]) {
    test(`an editor’s day on ${name}, ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
      const replicas = await open();
      const [here, there] = replicas;
      const site = await here.site([set.publisher.origin], { name: 'الراي', timezone: 'Asia/Kuwait' });
      const scopes = ['polls:read', 'polls:write', 'results:read'];
      const { id: by, key } = await here.ask('POST', '/v1/keys', { site, scopes, name: 'مكتب التحرير' });
      // The publisher's own server is told what happens.
      const receiver = await set.closedAtEnd(await Receiver.start());
      ({ secret: receiver.secret } = await here.ask('POST', `/v1/sites/${site}/webhooks`, { url: receiver.url }));
      const origins = [here.origin, there.origin];
      const editor = await set.reader({ locale: 'ar', viewport: DESKTOP, reducedMotion: 'reduce', javaScriptEnabled }, ...origins);
      // What the test itself runs in every frame does not run in the preview's.
      editor.excuse(/Blocked script execution in '[^']+\/preview'/);

      // The poll of the day, in under ten actions.
      const page = await editor.open(`${here.origin}/newsroom`);
      await page.fill('#key', key);
      await page.click('.lone button');
      await page.click('.head a');
      await page.click('button[value="start:yes_no"]');
      await page.fill('#question', QUESTION);
      await page.click('button[value="publish"]');
      await page.waitForURL(/polls\/[0-9a-f-]{36}/);
      const id = page.url().match(/polls\/([0-9a-f-]{36})/)[1];
      const poll = await there.ask('GET', `/v1/polls/${id}`);

      // A reader of a page elsewhere sees it, and votes at the other replica.
      const reader = await set.reader({}, ...origins);
      const shown = await Shown.open({ reader, publisher: set.publisher, sawt: there, poll, mode: 'element' });
      await shown.is('open');
      await shown.choose(poll.options[0].id);
      await shown.press();
      await shown.is('voted');

      // The editor, at the other replica now, watches five hundred more.
      const own = `${there.origin}/newsroom/sites/${site}/polls/${id}`;
      await page.goto(own);
      // Where votes fill a slow machine, what editors look at waits, and may be told to look again.
      editor.excuse(/503.*\/polls\//);
      await crowd(replicas, poll);
      const total = page.locator('.total').filter({ hasText: String(READERS + 1) });
      // A replica has heard of another's votes a moment later. With script the page itself goes on.
      while (!javaScriptEnabled && !(await total.isVisible())) await page.reload();
      await total.waitFor();

      // Reworded with a reason, which readers are told who look at it.
      await page.click(`a[href$="${id}/edit"]`);
      await page.fill('#question', REWORDED);
      await page.fill('#reason', REASON);
      await page.click('button[value="save"]');
      await page.locator('h1', { hasText: REWORDED }).waitFor();
      await shown.$('.sawt-question', { hasText: REWORDED }).waitFor();

      // Closed, which is asked twice, and the figures taken home.
      await page.click(`a[href$="${id}/close"]`);
      await page.click('text="أغلق نهائيًا"');
      await page.locator('[role=status]', { hasText: 'أُغلق الاستطلاع نهائيًا' }).waitFor();
      await shown.is('closed');
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('a[href*="results.csv"]')]);
      const table = await readFile(await download.path(), 'utf8');
      assert.ok(table.includes(REWORDED) && table.includes('نعم') && table.includes(String((READERS * 3) / 4 + 1)), table);

      // All of it stands in the history, by whom.
      await page.goto(own);
      const history = (await page.locator('.history').innerText()).replaceAll(/\s+/g, ' ');
      for (const told of ['أُنشئ', 'فُتح', 'غُيّرت صياغة استطلاع', REASON, 'أُغلق', by]) assert.ok(history.includes(told), `${told}: ${history}`);
      const { items } = await here.ask('GET', `/v1/sites/${site}/events`);
      const events = items.filter((event) => event.poll === id);
      const types = events.map(({ type }) => type);
      assert.deepEqual(types, ['poll.created', 'poll.opened', 'poll.edited', 'poll.reworded', 'poll.closed']);
      // The publisher's server was told the same, signed.
      const received = await receiver.events(types.length);
      assert.deepEqual(received.map(({ data }) => data), events);
    });
  }
}
