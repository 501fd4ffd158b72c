// Editors who sign in by an identity provider: a real one, on this machine.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { DESKTOP, axe, picture } from './browser.mjs';
import { freePort } from './ports.mjs';
import { IdentityProvider, Visitor } from './provider.mjs';
import { stage } from './stage.mjs';

const set = stage();

const START = '/newsroom/oidc/start?then=%2Fnewsroom%2Fsites%2Fdefault%2Fpolls';

/** A replica and the provider that it knows. They must know each other's address before either starts. */
async function scene(settings = {}) {
  const newsroom = `http://127.0.0.1:${await freePort()}`;
  const provider = await set.closedAtEnd(await IdentityProvider.start(newsroom));
  const sawt = await set.replica({
    SAWT_LISTEN: newsroom.replace('http://', ''),
    SAWT_PUBLIC_URL: newsroom,
    SAWT_QUOTA_SIGN_IN: 'off',
    ...provider.settings,
    ...settings,
  });
  return { provider, sawt, visitor: new Visitor() };
}

/** Somebody who has signed in at the provider and is on the way back. */
async function onTheWayBack({ sawt, visitor }, name, begun = sawt.origin + START) {
  return visitor.signInAt(begun, name);
}

test('an editor signs in with their account, is called by their name, and may do what their groups may', async () => {
  const { provider, sawt } = await scene();
  const reader = await set.reader({ locale: 'ar', viewport: DESKTOP }, sawt.origin, provider.issuer);
  // The provider's own pages are not ours to mend.
  reader.excuse(new RegExp(provider.issuer));
  reader.excuse(/https?:\/\/fonts\.googleapis\.com/);
  const page = await reader.open(`${sawt.origin}/newsroom`);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await axe(page), []);
    await picture(page, `newsroom-door-provider-${colorScheme}`);
  }
  const back = await new Visitor().signInAt(new URL(await page.getByRole('link', { name: 'الدخول بحساب الراي' }).getAttribute('href'), sawt.origin).href, 'huda');
  assert.match(back, /code=/);
  const visitor = new Visitor();
  const answer = await visitor.ask(await visitor.signInAt(sawt.origin + START, 'huda'));
  assert.deepEqual([answer.status, answer.location], [303, `${sawt.origin}/newsroom/sites/default/polls`]);
  await reader.context.addCookies([{ name: 'sawt_session', value: visitor.cookies(sawt.origin).get('sawt_session'), url: sawt.origin }]);
  await page.goto(`${sawt.origin}/newsroom`);
  await page.getByText('هدى العلي').waitFor();
  assert.equal(await page.getByRole('link', { name: 'الاستطلاعات' }).count(), 1);
  assert.equal(await page.getByRole('link', { name: 'المفاتيح' }).count(), 0, 'an editor makes no keys');
});

test('whoever is admin everywhere by their group may do what the operator may', async () => {
  const { sawt, visitor, ...rest } = await scene();
  await visitor.ask(await onTheWayBack({ sawt, visitor, ...rest }, 'ops'));
  assert.match((await visitor.ask(`${sawt.origin}/newsroom/sites`)).text, /منيرة/);
});

test('somebody without any role is told so, by their name', async () => {
  const all = await scene();
  const { status, text } = await all.visitor.ask(await onTheWayBack(all, 'salem'));
  assert.equal(status, 403);
  assert.match(text, /عرفناك يا \u2068سالم\u2069، لكن لا دور لك هنا/);
  assert.ok(!all.visitor.cookies(all.sawt.origin).has('sawt_session'));
});

