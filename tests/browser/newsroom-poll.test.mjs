// A poll's page in the newsroom, the list, and what waits, as an editor meets them: in Arabic, on a phone and at a desk,
// with script and without.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, lookAtPage } from './browser.mjs';
import { stage } from './stage.mjs';

const set = stage({ SAWT_QUOTA_MINT: 'off', SAWT_QUOTA_CLIENT: 'off' });
const PHONE = { width: 390, height: 844 };

/** A key of a site that may do these things. */
async function key(site, scopes) {
  return (await set.sawt.ask('POST', '/v1/keys', { site, scopes, name: 'مكتب التحرير' })).key;
}

/** An editor of a site who has signed in, at this path below it. */
async function editor(site, path, options = {}, scopes = ['polls:read', 'polls:write', 'results:read']) {
  const reader = await set.reader({ locale: 'ar', viewport: DESKTOP, reducedMotion: 'reduce', ...options });
  const page = await reader.open(`${set.sawt.origin}/newsroom/sites/${site}${path}`);
  await page.fill('#key', await key(site, scopes));
  await page.click('.lone button');
  return { reader, page };
}

const look = (page, name) => lookAtPage(page, `newsroom-${name}`, PHONE);

const bars = (page) => page.locator('.bars li').evaluateAll((lines) =>
  lines.map((line) => [line.querySelector('.label').textContent.trim(), line.querySelector('.share').textContent.trim()].join(': ')));

test('an editor watches a poll, copies its code and closes it, which is asked twice', async () => {
  const { sawt } = set;
  const site = await sawt.site([], { name: 'الراي', timezone: 'Asia/Kuwait' });
  const poll = await sawt.poll({ site, results: 'never', closes_at: new Date(Date.now() + 3_600_000).toISOString() });
  await sawt.vote(poll, ['yes'], 2);
  const { reader, page } = await editor(site, `/polls/${poll.id}`);
  await reader.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: sawt.origin });
  assert.equal(await page.locator('h1').textContent(), poll.question);
  assert.deepEqual(await bars(page), ['نعم: 100% صوتان', 'لا: 0% لا أصوات']);
  // Readers never see this tally; the editor sees it move.
  await page.evaluate(() => (globalThis.isSamePage = true));
  await sawt.vote(poll, ['no'], 6);
  await page.locator('.bars li:nth-child(2) .share').filter({ hasText: '75% 6 أصوات' }).waitFor();
  await page.locator('.total').filter({ hasText: '8 أصوات' }).waitFor();
  assert.ok(await page.evaluate(() => globalThis.isSamePage), 'it moved without a reload');
  // Arabic bars grow from the right.
  const bar = await page.locator('.bars li:first-child .filled').boundingBox();
  const track = await page.locator('.bars li:first-child .meter').boundingBox();
  assert.ok(bar.width < track.width / 2 && Math.abs(bar.x + bar.width - (track.x + track.width)) < 1);
  // So do all numbers of the page, at once.
  // A minute may have begun meanwhile.
  await page.locator('.timeline ~ .about', { hasText: /الذروة: [3-8] أصوات/ }).waitFor();
  await page.reload();
  await look(page, 'poll');

  const code = page.locator('#code-element');
  assert.ok((await code.inputValue()).includes(`<sawt-poll poll="${poll.id}"`));
  await page.click('[data-copy="code-element"]');
  await page.locator('.copy [role=status]').filter({ hasText: 'نُسخ' }).first().waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await code.inputValue());
  await page.click('summary:has-text("إطار")');
  assert.ok((await page.locator('#code-frame').inputValue()).startsWith('<iframe'));

  await page.click('text="إغلاق…"');
  await page.locator('.note', { hasText: 'نهائي' }).waitFor();
  assert.equal((await sawt.ask('GET', `/v1/polls/${poll.id}`)).state, 'open', 'it was only asked');
  await look(page, 'close');
  await page.click('text="أغلق نهائيًا"');
  await page.locator('[role=status]', { hasText: 'أُغلق الاستطلاع نهائيًا' }).waitFor();
  assert.equal((await sawt.ask('GET', `/v1/polls/${poll.id}`)).state, 'closed');
  // What came true.
  await page.check('#resolve [value=yes]');
  await page.click('#resolve button');
  await page.locator('.bars .right', { hasText: 'هذا ما حدث' }).waitFor();
  await look(page, 'poll-resolved');

  // Closed by somebody else while the page is open: its head says so.
  const other = await sawt.poll({ site });
  await page.goto(`${sawt.origin}/newsroom/sites/${site}/polls/${other.id}`);
  await page.locator('.timeline').waitFor();
  await sawt.close(other);
  await page.locator('.facts .state[data-state=closed]').waitFor();
  await page.locator('.changed', { hasText: 'تغيّر الاستطلاع' }).waitFor();
  assert.equal(await page.locator('a[href$="/close"]').count(), 0);
  await page.goto(`${sawt.origin}/newsroom/sites/${site}/polls/${poll.id}`);

  // Deleted by somebody else while the page is open.
  reader.excuse(/status of 404/);
  await sawt.ask('DELETE', `/v1/polls/${poll.id}`);
  await page.locator('[role=alert]', { hasText: 'حُذف هذا الاستطلاع' }).waitFor();
  await page.reload();
  await page.locator('h1', { hasText: 'لا شيء هنا' }).waitFor();
});

