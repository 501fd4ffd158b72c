// Polls in a real WordPress: an editor puts them there, and readers vote on a phone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PHONE, Reader, launch, picture, shifted } from '../browser/browser.mjs';
import { Shown } from '../browser/poll.mjs';
import { SEED, Sawt } from '../browser/sawt.mjs';
import { Draft, Site } from './site.mjs';

const SITES = Site.all();
const PLUGIN = fileURLToPath(new URL('../../deploy/wordpress/', import.meta.url));

let browser;
let sawt;

before(async () => {
  // It has to say in its pages where it is, before it is there.
  const held = createServer();
  await new Promise((listening) => held.listen(0, '127.0.0.1', listening));
  const address = `127.0.0.1:${held.address().port}`;
  await new Promise((closed) => held.close(closed));
  const settings = { SAWT_LISTEN: address, SAWT_PUBLIC_URL: `http://${address}` };
  [browser, sawt] = await Promise.all([launch(), Sawt.start(settings)]);
});
after(async () => {
  await browser?.close();
  await sawt?.stop();
});

const pageOf = (poll) => `${sawt.origin}/embed/${poll.id}`;

/** Reads a post on a phone, sees the whole poll, and votes. */
async function readAndVote(come, link, poll, mode, name) {
  const reader = await come({ viewport: PHONE });
  const page = await reader.open(link);
  const shown = Shown.in(page, mode);
  await shown.is('open');
  await seenWhole(shown);
  await shown.vote('yes');
  await shown.$('.sawt-results [data-option]').first().waitFor();
  await seenWhole(shown);
  // The focus is in the results; themes outline whatever has it.
  if (mode === 'element') assert.equal(await outline(page), 'none');
  await shown.root.scrollIntoViewIfNeeded();
  await picture(page, `wordpress-${name}`);
  assert.equal((await sawt.tally(poll)).ballots, 1);
  return page;
}

/** Waits until a poll's page has its style sheet, which comes after its markup. */
const dressed = (frame) =>
  frame.waitForFunction(() => getComputedStyle(document.querySelector('.sawt')).getPropertyValue('--radius'));

const outline = (page) => page.locator('sawt-poll').evaluate((poll) => getComputedStyle(poll).outlineStyle);

