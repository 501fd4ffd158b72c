// What every file of tests starts once and stops at its end: the browser, the publisher's site, and the service. What a
// test opens beside them is closed when it ends, however it ends; and a reader who leaves says what was amiss.

import { after, afterEach, before } from 'node:test';

import { Reader, launch } from './browser.mjs';
import { PageCache } from './cache.mjs';
import { Publisher } from './publisher.mjs';
import { Sawt } from './sawt.mjs';
import { Stranger } from './stranger.mjs';
import { Wire } from './wire.mjs';

/** Sets the stage for the tests of one file. */
export function stage(settings) {
  const closing = [];
  const set = {
    /** A reader who comes to the publisher's pages, the service's, and those of `more` origins. */
    async reader(options, ...more) {
      const reader = await Reader.come(set.browser, [set.sawt.origin, set.publisher.origin, ...more], options);
      closing.push(() => reader.leave());
      return reader;
    },

    /** A reader whose own settings forbid all pages something: `cookies`, which is all storage, or `javascript`. */
    async readerWithout(what, options) {
      const reader = await Reader.comeWithout(what, [set.sawt.origin, set.publisher.origin], options);
      closing.push(() => reader.leave());
      return reader;
    },

    /** Another replica, with settings of its own. */
    async replica(...how) {
      const sawt = await Sawt.start(...how);
      closing.unshift(() => sawt.stop());
      return sawt;
    },

    /** Something that is closed when the test ends. */
    async closedAtEnd(opened) {
      closing.unshift(() => opened.close());
      return opened;
    },

    /** A wire to a replica that can be cut. */
    async wire(sawt = set.sawt) {
      const wire = await Wire.to(sawt.port);
      closing.unshift(() => wire.close());
      return wire;
    },

    /** Somebody in front of a replica who may answer in its place. */
    async stranger(sawt = set.sawt) {
      const stranger = await Stranger.before(sawt);
      closing.unshift(() => stranger.close());
      return stranger;
    },

    /** A cache in front of the replica that keeps polls' pages for ever. */
    async cache() {
      const cache = await PageCache.before(set.sawt);
      closing.unshift(() => cache.close());
      return cache;
    },
  };
  before(async () => {
    [set.browser, set.publisher, set.sawt] = await Promise.all([launch(), Publisher.start(), Sawt.start(settings)]);
  });
  // Readers first, since they came last.
  afterEach(async () => {
    const ended = [];
    while (closing.length > 0) ended.push(...(await Promise.allSettled([closing.pop()()])));
    const failed = ended.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  });
  after(async () => {
    await set.browser?.close();
    await Promise.all([set.publisher?.stop(), set.sawt?.stop()]);
  });
  return set;
}