test('a server that is busy is asked ever less often, and one that refuses is asked no more', async () => {
  const { sawt } = set;
  const site = await sawt.site([], {});
  const poll = await sawt.poll({ site });
  const { reader, page } = await editor(site, `/polls/${poll.id}`);
  await page.locator('.timeline').waitFor();
  const asked = [];
  reader.excuse(/status of (503|403)/);
  await page.route((url) => url.pathname.endsWith(`/polls/${poll.id}`), (route) => {
    asked.push(Date.now());
    return route.fulfill(asked.length > 2 ? { status: 403 } : { status: 503, headers: asked.length > 1 ? { 'retry-after': '5' } : {} });
  });
  await sawt.vote(poll, ['yes'], 1);
  await page.locator('[role=alert]', { hasText: 'انتهت جلستك' }).waitFor();
  await sawt.vote(poll, ['yes'], 1);
  const [first, second, third] = asked;
  assert.ok(second - first >= 1_990 && third - second >= 4_990, `${asked}`);
  assert.equal(asked.length, 3);
});

test('a page that nobody sees holds no connection, and shows the newest once it is seen', async () => {
  const { sawt } = set;
  const site = await sawt.site();
  const poll = await sawt.poll({ site });
  const { page } = await editor(site, `/polls/${poll.id}`);
  await page.locator('.timeline').waitFor();
  const turn = (isHidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
  const closed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/live'));
  await turn(true);
  await closed;
  await sawt.vote(poll, ['yes'], 3);
  assert.equal((await bars(page))[0], 'نعم: 0% لا أصوات', 'nobody sees it');
  await turn(false);
  await page.locator('.bars li:first-child .share').filter({ hasText: '100% 3 أصوات' }).waitFor();
  // It goes on from there.
  await sawt.vote(poll, ['no'], 1);
  await page.locator('.total').filter({ hasText: '4 أصوات' }).waitFor();
});

test('a page that answers a refused form moves like any other', async () => {
  const { sawt } = set;
  const site = await sawt.site();
  const poll = await sawt.poll({ site });
  const scopes = ['polls:read', 'polls:write', 'results:read', 'polls:moderate'];
  const { reader, page } = await editor(site, `/polls/${poll.id}`, {}, scopes);
  reader.excuse(/status of 422/);
  await page.click('#incidents summary');
  await page.fill('#new-incident', '   ');
  await page.click('#incidents details button');
  await page.locator('[role=alert]', { hasText: 'اكتب السبب' }).waitFor();
  assert.ok(page.url().endsWith('/incidents'), page.url());
  await sawt.vote(poll, ['yes'], 3);
  await page.locator('.total').filter({ hasText: '3 أصوات' }).waitFor();
  // What is typed there stays when another language is chosen, and its button leads to the poll's own page.
  await page.fill('#new-incident', 'دعوة في مجموعة');
  await page.click('.languages [value=fr]');
  await page.waitForURL((url) => url.pathname.endsWith(`/polls/${poll.id}`));
  assert.equal(await page.locator('html').getAttribute('lang'), 'fr');
  assert.equal(await page.locator('#new-incident').inputValue(), 'دعوة في مجموعة');
  assert.ok(await page.locator('#new-incident').isVisible());
});

test('without script all of it is forms, and a reload shows the newest', async () => {
  const { sawt } = set;
  const site = await sawt.site();
  const poll = await sawt.poll({ site, state: 'draft', open_answer: true });
  const { reader, page } = await editor(site, `/polls/${poll.id}`, { javaScriptEnabled: false });
  reader.excuse(/status of 422/);
  assert.equal(await page.locator('#code-element').count(), 0, 'readers find no draft');
  await page.click('text="انشر الآن"');
  await page.locator('[role=status]', { hasText: 'الاستطلاع مفتوح الآن' }).waitFor();
  await sawt.vote(poll, ['yes'], 3);
  const { voter } = await sawt.ask('POST', '/v1/voters', undefined, '');
  await sawt.ask('POST', `/v1/polls/${poll.id}/votes`, { choices: ['other'], open_answer: 'بعد رمضان' }, `Voter ${voter}`);
  await page.reload();
  assert.equal((await bars(page))[0], 'نعم: 75% 3 أصوات');
  assert.ok(!(await page.locator('[data-copy="code-element"]').isVisible()), 'a button that would do nothing');
  // One of the readers' own words is let be.
  await page.click('#answers button:has-text("أظهِر")');
  await page.locator('[role=status]', { hasText: 'سُجّل قرارك' }).waitFor();
  const { open_answers: shown } = await sawt.tally(poll);
  assert.deepEqual(shown.map(({ text }) => text), ['بعد رمضان']);
  // Deleted by typing how its question begins, in whatever way.
  await page.click('text="حذف…"');
  await page.fill('#words', 'هل تتوقع');
  await page.click('button.danger');
  await page.locator('#wrong').waitFor();
  await page.fill('#words', 'هَل تتوقّع حـل');
  await page.click('button.danger');
  await page.locator('[role=status]', { hasText: 'حُذف الاستطلاع' }).waitFor();
});

test('the list is searched and sorted, every kind has its page, and what waits is counted in the bar', async () => {
  const { sawt } = set;
  // In a time zone in which today goes on for hours, whatever the clock says.
  const timezone = (new Date().getUTCHours() + 3) % 24 < 20 ? 'Asia/Kuwait' : 'America/Los_Angeles';
  const site = await sawt.site([], { name: 'الراي', timezone });
  const soon = new Date(Date.now() + 3 * 3_600_000).toISOString();
  const made = {};
  const make = async (name, members, ...votes) => {
    made[name] = await sawt.poll({ site, ...members });
    for (const [choices, count] of votes) await sawt.vote(made[name], choices, count);
  };
  await make('seed', {}, [['yes'], 7], [['no'], 4]);
  await make('own', { question: 'ما رأيك في قانون الإيجارات الجديد؟', open_answer: true }, [['yes'], 2]);
  for (const said of ['يحتاج إلى تعديل', 'متأخر عشر سنوات']) {
    const { voter } = await sawt.ask('POST', '/v1/voters', undefined, '');
    await sawt.ask('POST', `/v1/polls/${made.own.id}/votes`, { choices: ['other'], open_answer: said }, `Voter ${voter}`);
  }
  const stars = { kind: 'rating', options: undefined, question: 'ما تقييمك لخطاب الميزانية؟' };
  await make('rating', stars, [['5'], 3], [['4'], 2], [['2'], 1]);
  const emoji = [['like', '👍', 'أعجبني'], ['sad', '😢', 'أحزنني']].map(([id, emoji, label]) => ({ id, emoji, label }));
  await make('reaction', { kind: 'reaction', question: 'ما شعورك بعد القراءة؟', options: emoji }, [['like'], 3], [['sad'], 2]);
  const names = ['الاقتصاد', 'التعليم', 'الصحة', 'الإسكان'].map((label, place) => ({ id: `o${place}`, label }));
  await make('ranked', { kind: 'ranked', question: 'رتّب أولويات المجلس', options: names },
    [['o0', 'o1'], 3], [['o1', 'o2', 'o0'], 2], [['o2', 'o1'], 2], [['o3', 'o2'], 1]);
  await sawt.close(made.ranked);
  await make('quiz', { question: 'في أي عام صدر الدستور؟', correct: 'yes', options: [{ id: 'yes', label: '1962' }, { id: 'no', label: '1961' }] }, [['yes'], 5], [['no'], 3]);
  await make('several', { kind: 'multiple', max_choices: 2, question: 'ما الذي يهمك أكثر في جلسة الغد؟', options: names, closes_at: soon }, [['o0', 'o2'], 3], [['o1'], 2]);
  await make('draft', { state: 'draft', question: 'هل تؤيد تعديل قانون الانتخاب؟' });
  await make('later', { opens_at: '2999-03-01T09:30:00Z', question: 'هل تتابع الانتخابات التكميلية؟' });

  const { page } = await editor(site, '/polls');
  await page.locator('.bar .count').or(page.locator('h1')).first().waitFor();
  const questions = () => page.locator('.polls th[scope=row]').allTextContents();
  assert.equal((await questions()).length, 9);
  await look(page, 'list');
  await page.setViewportSize(DESKTOP);
  await page.fill('#q', 'قانون');
  await page.selectOption('#sort', 'votes');
  await page.click('.search button');
  await page.waitForURL(/sort=votes/);
  assert.deepEqual(await questions(), [made.own.question, made.draft.question]);
  await page.selectOption('#state', 'draft');
  await page.click('.search button');
  await page.waitForURL(/state=draft/);
  assert.deepEqual(await questions(), [made.draft.question]);

  await page.goto(`${sawt.origin}/newsroom/sites/${site}/waiting`);
  assert.equal(await page.locator('.bar .count').textContent(), '2');
  await look(page, 'waiting');
  await page.click('.answers li:has-text("متأخر عشر سنوات") button:has-text("أخفِ")');
  await page.locator('[role=status]', { hasText: 'سُجّل قرارك' }).waitFor();
  assert.equal(await page.locator('.answers li').count(), 1);

  for (const [name, expected] of [
    ['rating', 'المتوسط 4.2 من 5'],
    ['reaction', '60% 3 أصوات'],
    ['ranked', 'الفائز: الصحة'],
    ['quiz', 'الإجابة الصحيحة'],
    ['own', 'يحتاج إلى تعديل'],
  ]) {
    await page.goto(`${sawt.origin}/newsroom/sites/${site}/polls/${made[name].id}`);
    const said = (await page.locator('main').innerText()).replace(/\s+/g, ' ');
    assert.ok(said.includes(expected), `${name}: ${said}`);
    await look(page, `poll-${name}`);
    await page.setViewportSize(DESKTOP);
  }
  // Whoever may only read is offered nothing else.
  const viewer = await editor(site, `/polls/${made.seed.id}`, {}, ['polls:read']);
  assert.equal(await viewer.page.locator('main form, main .button, [download]:not([href$="qr.svg"])').count(), 0);
});
