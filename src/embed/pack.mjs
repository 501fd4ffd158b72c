#!/usr/bin/env node
// Packs the widget as browsers get it: the modules of widget/ as one script, the loader, and the style sheet, without
// what only people need, into packed/, which the program carries. So `cargo build` needs no Node. Whoever changes
// something in widget/ runs this after `npm ci --prefix tests/browser`; tests/run runs it with --check, which changes
// nothing and fails where packed/ is not what widget/ makes.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename } from 'node:path';

const tool = createRequire(new URL('../../tests/browser/package.json', import.meta.url));
const { build } = tool('esbuild');
// Names what esbuild has packed shorter: 2% less of a page view.
const { minify } = tool('terser');

const here = (path) => new URL(path, import.meta.url);
// The oldest browsers that show the poll: see the README. The loader is read by older ones, to say that they can't.
const target = ['chrome106', 'firefox105', 'safari16'];
// A script takes its style along, packed as well.
const style = ({ onLoad }) => onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await pack(basename(path)), loader: 'text' }));
const script = { bundle: true, format: 'esm', plugins: [{ name: 'style', setup: style }] };
const files = {
  'app.js': script,
  'edit.js': script,
  'reading.js': script,
  'multiple.js': script,
  'rating.js': script,
  'reaction.js': script,
  'ranked.js': script,
  'quiz.js': script,
  'open.js': script,
  'decided.js': script,
  'frames.js': script,
  'place.js': script,
  'receipt.js': script,
  'series.js': script,
  'work.js': script,
  'words.js': script,
  'article-view.js': script,
  'most-read.js': script,
  'article.js': script,
  'article-poll.js': script,
  'embed.js': { target: 'es2019' },
  'page.css': { bundle: true },
};

const pack = async (name, options) => {
  const { outputFiles } = await build({
    entryPoints: [here(`widget/${name}`).pathname],
    write: false,
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    target,
    ...options,
  });
  const [{ text }] = outputFiles;
  if (!name.endsWith('.js')) return text;
  const isModule = options.format === 'esm';
  return (await minify(text, { module: isModule, ecma: isModule ? 2020 : 2019 })).code;
};

const stale = [];
await mkdir(here('packed'), { recursive: true });
for (const [name, options] of Object.entries(files)) {
  const packed = await pack(name, options);
  const kept = await readFile(here(`packed/${name}`), 'utf8').catch(() => '');
  if (kept === packed) continue;
  stale.push(name);
  if (!process.argv.includes('--check')) await writeFile(here(`packed/${name}`), packed);
}
if (stale.length && process.argv.includes('--check')) {
  console.error(`packed/ is not what widget/ makes: ${stale.join(', ')}; run src/embed/pack.mjs`);
  process.exit(1);
}
