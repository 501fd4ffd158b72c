// Ranked polls: options are put into an order by pressing, by buttons, by arrow keys and by dragging, and without script by
// numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { Shown, look } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const LABELS = {
  ar: ['النقل العام', 'الحدائق والممشى', 'المدارس الحكومية', 'المراكز الصحية'],
  en: ['Public transport', 'Parks and paths', 'State schools', 'Health centres'],
};
const IDS = ['bus', 'park', 'school', 'health'];

const ranking = (language, more) => ({
  kind: 'ranked',
  language,
  question: language === 'ar' ? 'رتّب ما يهمّك أكثر في مدينتك' : 'What matters most in your town?',
  options: IDS.map((id, place) => ({ id, label: LABELS[language][place] })),
  changeable: true,
  ...more,
});

/** The options as they stand, and how many of them are ranked. */
async function order(shown) {
  const picks = shown.$('[name=choices]');
  const ranked = await picks.evaluateAll((picks) => picks.filter((pick) => pick.ariaPressed === 'true').map((pick) => pick.value));
  const all = await picks.evaluateAll((picks) => picks.map((pick) => pick.value));
  assert.deepEqual(all.slice(0, ranked.length), ranked, 'what is ranked stands first');
  return ranked;
}

for (const [language, viewport] of [['ar', PHONE], ['en', DESKTOP]]) {
  const is = (ar, en) => (language === 'ar' ? ar : en);
  const size = viewport === PHONE ? 'phone' : 'desktop';

  test(`options are ranked by pressing, buttons, arrows and dragging, and the run-off's winner is told (${language}, ${size})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll(ranking(language));
    await sawt.vote(poll, ['bus', 'park'], 4);
    await sawt.vote(poll, ['school', 'bus', 'park', 'health'], 3);
    await sawt.vote(poll, ['health', 'school'], 2);
    const reader = await set.reader({ viewport, locale: language });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
    await shown.is('open');
    const pick = (id) => shown.$(`[name=choices][value="${id}"]`);
    const beside = (id, button) => shown.$(`.sawt-option:has([value="${id}"]) .sawt-${button}`);
    await look(shown, `ranked-open-${language}-${size}`);
    // What has no place can't be moved.
    assert.ok(await beside('bus', 'up').isHidden());
    await shown.press();
    await shown.says(is(/اختر إجابة/, /choose|answer/i));

    // Pressing gives the next place, and takes it away.
    for (const id of ['park', 'bus', 'health']) await pick(id).click();
    assert.deepEqual(await order(shown), ['park', 'bus', 'health']);
    await shown.says(is('\u2068المراكز الصحية\u2069: المرتبة 3', '\u2068Health centres\u2069: place 3'));
    await pick('bus').click();
    await shown.says(is('\u2068النقل العام\u2069: بلا ترتيب', '\u2068Public transport\u2069: not ranked'));
    assert.deepEqual(await order(shown), ['park', 'health']);
    await pick('school').click();

    // By its buttons, which keep the focus.
    await beside('school', 'up').click();
    assert.deepEqual(await order(shown), ['park', 'school', 'health']);
    await shown.says(is('\u2068المدارس الحكومية\u2069: المرتبة 2', '\u2068State schools\u2069: place 2'));
    assert.equal(await shown.focused(), 'button.sawt-up');
    await beside('park', 'down').click();
    assert.deepEqual(await order(shown), ['school', 'park', 'health']);
    assert.match(await beside('park', 'down').getAttribute('aria-label'), is(/أنزل: الحدائق/, /Move down: Parks/));
    await look(shown, `ranked-chosen-${language}-${size}`);

    // By keys alone.
    await pick('bus').focus();
    await shown.page.keyboard.press('Enter');
    assert.deepEqual(await order(shown), ['school', 'park', 'health', 'bus']);
    for (let step = 0; step < 3; step += 1) await shown.page.keyboard.press('ArrowUp');
    await shown.page.keyboard.press('ArrowDown');
    assert.deepEqual(await order(shown), ['school', 'bus', 'park', 'health']);
    assert.equal(await shown.focused(), 'button[value=bus]');

    // By dragging: above the first, and below all that are ranked.
    const drag = async (id, over, where) => {
      const [from, to] = [await shown.box(`.sawt-option:has([value="${id}"]) .sawt-grip`), await shown.box(`.sawt-option:has([value="${over}"])`)];
      await shown.page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
      await shown.page.mouse.down();
      await shown.page.mouse.move(from.x + from.width / 2, to.y + to.height * where, { steps: 12 });
      await shown.page.mouse.up();
    };
    await drag('health', 'school', 0.2);
    assert.deepEqual(await order(shown), ['health', 'school', 'bus', 'park']);
    await pick('park').click();
    await pick('bus').click();
    await drag('school', 'park', 0.9);
    assert.deepEqual(await order(shown), ['health'], 'what is put below those without a place has none');
    await drag('bus', 'health', 0.1);
    // Keys are heard after a drop as before.
    await pick('school').focus();
    await shown.page.keyboard.press('Enter');
    assert.deepEqual(await order(shown), ['bus', 'health', 'school']);

    await shown.press();
    await shown.is('voted');
    const tally = await sawt.tally(poll);
    assert.deepEqual(tally.options.map(({ votes, borda }) => [votes, borda]), [[5, 29], [0, 18], [3, 20], [2, 14]]);
    const rows = await shown.results(is('10', '10'));
    assert.equal(rows[0].votes, is('5 أصوات · 29 نقطة', '5 votes · 29 points'));
    const mine = (id) => shown.$(`[data-option="${id}"] .sawt-mine`);
    assert.equal(await mine('health').textContent(), is('ترتيبك: 2', 'Your rank: 2'));
    assert.ok(await mine('bus').isVisible() && !(await mine('park').isVisible()));
    await look(shown, `ranked-voted-${language}-${size}`);

    // Whoever thinks again finds the order as it was; and so does who comes back.
    await shown.page.reload();
    await shown.is('voted');
    await shown.$('.sawt-change').click();
    assert.deepEqual(await order(shown), ['bus', 'health', 'school']);
    await beside('health', 'up').click();
    await shown.press();
    await shown.says(is(/غُيّر/, /changed/i));
    assert.equal(await mine('health').textContent(), is('ترتيبك: 1', 'Your rank: 1'));

    // bus has 4, school and health 3 each: whichever of these goes out, bus wins.
    // Not all who look ask at the moment of the close; and whoever gets no answer asks again.
    const asked = [];
    await shown.page.route('**/results/runoff', async (route) => {
      asked.push(route);
      if (asked.length > 1) await route.continue();
      else await route.fulfill({ status: 503, body: 'no' });
    });
    reader.excuse(/the server responded with a status of 503/);
    await shown.page.clock.install();
    await shown.page.clock.pauseAt(Date.now() + 1000);
    await sawt.close(poll);
    await shown.is('closed');
    assert.equal(asked.length, 0);
    while (!(await shown.$('.sawt-lead:not(:empty)').count())) await shown.page.clock.runFor(1000);
    assert.equal(asked.length, 2);
    await shown.page.clock.resume();
    const { winner } = await (await fetch(`${sawt.origin}/v1/polls/${poll.id}/results/runoff`)).json();
    const led = await shown.$('.sawt-lead').evaluateAll((leads) => leads.filter((lead) => lead.textContent).map((lead) => lead.closest('li').dataset.option));
    assert.deepEqual(led, [winner]);
    await look(shown, `ranked-closed-${language}-${size}`);
  });
}

test('at the limit no other option gets a place, whichever way it is tried', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(ranking('ar', { max_choices: 2, options: IDS.map((id) => ({ id, label: `$& ${id}` })) }));
  const shown = await Shown.open({ reader: await set.reader({ viewport: PHONE, locale: 'ar' }), publisher, sawt, poll, mode: 'page' });
  await shown.is('open');
  for (const id of ['bus', 'park']) await shown.$(`[value="${id}"]`).click();
  // A label is told as it is, whatever stands in it.
  await shown.says('\u2068$& park\u2069: المرتبة 2');
  await shown.$('[value="school"]').click();
  assert.deepEqual(await order(shown), ['bus', 'park']);
  await shown.says(/أخرج خيارًا من الترتيب/);
});

test('without JavaScript options are ranked by numbers, and a number that comes twice is to be put right', async () => {
  const { sawt } = set;
  const poll = await sawt.poll(ranking('ar'));
  const reader = await set.reader({ javaScriptEnabled: false, viewport: PHONE });
  reader.excuse(/the server responded with a status of 422/);
  const page = await reader.open(`${sawt.origin}/embed/${poll.id}/form`);
  const shown = Shown.in(page, 'page');
  const rank = (id, number) => shown.$(`select[name="rank.${id}"]`).selectOption(`${number}`);
  const axeAt = async () => axe(await (await set.reader({ viewport: PHONE })).open(page.url()));
  assert.deepEqual(await axeAt(), []);
  await rank('school', 1);
  await rank('bus', 1);
  await picture(page, 'ranked-form-open');
  await shown.press();
  await shown.says(/المرتبة نفسها/);
  assert.equal(await shown.$('select[name="rank.school"]').inputValue(), '1', 'what was chosen is still there');
  await rank('bus', 3);
  await shown.press();
  await shown.is('voted');
  assert.equal(await shown.$('[data-option="bus"] .sawt-mine').textContent(), 'ترتيبك: 2');
  await picture(page, 'ranked-form-voted');
  await sawt.close(poll);
  await page.reload();
  await shown.is('closed');
  assert.equal(await shown.$('[data-option="school"] .sawt-lead').textContent(), 'الفائز بعد جولات الإقصاء');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ borda }) => borda), [3, 0, 4, 0]);
});
