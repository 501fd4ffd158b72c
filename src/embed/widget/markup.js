// The poll's markup, on its way from the service into a publisher's page.

import { SECOND } from './time.js';

// Read as a page, by the browser itself: nothing in it runs, and no text is parsed as markup in the publisher's page, which
// many forbid (Trusted Types). It must be a page of this very address, and hold this poll (where it names one), or say that there is none.
export const fetchPage = (address, id) =>
  new Promise((done) => {
    const asked = new XMLHttpRequest();
    asked.open('GET', address);
    asked.responseType = 'document';
    asked.timeout = 15 * SECOND;
    asked.onloadend = () => {
      const { status, responseURL, responseXML } = asked;
      const isPage = responseURL === address && /^text\/html\b/i.test(asked.getResponseHeader('content-type'));
      const found = isPage && responseXML?.querySelector('article.sawt');
      const isMeant = found && (status === 200 ? (!id || found.dataset.poll === id) : status === 404 && found.dataset.state === 'gone');
      done({ wait: Number(asked.getResponseHeader('retry-after')) || 0, root: isMeant && copy(found) });
    };
    asked.send();
  });

// All that our markup is made of. Nothing else gets through, whoever wrote it.
const ELEMENTS = /^(article|h1|div|form|input|fieldset|legend|label|span|button|a|ul|li|svg|rect|p|time)$/;
const ATTRIBUTES =
  /^(class|part|id|lang|dir|role|tabindex|type|name|value|checked|required|disabled|hidden|method|width|height|datetime|(data|aria)-[a-z]+)$/;
const ADDRESSES = /^(href|action)$/;
// Of the service's own pages: below `/embed/`, or the path that it is mounted under. None of another origin is so.
const OWN = /^(\/[\w.~-]+)*\/embed\//;

function copy(from) {
  const to = document.createElementNS(from.namespaceURI, from.localName);
  for (const { name, value } of from.attributes) {
    if (ATTRIBUTES.test(name) || (ADDRESSES.test(name) && OWN.test(value))) to.setAttribute(name, value);
  }
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) to.append(child.data);
    else if (ELEMENTS.test(child.localName)) to.append(copy(child));
  }
  return to;
}
