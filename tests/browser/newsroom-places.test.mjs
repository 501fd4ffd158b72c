// The calendar of a site's places, as an editor fills it: in Arabic, on a phone and at a desk, with script and without.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { editor, looked } from './newsroom.mjs';
import { stage } from './stage.mjs';

const set = stage({ SAWT_QUOTA_CLIENT: 'off' });
const HOUR = 3_600_000;
const at = (millis) => new Date(millis).toISOString();

for (const javaScriptEnabled of [true, false]) {
  test(`from one calendar an editor puts any poll where nothing is planned, ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
    const { site, page, sawt } = await editor(set, { reducedMotion: 'reduce', javaScriptEnabled });
    const make = (question, members = {}) => sawt.poll({ site, question, language: 'ar', ...members });
    const old = await make('هل تؤيد قانون الإيجارات الجديد الذي أقرّه مجلس الأمة في جلسته الأخيرة؟');
    for (let number = 0; number < 51; number += 1) await make(`سؤال اليوم ${number}؟`);
    const stays = await make('ما رأيك في أداء الحكومة؟');
    const soon = await make('هل تتابع جلسة الغد؟', { closes_at: at(Date.now() + 30 * HOUR) });
    const turn = (poll, from, until) => ({ poll: poll.id, from: at(Date.now() + from * HOUR), until: at(Date.now() + until * HOUR) });
    const put = (place, plan) => sawt.ask('PUT', `/v1/sites/${site}/places/${place}`, plan);
    await put('side', { name: 'العمود الجانبي', fallback: stays.id, calendar: [turn(stays, -1, 4), turn(soon, 26, 50)] });
    await put('sport', { name: 'صفحة الرياضة', calendar: [turn(stays, 72, 96)] });
    await put('front', { name: 'الصفحة الأولى', rotation: { polls: [stays.id, soon.id], every_minutes: 30 } });

    await page.goto(`${sawt.origin}/newsroom/sites/${site}/places`);
    assert.equal(await page.locator('.days tbody tr').count(), 3);
    await page.locator('.span.now', { hasText: stays.question }).waitFor();
    await page.locator('.warning', { hasText: 'سيُغلق' }).first().waitFor();
    if (javaScriptEnabled) {
      await looked(page, 'places');
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await page.locator('tr', { hasText: 'صفحة الرياضة' }).locator('.put').first().click();
    await page.fill('#words', 'الايجارات');
    await page.press('#words', 'Enter');
    await page.locator('#words-about', { hasText: 'ما وُجد' }).waitFor();
    await page.selectOption('#added', old.id);
    if (javaScriptEnabled) {
      await looked(page, 'place');
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    // Somebody else is quicker.
    await put('sport', { name: 'الرياضة', calendar: [turn(stays, 72, 96)], revision: 1 });
    await page.locator('#add button[value=save]').click();
    await page.locator('[role=alert]', { hasText: 'غيّر أحدهم' }).filter({ hasText: 'الرياضة' }).waitFor();
    assert.equal(await page.inputValue('#added'), old.id);
    if (javaScriptEnabled) {
      await looked(page, 'place-changed');
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await page.locator('#add button[value=save]').click();
    await page.locator('[role=status]', { hasText: 'حُفظ' }).waitFor();
    const kept = await sawt.ask('GET', `/v1/sites/${site}/places/sport`);
    assert.deepEqual([kept.name, kept.calendar.map(({ poll }) => poll)], ['الرياضة', [old.id, stays.id]]);
  });
}
