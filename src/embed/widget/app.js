// The poll in a reader's browser. It builds no markup: the server's page has it all, and this changes texts, widths and
// data-state in it. In the page itself it finds the poll there; in a publisher's page <sawt-poll> fetches the page and
// moves the poll into its shadow root.
//
// The service sends these files as one: ../pack.mjs makes it.

import { serve } from './element.js';
import { page } from './page.js';
import { Poll } from './poll.js';

export { Poll };

serve();
const own = document.querySelector('.sawt-page .sawt[data-poll]');
if (own) page(own);
