// An editor makes a poll: in Arabic, with script and without, and finds it in a page of another origin.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, lookAtPage } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();
const QUESTION = 'هل تتوقع حل مجلس الأمة؟';

/** A site with a key for its newsroom, and a browser in front of its door. */
async function door(options = {}) {
  const { sawt, publisher } = set;
  const site = await sawt.site([publisher.origin], { name: 'الراي', timezone: 'Asia/Kuwait' });
  const scopes = ['polls:read', 'polls:write', 'results:read'];
  const { key } = await sawt.ask('POST', '/v1/keys', { site, scopes, name: 'مكتب التحرير' });
  const reader = await set.reader({ locale: 'ar', viewport: DESKTOP, reducedMotion: 'reduce', ...options });
  // What the test itself runs in every frame does not run in the preview's.
  reader.excuse(/Blocked script execution in '[^']+\/preview'/);
  const page = await reader.open(`${sawt.origin}/newsroom`);
  return { site, key, reader, page };
}

const polls = async (site) => (await set.sawt.ask('GET', `/v1/polls?site=${site}`)).items;

/** Where a poll that was just made is: the page of it, whose address has its id. */
async function made(page) {
  await page.waitForURL(/polls\/[0-9a-f-]{36}/);
  return page.url().match(/polls\/([0-9a-f-]{36})/)[1];
}

const look = (page, name) => lookAtPage(page, `newsroom-${name}`, PHONE);

test('an editor signs in, makes the poll of the day in under ten actions, and readers of a page elsewhere vote in it', async () => {
  const { sawt, publisher } = set;
  const { key, page } = await door();
  await look(page, 'door');
  await page.fill('#key', key); // 1
  await page.keyboard.press('Enter'); // 2
  await page.locator('.empty').waitFor();
  await look(page, 'empty');
  await page.click('.head a'); // 3
  await page.fill('#question', QUESTION); // 4
  const first = page.locator('[name="label"]').first();
  await first.fill('نعم'); // 5
  await first.press('Enter'); // 6
  await page.keyboard.type('لا'); // 7
  const preview = page.frameLocator('iframe[name="preview"]');
  await preview.locator('.sawt-question', { hasText: QUESTION }).waitFor();
  await preview.getByRole('radio', { name: 'لا' }).waitFor({ state: 'attached' });
  await look(page, 'make');
  await page.click('button[value="publish"]'); // 8
  const poll = await sawt.ask('GET', `/v1/polls/${await made(page)}`);
  assert.deepEqual(poll.options.map(({ label }) => label), ['نعم', 'لا']);
  assert.equal(poll.state, 'open');
  const reader = await set.reader();
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  await shown.$('label', { hasText: 'نعم' }).first().click();
  await shown.$('.sawt-vote').click();
  await shown.is('voted');
});

test('a preview that follows what is typed adds no step back to the history', async () => {
  const { key, page } = await door();
  await page.fill('#key', key);
  await page.keyboard.press('Enter');
  await page.click('.head a');
  await page.locator('[name="label"]').nth(0).fill('نعم');
  await page.locator('[name="label"]').nth(1).fill('لا');
  const steps = () => page.evaluate(() => history.length);
  const frame = page.locator('iframe[name="preview"]');
  const before = [await steps(), await frame.boundingBox()];
  for (const question of ['أول سؤال؟', 'ثاني سؤال؟', 'ثالث سؤال؟']) {
    await page.fill('#question', question);
    await frame.contentFrame().locator('.sawt-question', { hasText: question }).waitFor();
  }
  assert.deepEqual([await steps(), await frame.boundingBox()], before);
  assert.deepEqual([await frame.getAttribute('sandbox'), await frame.getAttribute('title')], ['', 'معاينة']);
  await page.goBack();
  await page.waitForURL(/\/polls$/);
});

test('several lines that are pasted are several answers, and one that is removed is gone', async () => {
  const { site, key, reader, page } = await door();
  reader.excuse(/422 \(Unprocessable/);
  await page.fill('#key', key);
  await page.keyboard.press('Enter');
  await page.click('.head a');
  await page.fill('#question', QUESTION);
  const paste = (text, at) => page.locator('[name="label"]').nth(at).evaluate((input, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text', pasted);
    input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, text);
  // What is selected is replaced by the first line.
  await page.locator('[name="label"]').first().fill('خطأ');
  await page.locator('[name="label"]').first().selectText();
  await paste('نعم\nلا\nربما\n\nلا أدري', 0);
  const labels = () => page.locator('[name="label"]').evaluateAll((inputs) => inputs.map(({ value }) => value));
  assert.deepEqual(await labels(), ['نعم', 'لا', 'ربما', 'لا أدري']);
  await page.locator('.remove').nth(2).click();
  assert.deepEqual(await labels(), ['نعم', 'لا', 'لا أدري']);
  // More than a poll may have are not cut off in silence.
  const many = Array.from({ length: 38 }, (_, place) => `خيار ${place + 1}`);
  await page.locator('[name="label"]').nth(2).fill('');
  await paste(many.join('\n'), 2);
  assert.deepEqual(await labels(), ['نعم', 'لا', ...many]);
  await page.click('button[value="publish"]');
  assert.match(await page.locator('.options .wrong').first().textContent(), /32/);
  assert.deepEqual([await labels(), await polls(site)], [['نعم', 'لا', ...many], []]);
  for (let left = 37; left > 0; left -= 1) await page.locator('.remove').last().click();
  await page.locator('[name="label"]').last().fill('لا أدري');
  assert.deepEqual(await labels(), ['نعم', 'لا', 'لا أدري']);
  await page.click('button[value="draft"]');
  await made(page);
  const [poll] = await polls(site);
  assert.deepEqual([poll.state, poll.options.length], ['draft', 3]);
});

test('without script an editor makes a poll too, and what is wrong is said at its field', async () => {
  const { site, key, reader, page } = await door({ javaScriptEnabled: false, viewport: PHONE });
  reader.excuse(/422 \(Unprocessable/);
  await page.fill('#key', key);
  await page.click('.lone button');
  await page.click('.head a');
  await page.click('button[value="start:agree"]');
  assert.equal(await page.locator('[name="label"]').count(), 4);
  await page.fill('#question', QUESTION);
  await page.locator('[name="label"]').nth(1).fill('أوافق');
  await page.click('button[value="publish"]');
  assert.match(await page.locator('.options .wrong').textContent(), /لا يستطيع القارئ/);
  assert.deepEqual(await polls(site), []);
  await page.locator('[name="label"]').nth(1).fill('أميل إلى الموافقة');
  await page.click('#show');
  await page.frameLocator('iframe[name="preview"]').locator('.sawt-question', { hasText: QUESTION }).waitFor();
  await page.click('button[value="publish"]');
  await made(page);
  assert.equal((await polls(site))[0].question, QUESTION);
});
