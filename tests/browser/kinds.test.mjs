// Ratings and reactions: what a reader sees of them, by mouse and by keyboard, in both directions of writing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { Shown, look } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const RATINGS = {
  ar: { kind: 'rating', options: undefined, language: 'ar', question: 'ما تقييمك لهذا المقال؟', changeable: true },
  en: { kind: 'rating', options: undefined, language: 'en', question: 'How do you rate this article?', changeable: true },
};
const SCALES = {
  ar: { low: 0, high: 10, low_label: 'مستبعد جدًا', high_label: 'مرجّح جدًا' },
  en: { low: 0, high: 10, low_label: 'Not at all likely', high_label: 'Very likely' },
};
const REACTIONS = {
  ar: ['أعجبني', 'أحببته', 'أضحكني', 'أدهشني', 'أحزنني', 'أغضبني'],
  en: ['Like', 'Love', 'Funny', 'Surprising', 'Sad', 'Angry'],
};

const reaction = (language, more) => ({
  kind: 'reaction',
  language,
  question: language === 'ar' ? 'ما شعورك بعد القراءة؟' : 'How does this leave you?',
  options: ['👍', '❤️', '😂', '😮', '😢', '😡'].map((emoji, place) => ({ id: `r${place + 1}`, emoji, label: REACTIONS[language][place] })),
  ...more,
});

/** Each emoji's button, as a screen reader is told: its name, and whether it is pressed. */
async function pressed(shown) {
  return shown.$('[name=choices][aria-pressed="true"]').evaluateAll((buttons) => buttons.map((button) => button.value));
}

/** The counts that stand in the buttons. */
async function counts(shown) {
  return shown.$('.sawt-option .sawt-votes').allTextContents();
}

/** Waits until the counts are these. */
async function hasCounts(shown, ...expected) {
  for (const [place, count] of expected.entries())
    await shown.$(`[name=choices]:nth-of-type(${place + 1}) .sawt-votes`).filter({ hasText: new RegExp(`^${count}$`) }).waitFor();
}