/** Nothing of the poll is cut off, to the side or below. */
async function seenWhole(shown) {
  const frame = await shown.frame();
  if (frame.parentFrame()) {
    await dressed(frame);
    const [needed, has] = await frame.evaluate(() => [document.body.scrollHeight, innerHeight]);
    assert.ok(needed <= has, `the poll needs ${needed} pixels, and its frame has ${has}`);
    const { width } = await shown.page.locator('iframe').boundingBox();
    assert.ok(width > 250 && width <= PHONE.width, `the frame is ${width} wide`);
    return;
  }
  const poll = await shown.box('.sawt');
  const around = await shown.box('sawt-poll');
  assert.ok(poll.left >= 0 && poll.right <= PHONE.width && poll.width > 250, JSON.stringify(poll));
  assert.ok(around.bottom >= poll.bottom - 1 && around.y <= poll.y + 1, JSON.stringify([around, poll]));
  assert.equal(await shown.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
}

function polls(site) {
  const readers = [];
  afterEach(async () => {
    const ended = await Promise.allSettled(readers.splice(0).map((reader) => reader.leave()));
    const failed = ended.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  });

  const come = async (options) => {
    const reader = await Reader.come(browser, [sawt.origin, site.origin], options);
    reader.context.setDefaultTimeout(120_000);
    readers.push(reader);
    return reader;
  };

  test('an address in an embed block is a whole poll on a phone, without the plugin', async () => {
    await site.withoutPlugin();
    const poll = await sawt.poll();
    const draft = await Draft.begin(come, site);
    await draft.block('embed', 'Embed');
    await draft.$('.wp-block-embed input').fill(pageOf(poll));
    await draft.$('.wp-block-embed button[type="submit"]').click();
    // The block takes its shape from the preview.
    await (await draft.frame(pageOf(poll))).locator('.sawt[data-state="open"]').waitFor();
    const link = await draft.publish();
    const page = await readAndVote(come, link, poll, 'wordpress', `frame-${site.theme}`);
    assert.equal(await page.locator('iframe').getAttribute('sandbox'), 'allow-scripts');
  });

  test('an address that an editor pastes is the element where the plugin is, and votes count', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll();
    const draft = await Draft.begin(come, site);
    // WordPress 6.1 makes no block of it, for its http:; a reader sees the same.
    await draft.paste(pageOf(poll));
    const link = await draft.publish();
    const page = await readAndVote(come, link, poll, 'element', `pasted-${site.theme}`);
    assert.equal(await page.locator('iframe').count(), 0);
    const moved = (await shifted(page)).reduce((sum, { value }) => sum + value, 0);
    assert.ok(moved < 0.02, JSON.stringify(await shifted(page)));
  });

  test('an editor finds the block, sees the poll in it, and readers vote in it', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll();
    const draft = await Draft.begin(come, site);
    const { page } = draft;
    await draft.block('sawt', 'استطلاع صوت');
    const named = draft.$('[data-type="sawt/poll"] input[type="text"]');
    await named.fill('https://elsewhere.example/embed/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21');
    await draft.$('[data-type="sawt/poll"] .components-notice').waitFor();
    await named.fill(pageOf(poll));
    const preview = await draft.frame(pageOf(poll));
    await preview.locator('.sawt-question', { hasText: poll.question }).waitFor();
    await dressed(preview);
    // As high as the poll, which tells the editor so.
    const needed = await preview.evaluate(() => Math.ceil(document.body.getBoundingClientRect().height));
    await draft.$(`[data-type="sawt/poll"] iframe[style*="height: ${needed}px"]`).waitFor();
    await picture(page, `wordpress-editor-${site.theme}`);
    const link = await draft.publish();
    await readAndVote(come, link, poll, 'element', `block-${site.theme}`);
    assert.equal((await site.php(`return get_post( url_to_postid( '${link}' ) )->post_content;`)).trim(), `<!-- wp:sawt/poll {"poll":"${pageOf(poll)}"} /-->`);
  });

  test('a page has the script once however many polls it has, each with its looks', async () => {
    await site.withPlugin(sawt.origin);
    const [one, other, third] = [await sawt.poll(), await sawt.poll(), await sawt.poll()];
    const { link } = await site.post(
      `[sawt poll="${one.id}" theme="dark" lang="en" digits="arab"]\n\n`
        + `[sawt poll="${pageOf(other)}?lang=fr&theme=light" lang="ar"]\n\n${pageOf(third)}?digits=latn\n\nAfter.`,
    );
    const page = await (await come({ viewport: PHONE })).open(link);
    await page.locator('.sawt[data-state="open"]').nth(2).waitFor();
    const found = await page.locator('sawt-poll').evaluateAll((polls) =>
      polls.map((poll) => ['poll', 'from', 'theme', 'lang', 'digits'].map((name) => poll.getAttribute(name))),
    );
    assert.deepEqual(found, [
      [one.id, sawt.origin, 'dark', 'en', 'arab'],
      [other.id, sawt.origin, 'light', 'ar', null],
      [third.id, sawt.origin, null, null, 'latn'],
    ]);
    const scripts = await page.locator('script[src*="/embed.js"]').evaluateAll((all) => all.map(({ src, async }) => [src, async]));
    assert.deepEqual(scripts, [[`${sawt.origin}/embed.js`, true]]);
  });

  test('feeds and the REST API have a link to the poll, an excerpt has nothing, and no page without a poll has the script', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll();
          const written = [
      `Before. [sawt poll="${poll.id}"]\n\n${pageOf(poll)}\n\nBehind.`,
      `<!-- wp:paragraph --><p>Before.</p><!-- /wp:paragraph -->\n<!-- wp:sawt/poll {"poll":"${poll.id}"} /-->`,
    ];
    const posts = [];
    for (const content of written) posts.push(await site.post(content));
    const feed = await (await fetch(`${site.origin}/?feed=rss2`)).text();
    const told = await (await fetch(`${site.origin}/?rest_route=/wp/v2/posts&include=${posts.map(({ id }) => id)}`)).json();
    for (const [place, { id }] of posts.entries()) {
      const item = feed.split('<item>').find((item) => item.includes(`?p=${id}<`));
      const { content, excerpt } = told.find((post) => post.id === id);
      for (const text of [/<content:encoded>(.*?)<\/content:encoded>/s.exec(item)[1], content.rendered]) {
        assert.equal(text.split(`<a href="${pageOf(poll)}">${SEED.ar.question}</a>`).length - 1, place === 0 ? 2 : 1, text);
        assert.doesNotMatch(text, /sawt-poll |<iframe|<script/);
      }
      for (const text of [/<description>(.*?)<\/description>/s.exec(item)[1], excerpt.rendered]) {
        assert.match(text, /Before\./);
        assert.doesNotMatch(text, /embed|؟/);
      }
    }
    const { link } = await site.post('There is no poll here.');
    assert.doesNotMatch(await (await fetch(link)).text(), /embed\.js/);
  });

  test('the administrator alone says where the service is, and is told when it is nowhere', async () => {
    await site.withoutPlugin();
    const page = await site.staff(come, 'administrator', '/wp-admin/plugins.php');
    await page.locator('tr[data-plugin="sawt/sawt.php"] .activate a').click();
    await page.locator('tr[data-plugin="sawt/sawt.php"] a[href*="page=sawt"]').click();
    const field = page.locator('#sawt_service');
    const save = async (address) => {
      // The browser knows an address too.
      await field.evaluate((field) => (field.form.noValidate = true));
      await field.fill(address);
      await Promise.all([page.waitForURL(/settings-updated/), page.locator('#submit').click()]);
      return (await page.locator('.settings-error').allTextContents()).map((text) => text.trim());
    };
    const kept = () => site.php("return get_option( 'sawt_service' );");
    const poll = await sawt.poll();
    assert.match((await save(`${pageOf(poll)}?lang=ar `)).join(), /Settings saved/);
    assert.equal(await kept(), sawt.origin, 'what follows the service’s address in a poll’s is no part of it');
    await picture(page, `wordpress-settings-${site.theme}`);
    const wrong = 'https://votes.example"><script>globalThis.ran=1</script>';
    assert.match((await save(wrong)).join(), /ليس عنوان خدمة/);
    assert.equal(await page.evaluate(() => globalThis.ran), undefined);
    assert.equal(await kept(), sawt.origin, 'what was there before holds');
    assert.match((await save(site.origin)).join(), /لم تُجب خدمة صوت/);
    assert.equal(await kept(), site.origin);

    const other = await site.staff(come, 'editor', '/wp-admin/profile.php');
    const answer = await other.goto(`${site.origin}/wp-admin/options-general.php?page=sawt`);
    assert.equal(answer.status(), 403);
    // Nor does the form work without the nonce in it.
    const forged = await page.request.post(`${site.origin}/wp-admin/options.php`, {
      form: { option_page: 'sawt', action: 'update', sawt_service: 'https://evil.example' },
    });
    assert.equal(forged.status(), 403);
    assert.equal(await kept(), site.origin);
  });

  test('what is no poll of the service is nothing to readers and a word to editors, never markup or another’s script', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll({ question: '"><img src=x onerror="globalThis.ran=1"> <b>?' });
    const { link } = await site.post(
      `A [sawt poll='"><script>globalThis.ran=1</script>']\n\n[sawt poll="${pageOf(poll).replace('127.0.0.1', 'evil.example')}"]\n\n[sawt]\n\n`
        + `<!-- wp:sawt/poll {"poll":"\\u003cimg src=/ onerror=globalThis.ran=1\\u003e","lang":["y"],"theme":"\\u0022 onclick=\\u0022z"} /-->`
        + `<!-- wp:sawt/poll {"poll":"${poll.id}","theme":"\\u0022 onclick=\\u0022z"} /-->`,
    );
    const page = await (await come()).open(link);
    await page.locator('.sawt[data-state="open"]').waitFor();
    assert.equal(await page.locator('sawt-poll').count(), 1);
    assert.equal(await page.locator('sawt-poll > a').textContent(), poll.question);
    assert.deepEqual(await page.locator('sawt-poll').evaluate((one) => one.getAttributeNames().sort()), ['from', 'poll', 'style']);
    assert.equal(await page.getByText('لا يرى هذا إلا المحررون').count(), 0);

    const editors = await site.staff(come, 'editor', new URL(link).pathname + new URL(link).search);
    assert.equal(await editors.getByText('لا يرى هذا إلا المحررون').count(), 4);
    for (const one of [page, editors]) assert.equal(await one.evaluate(() => globalThis.ran), undefined);
  });

  test('a poll that could not be asked about when it was written is the element all the same', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll({ state: 'draft' });
    const { link } = await site.post(`${pageOf(poll)}\n\n[sawt poll="${poll.id}"]`);
    // To its end: the poll is asked about in the middle of it.
    await (await fetch(link)).text();
    await sawt.ask('POST', `/v1/polls/${poll.id}/open`);
    const page = await (await come()).open(link);
    await page.locator('.sawt[data-state="open"]').nth(1).waitFor();
    assert.deepEqual(await page.locator('sawt-poll').evaluateAll((all) => all.map(({ style }) => style.minHeight)), ['312px', '312px']);
  });

  test('a block that was saved with the shape of a film has no hole above the poll', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll();
    const shape = 'wp-embed-aspect-16-9 wp-has-aspect-ratio';
    const { link } = await site.post(
      `<!-- wp:embed {"url":"${pageOf(poll)}","type":"rich","providerNameSlug":"sawt","responsive":true,"className":"${shape}"} -->\n`
        + `<figure class="wp-block-embed is-type-rich is-provider-sawt wp-block-embed-sawt ${shape}"><div class="wp-block-embed__wrapper">\n`
        + `${pageOf(poll)}\n</div></figure>\n<!-- /wp:embed -->`,
    );
    const shown = Shown.in(await (await come({ viewport: PHONE })).open(link), 'element');
    await shown.is('open');
    const [block, element] = [await shown.box('figure.wp-block-embed'), await shown.box('sawt-poll')];
    assert.ok(element.y - block.y < 2 && block.bottom - element.bottom < 2, JSON.stringify([block, element]));
  });

  test('the plugin speaks Arabic where the site does', async () => {
    await site.withPlugin(sawt.origin);
    const poll = await sawt.poll({ state: 'draft' });
    const { link } = await site.post(`[sawt poll="${poll.id}"]`);
    assert.match(await (await fetch(link)).text(), />إلى الاستطلاع<\/a><\/sawt-poll>/);
    const [title] = await site.php("return array( WP_Block_Type_Registry::get_instance()->get_registered( 'sawt/poll' )->title );");
    assert.equal(title, 'استطلاع صوت');
  });

  test('the plugin leaves nothing when it is removed', async () => {
    await site.withPlugin(sawt.origin);
    const left = await site.php(
      "global $wpdb; deactivate_plugins( 'sawt/sawt.php' ); uninstall_plugin( 'sawt/sawt.php' );"
        + ' return $wpdb->get_col( "SELECT option_name FROM $wpdb->options WHERE option_name LIKE \'%sawt%\'" );',
    );
    assert.deepEqual(left, []);
  });
}

