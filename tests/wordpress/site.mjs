// A WordPress that tests/wordpress/run has installed, what its administrator does to it, and an editor at work in it.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Themes that polls have to live with: one whose script shapes frames, and one made of blocks. */
const THEMES = ['twentytwentyone', 'twentytwentyfour'];

/** One WordPress, with one of its themes. */
export class Site {
  // What browsers keep of those who have logged in, by name.
  #loggedIn;

  /** Every one there is. */
  static all() {
    return JSON.parse(process.env.WORDPRESS_SITES).flatMap((site) => {
      const themes = THEMES.filter((theme) => existsSync(join(site.root, 'wp-content/themes', theme)));
      if (themes.length === 0) throw new Error(`WordPress ${site.version} has none of the themes ${THEMES.join(', ')}`);
      return themes.map((theme) => new Site({ ...site, theme }));
    });
  }

  constructor(site) {
    Object.assign(this, site);
    this.name = `${this.theme} on WordPress ${this.version}`;
  }

  /** Runs this PHP in it, and gives what it returns. */
  async php(code) {
    const script =
      `$_SERVER['HTTP_HOST'] = '${new URL(this.origin).host}'; require '${this.root}/wp-load.php';`
      + ` require_once ABSPATH . 'wp-admin/includes/plugin.php'; $done = ( static function () { ${code} } )();`
      + ` if ( is_wp_error( $done ) ) { fwrite( STDERR, $done->get_error_message() ); exit( 1 ); }`
      + ` echo "\\n", wp_json_encode( $done );`;
    const { stdout } = await promisify(execFile)('php', ['-d', 'display_errors=0', '-r', script]);
    return JSON.parse(stdout.split('\n').at(-1));
  }

  /** As it is before anybody has installed the plugin. */
  async withoutPlugin() {
    await this.php(`switch_theme( '${this.theme}' ); deactivate_plugins( 'sawt/sawt.php' ); delete_option( 'sawt_service' );`);
  }

  /** With the plugin, which knows where the service is. */
  async withPlugin(service) {
    await this.php(
      `switch_theme( '${this.theme}' ); update_option( 'sawt_service', '${service}' );`
        + ` return activate_plugin( 'sawt/sawt.php' );`,
    );
  }

  /** A post that holds this as it stands, as an administrator may write it; its id and its address. */
  async post(content) {
    return this.php(
      `kses_remove_filters(); $id = wp_insert_post( array( 'post_title' => 'عن المجلس', 'post_status' => 'publish', 'post_author' => 1,`
        + ` 'post_content' => wp_slash( json_decode( ${quoted(JSON.stringify(content))} ) ) ) );`
        + ` return array( 'id' => $id, 'link' => get_permalink( $id ) );`,
    );
  }

  /** Lets a reader come, who is logged in with the name that is the password too, to a page of WordPress's own. */
  async staff(come, name, path) {
    const storageState = (this.#loggedIn ??= {})[name];
    const reader = await come({ storageState });
    // Its console has much to say.
    reader.excuse(/./);
    if (storageState) return reader.open(this.origin + path);
    const page = await reader.open(`${this.origin}/wp-login.php?redirect_to=${encodeURIComponent(this.origin + path)}`);
    await page.locator('#user_login').fill(name);
    await page.locator('#user_pass').fill(name);
    await page.locator('#wp-submit').click();
    await page.waitForURL(this.origin + path);
    this.#loggedIn[name] = await reader.context.storageState();
    return page;
  }
}

const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** An editor who writes a post. */
export class Draft {
  /** Begins one. */
  static async begin(come, site) {
    const page = await site.staff(come, 'editor', '/wp-admin/post-new.php');
    const draft = new Draft();
    draft.page = page;
    const title = '.editor-post-title__input';
    // Some editors have a frame of their own for what is written.
    const isFramed = await page.waitForFunction((title) => {
      const frame = document.querySelector('iframe[name="editor-canvas"]');
      const isHere = document.querySelector(title) ?? frame?.contentDocument?.querySelector(title);
      if (!globalThis.wp?.data?.select('core/editor')?.getCurrentPostId() || !isHere) return undefined;
      return [Boolean(frame)];
    }, title);
    draft.canvas = (await isFramed.jsonValue())[0] ? page.frameLocator('iframe[name="editor-canvas"]') : page;
    await draft.canvas.locator(title).fill('عن المجلس');
    await page.keyboard.press('Enter');
    return draft;
  }

  /** Pastes a text where the editor writes. All browsers of a device have one clipboard, so the event is made. */
  async paste(text) {
    await this.$(':focus').evaluate((focused, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', text);
      focused.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, text);
  }

  /** Chooses a block by its name, as WordPress shows it. */
  async block(name, shown) {
    await this.page.keyboard.type(`/${name}`);
    await this.page.locator('.components-autocomplete__result', { hasText: shown }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** Something in what is written. */
  $(selector) {
    return this.canvas.locator(selector);
  }

  /** A frame of this address, however deep in the editor's own frames it is; waits for it. */
  async frame(address) {
    for (;;) {
      const frame = this.page.frames().find((frame) => frame.url().startsWith(address));
      if (frame) return frame;
      await this.page.waitForEvent('framenavigated');
    }
  }

  /** Publishes it, by the buttons; the address it has then. */
  async publish() {
    await this.page.locator('.editor-post-publish-panel__toggle').click();
    await this.page.locator('.editor-post-publish-panel .editor-post-publish-button').click();
    await this.page.waitForFunction(() => {
      const editor = globalThis.wp.data.select('core/editor');
      return editor.isCurrentPostPublished() && !editor.isSavingPost();
    });
    return this.page.evaluate(() => globalThis.wp.data.select('core/editor').getCurrentPost().link);
  }
}
