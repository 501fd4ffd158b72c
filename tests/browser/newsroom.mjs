// An editor at a site of their own, and looking at their pages.

import assert from 'node:assert/strict';

import { DESKTOP, axe, picture } from './browser.mjs';

/** A small phone, as editors have them. */
const PHONE = { width: 390, height: 844 };

/** An editor at a site of their own, signed in with a key that may do all there is. */
export async function editor(set, options = {}) {
  const { sawt } = set;
  const site = await sawt.site(['https://news.example'], { name: 'الراي', timezone: 'Asia/Kuwait' });
  const scopes = ['polls:read', 'polls:write', 'polls:moderate', 'results:read', 'keys:write', 'sites:write'];
  const { key } = await sawt.ask('POST', '/v1/keys', { site, scopes, name: 'مكتب التحرير' });
  const reader = await set.reader({ locale: 'ar', ...options });
  // What can't be saved yet is answered so, and the browser notes it.
  reader.excuse(/status of 4(09|12|22)/);
  // What a test itself runs in every frame does not run in the preview's.
  reader.excuse(/Blocked script execution in '[^']+\/preview'/);
  const page = await reader.open(`${sawt.origin}/newsroom`);
  await page.getByLabel('المفتاح').fill(key);
  await page.getByRole('button', { name: 'دخول' }).click();
  return { site, page, sawt, key };
}

/** Looks at a page in both themes, on a phone and a desk. */
export async function looked(page, name) {
  for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], `${name} ${size} ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= viewport.width, `${name}: ${wide} pixels in ${viewport.width}`);
      await picture(page, `newsroom-${name}-${size}-${colorScheme}`, { fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}