for (const [language, viewport] of [['ar', PHONE], ['en', PHONE], ['en', DESKTOP]]) {
  const is = (ar, en) => (language === 'ar' ? ar : en);
  const size = viewport === PHONE ? 'phone' : 'desktop';

  test(`stars are chosen by arrows, and half of one is shown (${language}, ${size})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll(RATINGS[language]);
    await sawt.vote(poll, ['4'], 2);
    await sawt.vote(poll, ['5']);
    const reader = await set.reader({ viewport, locale: language });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
    await shown.is('open');
    await look(shown, `rating-open-${language}-${size}`);
    const names = await shown.$('fieldset .sawt-option').allTextContents();
    assert.deepEqual(names, is(['نجمة واحدة', 'نجمتان', '3 نجوم', '4 نجوم', '5 نجوم'], ['1 star', '2 stars', '3 stars', '4 stars', '5 stars']));
    // They run as the poll does, and an arrow goes where it points.
    const [first, last] = [await shown.box('.sawt-option:has([value="1"])'), await shown.box('.sawt-option:has([value="5"])')];
    assert.ok(is(first.left > last.left, first.left < last.left));
    await shown.$('input[value="1"]').focus();
    await shown.page.keyboard.press(' ');
    for (let step = 0; step < 3; step += 1) await shown.page.keyboard.press(is('ArrowLeft', 'ArrowRight'));
    await shown.page.keyboard.press(is('ArrowRight', 'ArrowLeft'));
    assert.equal(await shown.focused(), 'input[value=3]');
    await look(shown, `rating-chosen-${language}-${size}`);
    await shown.page.keyboard.press('Enter');
    await shown.is('voted');
    await shown.$('.sawt-average').filter({ hasText: is('4 من 5', '4 out of 5') }).waitFor();
    const widths = () => shown.$('.sawt-star svg').evaluateAll((stars) => stars.map((star) => star.getAttribute('width')));
    assert.deepEqual(await widths(), ['100%', '100%', '100%', '100%', '0%']);
    // Two more for one star: (4 + 4 + 5 + 3 + 1 + 1) / 6 is 3.
    await sawt.vote(poll, ['5'], 2);
    await shown.$('.sawt-average').filter({ hasText: is('4.3 من 5', '4.3 out of 5') }).waitFor();
    assert.deepEqual(await widths(), ['100%', '100%', '100%', '100%', '50%']);
    const mine = shown.$('[data-chosen] .sawt-label');
    assert.equal(await mine.textContent(), is('3 نجوم', '3 stars'));
    await look(shown, `rating-voted-${language}-${size}`);
    // The server's page says the same.
    const page = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
    await page.is('open');
    assert.equal(await page.$('.sawt-average').textContent(), is('4.3 من 5', '4.3 out of 5'));
    await page.page.close();
  });

  test(`a scale to 10 has words at its ends, and its bars stand upright (${language}, ${size})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ ...RATINGS[language], scale: SCALES[language] });
    for (const [step, count] of [['0', 1], ['3', 1], ['7', 2], ['8', 4], ['9', 3], ['10', 2]]) await sawt.vote(poll, [step], count);
    const reader = await set.reader({ viewport, locale: language });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
    await shown.is('open');
    await shown.choose('9');
    await look(shown, `scale-open-${language}-${size}`);
    await shown.press();
    await shown.is('voted');
    await shown.$('.sawt-average').filter({ hasText: is('7.5 من 10', '7.5 out of 10') }).waitFor();
    const bars = await shown.$('.sawt-bar svg').evaluateAll((bars) => bars.map((bar) => bar.getAttribute('height')));
    assert.deepEqual(bars, ['25%', '0%', '0%', '25%', '0%', '0%', '0%', '50%', '100%', '100%', '50%']);
    await look(shown, `scale-voted-${language}-${size}`);
    // An edit brings other words, and leaves the steps as they are said.
    const revised = { revision: 1, reason: is('أوضح', 'Plainer'), scale: { ...SCALES[language], low_label: is('أبدًا', 'Never') } };
    await sawt.ask('PATCH', `/v1/polls/${poll.id}`, revised);
    await shown.$('.sawt-ends').filter({ hasText: is('أبدًا', 'Never') }).waitFor({ state: 'attached' });
    assert.equal(await shown.$('.sawt-ends span').last().textContent(), SCALES[language].high_label);
  });

  test(`a reaction is pressed, pressed again, and another is; counts move at once (${language}, ${size})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll(reaction(language));
    await sawt.vote(poll, ['r1'], 3);
    await sawt.vote(poll, ['r2'], 12);
    await sawt.vote(poll, ['r5'], 1);
    const reader = await set.reader({ viewport, locale: language });
    // That there is no ballot any more, the service says by 404.
    reader.excuse(/votes\/mine/);
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
    await shown.is('open');
    await look(shown, `reaction-open-${language}-${size}`);
    assert.match(await shown.$('[value="r1"] .sawt-label').textContent(), is(/أعجبني/, /Like/));
    // The answer is held back: what is seen comes before it.
    let release;
    const held = new Promise((done) => (release = done));
    await shown.page.route('**/votes', async (route) => {
      await held;
      await route.continue();
    });
    await shown.$('[value="r1"]').focus();
    await shown.page.keyboard.press('Enter');
    await hasCounts(shown, 4, 12, 0, 0, 1, 0);
    assert.deepEqual(await pressed(shown), ['r1']);
    assert.equal((await sawt.tally(poll)).ballots, 16, 'nothing is on record yet');
    release();
    await shown.says(is(/سُجّل صوتك/, /counted|recorded|vote/i));
    await hasCounts(shown, 4, 12, 0, 0, 1, 0);
    assert.equal(await shown.focused(), 'button[value=r1]', 'the focus stays on what was pressed');
    await look(shown, `reaction-pressed-${language}-${size}`);
    await shown.$('[value="r2"]').click();
    await hasCounts(shown, 3, 13, 0, 0, 1, 0);
    await shown.says(is(/غُيّر/, /changed/i));
    await shown.$('[value="r2"]').click();
    await hasCounts(shown, 3, 12, 0, 0, 1, 0);
    await shown.says(is(/سُحب/, /withdrawn|taken/i));
    assert.deepEqual(await pressed(shown), []);
    const tally = await sawt.tally(poll);
    assert.deepEqual(tally.options.map(({ votes }) => votes), [3, 12, 0, 0, 1, 0]);
    await shown.$('.sawt-total').filter({ hasText: '16' }).waitFor();
    await sawt.close(poll);
    await shown.is('closed');
    assert.ok(await shown.$('[value="r1"]').isDisabled());
    await look(shown, `reaction-closed-${language}-${size}`);
  });
}

test('a reaction whose answer is lost is counted once, and what was pressed meanwhile wins', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(reaction('ar'));
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  let lost = 0;
  await shown.page.route('**/votes', async (route) => {
    if ((lost += 1) > 1) {
      await route.continue();
      return;
    }
    await route.fetch();
    await route.abort();
  });
  reader.excuse(/Failed to load resource/);
  await shown.$('[value="r3"]').click();
  await shown.is('offline');
  assert.deepEqual(await pressed(shown), ['r3']);
  await look(shown, 'reaction-offline');
  await shown.$('[value="r4"]').click();
  await shown.is('voted');
  await hasCounts(shown, 0, 0, 0, 1, 0, 0);
  assert.deepEqual(await pressed(shown), ['r4']);
  // What is shown is ahead of what is on record, and the first reaction may have been sent again meanwhile.
  const onRecord = async () => (await sawt.tally(poll)).options.map(({ votes }) => votes).join();
  while ((await onRecord()) !== '0,0,0,1,0,0') await new Promise((soon) => setTimeout(soon, 50));
  await hasCounts(shown, 0, 0, 0, 1, 0, 0);
  assert.deepEqual(await pressed(shown), ['r4']);
});

test('what a reader wanted last of a reaction is what is sent at their next visit, and nothing if that was none', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(reaction('ar'));
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  reader.excuse(/ERR_INTERNET_DISCONNECTED/);
  const pending = (shown) => shown.page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith('sawt.pending')).length);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  await reader.context.setOffline(true);
  await shown.$('[value="r1"]').click();
  await shown.is('offline');
  assert.equal(await pending(shown), 1);
  await shown.$('[value="r1"]').click();
  assert.deepEqual([await pressed(shown), await pending(shown)], [[], 0]);
  await shown.$('[value="r2"]').click();
  assert.equal(await pending(shown), 1);
  await shown.page.close();
  await reader.context.setOffline(false);
  const again = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await again.is('voted');
  assert.deepEqual(await pressed(again), ['r2']);
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [0, 1, 0, 0, 0, 0]);
});

test('while an incident goes on reactions show shares, whatever is pressed; who looked before is shown nothing else meanwhile', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(reaction('ar'));
  await sawt.vote(poll, ['r1'], 2);
  await sawt.vote(poll, ['r2']);
  const stars = await sawt.poll(RATINGS.ar);
  await sawt.vote(stars, ['4']);
  const ranks = await sawt.poll({ kind: 'ranked' });
  await sawt.vote(ranks, ['yes', 'no']);
  const polls = [poll, stars, ranks];
  const markup = `<html lang="ar" dir="rtl"><script async src="${sawt.origin}/embed.js"></script>${polls.map(({ id }) => `<sawt-poll poll="${id}" loading="eager"></sawt-poll>`).join('')}`;
  const early = await (await set.reader({ viewport: PHONE, locale: 'ar' })).open(publisher.holding(markup));
  const one = (id) => early.locator(`sawt-poll[poll="${id}"]`);
  for (const { id } of polls) await one(id).locator('.sawt[data-state="open"]').waitFor();
  // All that it ever shows.
  await early.evaluate(() => {
    globalThis.shown = '';
    for (const { shadowRoot } of document.querySelectorAll('sawt-poll')) {
      const see = () => (globalThis.shown += `${shadowRoot.textContent}\n`);
      new MutationObserver(see).observe(shadowRoot, { childList: true, characterData: true, subtree: true });
    }
  });
  const decide = ({ id }, decision) => sawt.ask('POST', `/v1/polls/${id}/integrity/labels/hosting-network`, { decision, reason: '؟' });
  for (const each of polls) await decide(each, 'held');

  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  reader.excuse(/votes\/mine/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  const few = 'أقل من 100 صوت';
  const seen = async (shown) => [...(await counts(shown)), await shown.$('.sawt-total').textContent()];
  assert.deepEqual(await seen(shown), ['67%', '33%', '0%', '0%', '0%', '0%', few]);
  await look(shown, 'reaction-incident-ar');
  await shown.$('[value="r2"]').click();
  await shown.says(/سُجّل صوتك/);
  assert.deepEqual(await pressed(shown), ['r2']);
  await look(shown, 'reaction-incident-pressed-ar');
  const areShares = async () => {
    const [last, ...shares] = (await seen(shown)).reverse();
    assert.ok(last === few && shares.every((share) => /^\d+%$/.test(share)), `${shares} ${last}`);
  };
  await areShares();
  await shown.$('[value="r2"]').click();
  await shown.says(/سُحب/);
  assert.deepEqual(await pressed(shown), []);
  await areShares();

  for (const { id } of polls) await one(id).locator('.sawt-total').filter({ hasText: 'أقل من 100' }).waitFor({ state: 'attached' });
  assert.deepEqual(await counts({ $: (selector) => one(poll.id).locator(selector) }), await counts(shown));
  assert.doesNotMatch(await early.evaluate(() => globalThis.shown), /NaN|undefined|[^.\d]0 من 5/);

  // Then there are counts again, and they move at once.
  await decide(poll, 'counted');
  await hasCounts(shown, 2, 1, 0, 0, 0, 0);
  await shown.$('[value="r1"]').click();
  await hasCounts(shown, 3, 1, 0, 0, 0, 0);
});

test('a reaction whose tally comes later shows that tally, whatever is pressed', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(reaction('ar', { display: 'delayed' }));
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  reader.excuse(/votes\/mine/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  for (const [said, expected] of [[/سُجّل صوتك/, ['r1']], [/سُحب/, []]]) {
    await shown.$('[value="r1"]').click();
    assert.deepEqual([await pressed(shown), await counts(shown)], [expected, ['0', '0', '0', '0', '0', '0']]);
    await shown.says(said);
    assert.deepEqual([await pressed(shown), await counts(shown)], [expected, ['0', '0', '0', '0', '0', '0']]);
  }
});

test('two tabs are one reader, and both end with the counts there are', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(reaction('ar'));
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  const open = () => Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  const one = await open();
  await one.is('open');
  await one.$('[value="r1"]').click();
  await one.is('voted');
  const other = await open();
  await other.is('voted');
  assert.deepEqual(await pressed(other), ['r1'], 'a reader who comes back is known');
  await other.$('[value="r2"]').click();
  await hasCounts(other, 0, 1, 0, 0, 0, 0);
  await one.page.bringToFront();
  await hasCounts(one, 0, 1, 0, 0, 0, 0);
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a reaction that shows no counts says which is pressed, and may be taken back', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(reaction('ar', { results: 'never' }));
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  reader.excuse(/votes\/mine/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await shown.$('[value="r6"]').click();
  await shown.is('hidden');
  assert.deepEqual([await pressed(shown), (await counts(shown)).join('')], [['r6'], '']);
  await look(shown, 'reaction-hidden');
  await shown.$('[value="r6"]').click();
  await shown.is('open');
  assert.deepEqual(await pressed(shown), []);
});

test('an edit brings other emoji and other words to where they stand', async () => {
  const { sawt, publisher } = set;
  const made = reaction('ar');
  const poll = await sawt.poll(made);
  const reader = await set.reader({ viewport: PHONE, locale: 'ar' });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  const options = [...made.options].reverse().map((option) => (option.id === 'r1' ? { id: 'r1', label: 'رائع' } : option));
  await sawt.ask('PATCH', `/v1/polls/${poll.id}`, { revision: 1, options, reason: 'أوضح' });
  await shown.$('[value="r1"] .sawt-label').filter({ hasText: 'رائع' }).waitFor();
  assert.equal(await shown.$('[value="r1"] .sawt-emoji').textContent(), '');
  assert.deepEqual(await shown.$('[name=choices]').evaluateAll((all) => all.map(({ value }) => value)), options.map(({ id }) => id));
  await picture(shown.page, 'reaction-words');
});

test('every kind is drawn in Arabic, open and closed, on a phone and a desktop, where it is light and dark', async () => {
  const { sawt, publisher } = set;
  const kinds = {
    single: [{ correct: 'yes', explanation: 'صدر المرسوم في نوفمبر.' }, 'yes'],
    multiple: [{ kind: 'multiple', max_choices: 2, open_answer: true }, 'no'],
    rating: [RATINGS.ar, '4'],
    scale: [{ ...RATINGS.ar, scale: SCALES.ar }, '8'],
    reaction: [reaction('ar'), 'r2'],
    ranked: [{ kind: 'ranked' }, 'no'],
  };
  const polls = [];
  for (const [asked, choice] of Object.values(kinds)) {
    const [open, closed] = [await sawt.poll(asked), await sawt.poll(asked)];
    for (const poll of [open, closed]) await sawt.vote(poll, [choice], 3);
    await sawt.ask('POST', `/v1/polls/${closed.id}/close`, {});
    polls.push([open, 'open'], [closed, 'closed']);
  }
  const elements = polls.map(([{ id }]) => `<sawt-poll poll="${id}" lang="ar" loading="eager" style="display: block; margin: 16px"></sawt-poll>`);
  const head = '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>أنواع</title>';
  const markup = `<!doctype html><html lang="ar" dir="rtl">${head}<script async src="${sawt.origin}/embed.js"></script><main><h1>أنواع</h1>${elements.join('')}</main>`;
  const page = await (await set.reader()).open(publisher.holding(markup));
  for (const [{ id }, state] of polls) await page.locator(`sawt-poll[poll="${id}"] .sawt[data-state="${state}"]`).waitFor();
  for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], `${size} ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= viewport.width, `${wide} pixels in ${viewport.width}`);
      await picture(page, `kinds-${size}-${colorScheme}`, { fullPage: true });
    }
  }
});