// Each has a state of its own, which its tests change.
describe('WordPress', { concurrency: SITES.length }, () => {
  for (const site of SITES) describe(site.name, { concurrency: 1 }, () => polls(site));
});

test('an address is taken for the service’s however it is written, and no other is', async () => {
  const id = '01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21';
  const own = 'https://votes.example/polls';
  const bases = {
    'https://votes.example': 'https://votes.example',
    ' HTTPS://Votes.Example:443/\u200e': 'https://votes.example',
    'http://votes.example:8080': 'http://votes.example:8080',
    [`${own}/`]: own,
    [`${own}/embed/${id}?lang=ar`]: own,
    [`${own}/embed.js`]: own,
    'http://[::1]:8080': 'http://[::1]:8080',
    '': '',
    votes: '',
    'votes.example': '',
    'ftp://votes.example': '',
    'javascript:alert(1)': '',
    'https://user:secret@votes.example': '',
    'https://user@votes.example': '',
    'https://votes.example"><script>': '',
  };
  const ours = [
    id,
    ` ${id.toUpperCase()}`,
    `${own}/embed/${id}`,
    `${own}/embed/${id}/form/?lang=ar#x`,
    `http://VOTES.example:80/polls//embed/${id}\u200f`,
    `\u202b${own}/embed/${id}\u202c\ufeff`,
  ];
  const others = [
    '',
    'x',
    `${id}0`,
    `/embed/${id}`,
    `https://votes.example/embed/${id}`,
    `https://www.votes.example/polls/embed/${id}`,
    `https://votes.example.evil.example/polls/embed/${id}`,
    `https://votes.example:8443/polls/embed/${id}`,
    `https://votes.example@evil.example/polls/embed/${id}`,
    `https://user@votes.example/polls/embed/${id}`,
    `https://evil.example\\@votes.example/polls/embed/${id}`,
    `ftp://votes.example/polls/embed/${id}`,
    `${own}/v1/polls/${id}`,
    `${own}?/embed/${id}`,
  ];
  const [site] = SITES;
  await site.withPlugin(own);
  const asked = (texts) => `json_decode( base64_decode( '${Buffer.from(JSON.stringify(texts)).toString('base64')}' ) )`;
  const told = await site.php(
    `return array( array_map( 'Sawt\\base_of', ${asked(Object.keys(bases))} ),`
      + ` array_map( static fn( $text ) => Sawt\\poll_at( $text )['id'] ?? null, ${asked([...ours, ...others])} ),`
      + ` Sawt\\poll_at( ${asked(`${own}/embed/${id}?lang=ar&amp;theme=dark&#038;digits=%22%3E&x=y`)} )['look'] );`,
  );
  assert.deepEqual(told[0], Object.values(bases));
  assert.deepEqual(told[1], [...ours.map(() => id), ...others.map(() => null)]);
  assert.deepEqual(told[2], { lang: 'ar', theme: 'dark' });
});

