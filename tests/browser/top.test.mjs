// The poll's own page: in a tab it says where it belongs and has room around it; in a frame it is the poll alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture, shifted } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const ARTICLE = 'https://news.example/parliament/session-12?from=poll&lang=ar';

for (const [size, viewport, least] of [['phone', PHONE, 12], ['desktop', DESKTOP, 40]]) {
  for (const path of ['', '/form']) {
    test(`a poll in a tab of its own leads back to its article, and has room around it (${size}${path})`, async () => {
      const { sawt } = set;
      const site = await sawt.site([], { name: 'الراي', url: 'https://news.example/' });
      const poll = await sawt.poll({ article_url: ARTICLE, site });
      const reader = await set.reader({ viewport, javaScriptEnabled: !path });
      const shown = Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}${path}`), 'page');
      await shown.is('open');
      const link = shown.$('.sawt-top a').last();
      assert.equal(await shown.$('.sawt-top a').first().textContent(), 'الراي');
      assert.equal(await link.textContent(), 'العودة إلى المقال');
      assert.equal(await link.getAttribute('href'), ARTICLE);
      const [card, way] = [await shown.box('.sawt'), await shown.box('.sawt-top')];
      assert.ok(way.bottom <= card.y && way.right <= card.right && way.left >= card.left, 'the way back stands above the card');
      const room = [card.left, viewport.width - card.right, way.y];
      assert.ok(room.every((pixels) => pixels >= least), `${room}`);
      if (!path) {
        assert.deepEqual(await axe(shown.page), []);
        assert.deepEqual(await shifted(shown.page), [], 'the page moved under the reader');
      }
      for (const colorScheme of ['light', 'dark']) {
        await shown.page.emulateMedia({ colorScheme });
        await picture(shown.page, `top-${size}${path ? '-form' : ''}-${colorScheme}`);
      }
      await shown.vote('yes');
      assert.ok(await link.isVisible());
    });
  }
}

test('in a frame a poll is the poll alone', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ article_url: ARTICLE, site: await sawt.site([publisher.origin]) });
  for (const [mode, reader, isAwaited] of [
    ['iframe', await set.reader({ viewport: PHONE }), true],
    ['wordpress', await set.reader({ viewport: PHONE }), true],
    ['iframe', await set.readerWithout('javascript', { viewport: PHONE }), false],
  ]) {
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode, isAwaited });
    await shown.is('open');
    const frame = await shown.frame();
    const edges = await frame.evaluate(() => {
      const { left, right, top } = document.querySelector('.sawt').getBoundingClientRect();
      return [left, innerWidth - right, top];
    });
    assert.deepEqual(edges, [0, 0, 0], mode);
    assert.equal(await shown.$('.sawt-top').isVisible(), false, mode);
  }
});
