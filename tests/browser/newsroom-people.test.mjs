// Sites and keys in the newsroom, as an editor works on them, in Arabic.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { editor, looked } from './newsroom.mjs';
import { stage } from './stage.mjs';

const set = stage();

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with script' : 'without script';

  test(`an editor makes a key, copies it, and revokes it (${how})`, async () => {
    const permissions = javaScriptEnabled ? ['clipboard-read', 'clipboard-write'] : [];
    const { page } = await editor(set, { javaScriptEnabled, permissions });
    await page.getByRole('link', { name: 'المفاتيح' }).click();
    await page.getByLabel('الاسم').fill('نظام النشر');
    await page.getByRole('button', { name: 'أنشئ المفتاح' }).click();
    await page.getByText('اختر شيئًا واحدًا على الأقل').waitFor();
    assert.equal(await page.getByLabel('الاسم').inputValue(), 'نظام النشر');
    await page.getByLabel('يقرأ الاستطلاعات').check();
    await page.getByRole('button', { name: 'أنشئ المفتاح' }).click();
    const key = await page.locator('#new-key').inputValue();
    assert.match(key, /^sawt_[0-9a-f]{12}_/);
    if (javaScriptEnabled) {
      await page.getByRole('button', { name: 'نسخ' }).click();
      await page.getByText('نُسخ', { exact: true }).waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
      await looked(page, 'key-made');
    } else {
      assert.equal(await page.getByRole('button', { name: 'نسخ' }).count(), 0, 'what can not be done is not offered');
    }
    await page.getByRole('link', { name: 'حفظته' }).click();
    assert.ok(!(await page.content()).includes(key), 'it is shown once');
    if (javaScriptEnabled) await looked(page, 'keys');
    await page.getByRole('link', { name: 'إلغاء نظام النشر' }).click();
    if (javaScriptEnabled) await looked(page, 'key-revoke');
    await page.getByRole('button', { name: 'نعم، ألغِه' }).click();
    await page.getByText('أُلغي المفتاح').waitFor();
    assert.equal(await page.getByText('نظام النشر').count(), 0);
  });

  test(`of two editors who change a site at once the second loses nothing (${how})`, async () => {
    const { page, sawt, site } = await editor(set, { javaScriptEnabled });
    await page.getByRole('link', { name: 'الموقع', exact: true }).click();
    await page.getByLabel('اللون على خلفية فاتحة').first().fill('#ffcc00');
    await page.getByLabel('المواقع المسموح لها').fill('https://news.example\nhttps://news.example/');
    await page.getByRole('button', { name: 'حفظ' }).click();
    await page.getByText('السطر 2').waitFor();
    await page.getByText('لا يُقرأ: تباينه').waitFor();
    if (javaScriptEnabled) await looked(page, 'settings-wrong');
    await page.getByLabel('اللون على خلفية فاتحة').first().fill('#8a1c2b');
    await page.getByLabel('المواقع المسموح لها').fill('https://news.example\nhttps://*.news.example');
    // Meanwhile somebody else gives the site another name.
    await sawt.ask('PUT', `/v1/sites/${site}`, { name: 'الراي الجديد', origins: ['https://news.example'], timezone: 'Asia/Kuwait' });
    await page.getByRole('button', { name: 'حفظ' }).click();
    await page.getByText('عدّل غيرك هذه الإعدادات').waitFor();
    assert.equal(await page.getByLabel('الاسم', { exact: true }).inputValue(), 'الراي الجديد');
    assert.equal(await page.getByLabel('اللون على خلفية فاتحة').first().inputValue(), '#8a1c2b');
    if (javaScriptEnabled) await looked(page, 'settings-changed');
    await page.getByRole('button', { name: 'حفظ' }).click();
    await page.getByText('حُفظت الإعدادات').waitFor();
    const { name, origins, look } = await sawt.ask('GET', `/v1/sites/${site}`);
    assert.deepEqual([name, look.accent], ['الراي الجديد', '#8a1c2b']);
    assert.deepEqual(origins, ['https://news.example', 'https://*.news.example']);
    if (javaScriptEnabled) await looked(page, 'settings');
  });
}

test('a colour is chosen by eye too, and what is chosen is what is sent', async () => {
  const { page } = await editor(set);
  await page.getByRole('link', { name: 'الموقع', exact: true }).click();
  await page.locator('[data-colour="accent"]').fill('#14597f');
  assert.equal(await page.locator('#accent').inputValue(), '#14597f');
});

test('the operator makes a site and deletes it by its name', async () => {
  const { sawt } = set;
  const reader = await set.reader({ locale: 'ar' });
  const page = await reader.open(`${sawt.origin}/newsroom`);
  await page.getByLabel('المفتاح').fill(sawt.adminKey);
  await page.getByRole('button', { name: 'دخول' }).click();
  await page.getByRole('link', { name: 'المواقع' }).click();
  await page.getByLabel('المعرّف').fill('al-jadid');
  await page.getByLabel('الاسم').fill('الجديد');
  await page.getByRole('button', { name: 'أنشئ الموقع' }).click();
  await page.getByRole('heading', { name: 'إعدادات الموقع' }).waitFor();
  await page.getByRole('link', { name: 'المواقع', exact: true }).click();
  await looked(page, 'sites');
  await page.getByRole('link', { name: 'حذف الجديد' }).click();
  await page.getByLabel('للتأكيد اكتب معرّفه').fill('al-jadid');
  await looked(page, 'site-delete');
  await page.getByRole('button', { name: 'احذفه' }).click();
  await page.getByText('حُذف الموقع.').waitFor();
});