test('every word of the plugin’s is translated, and the compiled translation is that of the readable one', async () => {
  const [site] = SITES;
  const { readable, compiled } = await site.php(
    "foreach ( array( 'mo', 'po' ) as $file ) { require_once ABSPATH . WPINC . \"/pomo/$file.php\"; }"
      + ` $po = new PO(); $po->import_from_file( '${PLUGIN}languages/sawt-ar.po' );`
      + ` $mo = new MO(); $mo->import_from_file( '${PLUGIN}languages/sawt-ar.mo' );`
      + ' $all = static fn( $of ) => array_map( static fn( $entry ) => array( $entry->context, $entry->singular, $entry->translations ), array_values( $of->entries ) );'
      + " return array( 'readable' => $all( $po ), 'compiled' => $all( $mo ) );",
  );
  const sorted = (entries) => entries.map((entry) => JSON.stringify(entry)).sort();
  assert.deepEqual(sorted(compiled), sorted(readable));
  assert.ok(readable.every(([, , [translation]]) => translation), 'one has no translation');

  const sources = ['sawt', 'address', 'poll', 'block', 'settings'].map((name) => readFileSync(`${PLUGIN}${name}.php`, 'utf8')).join('');
  const { title, description, keywords } = JSON.parse(readFileSync(`${PLUGIN}block/block.json`, 'utf8'));
  const words = new Set([
    ...[...sources.matchAll(/__\( '([^']+)', 'sawt' \)/g)].map(([, text]) => text),
    ...[...sources.matchAll(/^ \* (?:Plugin Name|Description): +(.+)$/gm)].map(([, text]) => text),
    title,
    description,
    ...keywords,
  ]);
  assert.deepEqual(readable.map(([, text]) => text).sort(), [...words].sort());
});