test('a way back that this browser did not begin, or that was gone already, signs nobody in', async () => {
  const all = await scene();
  const { sawt, visitor } = all;
  const refused = async (who, url, what) => {
    const { status, text } = await who.ask(url);
    assert.equal(status, 403, what);
    assert.match(text, /لم يكتمل الدخول/, what);
    assert.ok(!who.cookies(sawt.origin).has('sawt_session'), what);
  };
  const back = await onTheWayBack(all, 'huda');
  await refused(new Visitor(), back, 'another browser has no cookie');
  const held = visitor.cookies(sawt.origin);
  await refused(visitor, back.replace(/state=[^&]*/, 'state=0000'), 'a state that was not given out');
  await refused(visitor, back, 'what the browser kept is used up by any try');
  for (const [other, what] of [
    [back.replace(/[?&]iss=[^&]*/, ''), 'a provider that says who it is and does not'],
    [back.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fevil.example'), 'a code that another provider has sent'],
  ]) {
    assert.notEqual(other, back);
    visitor.hold(sawt.origin, held);
    await refused(visitor, other, what);
  }
  visitor.hold(sawt.origin, held);
  assert.equal((await visitor.ask(back)).status, 303, 'the right one, with what was kept');
  const replaying = new Visitor();
  replaying.hold(sawt.origin, held);
  await refused(replaying, back, 'a code is good once');
  await refused(new Visitor(), `${sawt.origin}/newsroom/oidc/callback?error=access_denied`, 'a refusal of the provider');
});

test('a token that was made for another sign-in signs nobody in', async () => {
  const all = await scene();
  const { sawt, visitor } = all;
  const { location } = await visitor.ask(sawt.origin + START);
  const back = await onTheWayBack(all, 'huda', location.replace(/nonce=[^&]*/, 'nonce=another'));
  const { status, text } = await visitor.ask(back);
  assert.equal(status, 403);
  assert.match(text, /لم يكتمل الدخول/);
});

test('a provider that signs by a new key is believed, and sawt need not be started again', async () => {
  const all = await scene();
  assert.equal((await all.visitor.ask(await onTheWayBack(all, 'huda'))).status, 303);
  all.provider.rotate();
  const other = { ...all, visitor: new Visitor() };
  assert.equal((await other.visitor.ask(await onTheWayBack(other, 'huda'))).status, 303);
});

test('while the provider is away the door says so, keys open it, and all is well when it is back', async () => {
  const port = await freePort();
  const all = await scene({ SAWT_OIDC_ISSUER: `http://127.0.0.1:${port}`, SAWT_QUOTA_SIGN_IN: '2/86400s' });
  const { sawt, visitor } = all;
  const away = await visitor.ask(sawt.origin + START);
  assert.equal(away.status, 503);
  assert.match(away.text, /لا يجيب من يعرّف بالمحررين الآن/);
  const form = { key: sawt.adminKey, then: '/newsroom' };
  assert.equal((await visitor.ask(`${sawt.origin}/newsroom/sign-in`, form)).status, 303, 'a key opens the door');
  // The provider is there now, and calls itself so.
  let refusal = 503;
  const back = createServer((req, res) => {
    const issuer = `http://127.0.0.1:${port}`;
    const answers = {
      '/.well-known/openid-configuration': { issuer, authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t`, jwks_uri: `${issuer}/k` },
      '/k': { keys: [] },
    };
    // It takes no codes yet.
    if (req.url === '/t') res.statusCode = refusal;
    res.setHeader('content-type', 'application/json').end(JSON.stringify(answers[req.url] ?? {}));
  });
  await new Promise((listening) => back.listen(port, '127.0.0.1', listening));
  const { status, location } = await visitor.ask(sawt.origin + START);
  const held = visitor.cookies(sawt.origin);
  const state = new URL(location).searchParams.get('state');
  for (let time = 0; time < 3; time += 1) {
    visitor.hold(sawt.origin, held);
    const unheard = await visitor.ask(`${sawt.origin}/newsroom/oidc/callback?code=x&state=${state}`);
    assert.equal(unheard.status, 503, 'what the provider can say nothing of is no failure of theirs');
  }
  assert.equal((await visitor.ask(`${sawt.origin}/newsroom/sign-in`, form)).status, 303, 'keys still open the door');
  // It answers, and takes none: whoever tries on is held up, as with keys.
  refusal = 400;
  const tried = [];
  while (tried.length < 3) {
    visitor.hold(sawt.origin, held);
    tried.push((await visitor.ask(`${sawt.origin}/newsroom/oidc/callback?code=x&state=${state}`)).status);
  }
  assert.deepEqual(tried, [503, 503, 429]);
  await new Promise((closed) => {
    back.close(closed);
    back.closeAllConnections();
  });
  assert.equal(status, 303);
  const asked = new URL(location);
  assert.equal(asked.pathname, '/a');
  assert.deepEqual([asked.searchParams.get('code_challenge_method'), asked.searchParams.get('client_id')], ['S256', 'sawt']);
});
