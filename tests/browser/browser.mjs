// The browser, and readers in it. What must hold whatever a test does is asserted when a reader leaves: the console is
// clean, no content security policy was broken, and nothing was asked of anybody but the service and the publisher.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

// What Playwright turns off itself, since of two such lists the last one counts; and the proposals below the address, which
// Chromium draws as a page of their own in each window: nobody sees them here, and they take half of the processor's time.
const FEATURES_OFF = [
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'ThirdPartyStoragePartitioning',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxFullPopup',
  'WebUIOmniboxPopup',
];

const OPTIONS = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-domain-reliability',
    '--no-pings',
    `--disable-features=${FEATURES_OFF}`,
  ],
};

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const SCREENSHOTS = process.env.SAWT_SCREENSHOTS ?? fileURLToPath(new URL('../../target/screenshots', import.meta.url));

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };

// How long anything is waited for: it comes, however slow the machine is and whatever else it does meanwhile.
const PATIENCE = 240_000;

/** Starts the browser. */
export async function launch() {
  return chromium.launch(OPTIONS);
}

/** A reader who comes to pages of these origins and no others. */
export class Reader {
  #context;
  #origins;
  #complaints = [];
  #excused = [];
  #foreign = [];
  #pages = [];
  #profile;

  /**
   * @param browser what {@link launch} gave
   * @param origins all that the pages may ask anything of
   * @param options as Playwright's `newContext` takes them
   */
  static async come(browser, origins, options = {}) {
    return new Reader(await browser.newContext({ viewport: DESKTOP, ...options }), origins).#prepared();
  }

  /**
   * A reader whose own settings forbid all pages something, as people set it who mean it.
   *
   * @param what as Chromium calls it: `cookies`, and then pages that store anything get an exception; `javascript`
   */
  static async comeWithout(what, origins, options = {}) {
    const profile = mkdtempSync(join(tmpdir(), 'sawt-profile-'));
    mkdirSync(join(profile, 'Default'));
    const preferences = { profile: { default_content_setting_values: { [what]: 2 } } };
    writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify(preferences));
    const context = await chromium.launchPersistentContext(profile, { ...OPTIONS, viewport: DESKTOP, ...options });
    const reader = new Reader(context, origins);
    reader.#profile = profile;
    return reader.#prepared();
  }

  constructor(context, origins) {
    this.#context = context;
    this.#origins = new Set(origins);
  }

  async #prepared() {
    this.#context.setDefaultTimeout(PATIENCE);
    await this.#context.exposeBinding('sawtTestNotes', (_, note) => this.#complaints.push(note));
    await this.#context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        globalThis.sawtTestNotes(`${event.effectiveDirective} kept ${event.blockedURI} out of ${event.documentURI}`);
      });
      globalThis.sawtTestShifts = [];
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
          const moved = sources.map(({ node, previousRect: from, currentRect: to }) =>
            `${node?.id || node?.localName || node?.nodeName}: ${[from, to].map(({ x, y, width, height }) => `${width}x${height} at ${x},${y}`).join(' to ')}`);
          globalThis.sawtTestShifts.push({ value, moved });
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    this.#context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      const isLocal = protocol === 'data:' || protocol === 'blob:' || protocol === 'about:';
      if (!isLocal && !this.#origins.has(origin)) this.#foreign.push(request.url());
    });
    this.#context.on('weberror', (error) => this.#complaints.push(`uncaught: ${error.error()}`));
    this.#context.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      this.#complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    return this;
  }

  /** Opens a page. */
  async open(url) {
    const page = await this.#context.newPage();
    this.#pages.push(page);
    await page.goto(url);
    return page;
  }

  /** Lets the browser say this: where a test brings about what browsers complain of. */
  excuse(pattern) {
    this.#excused.push(pattern);
  }

  /** Everything that pages have stored on this reader's device, cookies included, by origin. */
  async stored() {
    const { cookies, origins } = await this.#context.storageState({ indexedDB: true });
    const kept = cookies.map(({ domain, name }) => `cookie ${name} of ${domain}`);
    for (const { origin, localStorage, indexedDB } of origins) {
      kept.push(...localStorage.map(({ name }) => `${name} in ${origin}`));
      kept.push(...(indexedDB ?? []).map(({ name }) => `database ${name} of ${origin}`));
    }
    return kept;
  }

  /** The browser's context, for what only some tests do. */
  get context() {
    return this.#context;
  }

  /** Leaves; fails if anything was amiss meanwhile. */
  async leave() {
    await this.#context.close();
    if (this.#profile) rmSync(this.#profile, { recursive: true, force: true });
    assert.deepEqual(this.#foreign, [], 'a page asked something of somebody else');
    const left = this.#complaints.filter((complaint) => !this.#excused.some((pattern) => pattern.test(complaint)));
    assert.deepEqual(left, [], 'the browser complained');
  }
}

/** What axe-core has to say on every frame of a page, as lines; none if all is well. */
export async function axe(page) {
  const found = [];
  for (const frame of page.frames()) {
    if (await isDeaf(frame)) continue;
    await frame.evaluate(AXE);
    const { violations } = await frame.evaluate(() =>
      globalThis.axe.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        // Each frame is looked at by itself.
        iframes: false,
      }),
    );
    for (const { id, help, nodes } of violations) {
      found.push(...nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html}: ${failureSummary}`));
    }
  }
  return found;
}

/** Whether nothing runs in a frame, not even what looks at it. */
async function isDeaf(frame) {
  if (!frame.parentFrame()) return false;
  const sandbox = await frame.frameElement().then((element) => element.getAttribute('sandbox')).catch((error) => {
    // A preview that was replaced by the next one meanwhile. The frame itself may not know yet.
    if (!/detached/.test(error.message)) throw error;
    return '';
  });
  return sandbox !== null && !sandbox.includes('allow-scripts');
}

/** What has moved under the reader by itself since the page was there: how much, in Chromium's measure, and what. */
export async function shifted(page) {
  return page.evaluate(() => globalThis.sawtTestShifts);
}

/** Keeps a picture of the page, or of a part of it, under `target/screenshots/`. */
export async function picture(of, name, options = {}) {
  await of.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: 'disabled', ...options });
}

/** Looks at a whole page at both widths and in both themes: pictures of it, and axe finds nothing. */
export async function lookAtPage(page, name, phone) {
  for (const [size, viewport] of [['phone', phone], ['desktop', DESKTOP]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${size}-${colorScheme}`, { fullPage: true });
      assert.deepEqual(await axe(page), [], `${name} ${size} ${colorScheme}`);
    }
    const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.ok(!isWider, `${name} is wider than a ${size}`);
  }
}
