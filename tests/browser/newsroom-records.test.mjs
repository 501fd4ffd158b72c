// What a site has on record, in the newsroom, in Arabic: its log, its webhooks, who is signed in, its templates, and what
// there is to say against a poll's ballots.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { editor, looked } from './newsroom.mjs';
import { Receiver } from './receiver.mjs';
import { stage } from './stage.mjs';

const set = stage(Receiver.SETTINGS);

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with script' : 'without script';
  const look = async (page, name) => javaScriptEnabled && looked(page, name);

  test(`an editor has what happens sent to an address, sees it sent, and finds it in the log (${how})`, async () => {
    const receiver = await set.closedAtEnd(await Receiver.start());
    const { page, sawt, site } = await editor(set, { javaScriptEnabled });
    await page.getByRole('link', { name: 'الإشعارات' }).click();
    await page.getByLabel('العنوان').fill('ftp://hooks.example');
    await page.getByLabel('الاسم').fill('نظام النشر');
    await page.getByRole('button', { name: 'أنشئ الإشعار' }).click();
    await page.getByText('اكتب عنوانًا يبدأ بـ').waitFor();
    await look(page, 'webhooks');
    await page.getByLabel('العنوان').fill(receiver.url);
    await page.getByRole('button', { name: 'أنشئ الإشعار' }).click();
    receiver.secret = await page.locator('#new-secret').inputValue();
    await look(page, 'webhook-made');
    await page.getByRole('link', { name: 'حفظته' }).click();
    assert.ok(!(await page.content()).includes(receiver.secret), 'it is shown once');
    const poll = await sawt.poll({ site });
    await sawt.close(poll);
    const told = await receiver.events(3);
    assert.deepEqual(told.map(({ type }) => type), ['poll.created', 'poll.opened', 'poll.closed']);
    // The list says so a moment after the receiver has answered.
    while ((await page.getByText('وصل', { exact: true }).count()) < 3) await page.reload();
    await look(page, 'webhook');
    await page.getByRole('button', { name: /أعد الإرسال أُغلق استطلاع/ }).click();
    await page.getByText('سيُرسل مرة أخرى حالًا.').waitFor();
    await page.getByRole('button', { name: 'أوقفه مؤقتًا' }).click();
    await page.getByText('أُوقف، ولن يُرسل شيء').waitFor();
    await page.getByRole('link', { name: 'حذف…' }).click();
    await page.getByRole('button', { name: 'نعم، احذفه' }).click();
    await page.getByText('حُذف الإشعار.').waitFor();
    await page.getByRole('link', { name: 'السجل' }).click();
    await page.getByText('حُذف إشعار إلى عنوان').waitFor();
    await look(page, 'log');
    await page.getByLabel('عمّ').selectOption('poll');
    await page.getByRole('button', { name: 'اعرض' }).click();
    assert.equal(await page.getByText('حُذف إشعار إلى عنوان').count(), 0);
    await page.getByRole('listitem').filter({ hasText: 'أُغلق استطلاع' }).getByRole('link').click();
    await page.getByRole('heading', { name: poll.question }).waitFor();
  });

  test(`an editor gives every article reactions, and signs somebody out (${how})`, async () => {
    const { page, sawt, site, key } = await editor(set, { javaScriptEnabled });
    await page.getByRole('link', { name: 'القوالب' }).click();
    await look(page, 'templates-none');
    await page.getByRole('link', { name: 'قالب جديد' }).click();
    await page.getByLabel('السؤال').fill('ما شعورك؟');
    await page.getByLabel('كل صفحة في الموقع').check();
    await look(page, 'template');
    await page.getByRole('button', { name: 'احفظ' }).click();
    await page.getByText('حُفظ القالب.').waitFor();
    assert.match(await page.locator('#code').inputValue(), /<sawt-reactions site="[^"]+"><\/sawt-reactions>/);
    await look(page, 'templates');
    const { poll } = await sawt.ask('GET', `/v1/sites/${site}/templates/reactions`);
    assert.deepEqual([poll.question, poll.options.length], ['ما شعورك؟', 5]);

    const other = await set.reader({ locale: 'ar', javaScriptEnabled });
    const theirs = await other.open(`${sawt.origin}/newsroom`);
    await theirs.getByLabel('المفتاح').fill(key);
    await theirs.getByRole('button', { name: 'دخول' }).click();
    await page.getByRole('link', { name: 'الداخلون' }).click();
    await look(page, 'people');
    await page.getByRole('row').filter({ hasNotText: 'أنت، هنا' }).getByRole('button', { name: 'أخرجه مكتب التحرير' }).first().click();
    await page.getByText('أُخرج، وعليه أن يدخل من جديد.').waitFor();
    await theirs.reload();
    await theirs.getByLabel('المفتاح').waitFor();
  });
}

test('a moderator is shown what there is to say against ballots', async () => {
  const { page, sawt, site } = await editor(set);
  const poll = await sawt.poll({ site });
  await sawt.vote(poll, ['yes']);
  // Something is decided of it before it has any ballots: so it is listed.
  const path = `/v1/polls/${poll.id}/integrity/labels/hosting-network`;
  await sawt.ask('POST', path, { decision: 'held', reason: 'مركز بيانات معروف' });
  await page.goto(`${sawt.origin}/newsroom/sites/${site}/polls/${poll.id}`);
  const panel = page.locator('#integrity');
  await panel.getByText('من مركز بيانات، لا من بيت أو هاتف').first().waitFor();
  await looked(page, 'integrity');
  await panel.getByLabel('السبب').last().fill('سُئلوا، وهم قراء');
  await panel.getByRole('button', { name: /احتسبها من مركز بيانات/ }).click();
  await page.getByText('حُفظ قرارك').waitFor();
});
