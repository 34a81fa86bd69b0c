// The page as a person uses it: node page.mjs URL FOLDER-FOR-SCREENSHOTS [read-only | kill PROGRAM]. Every step that fails
// is told; then exit code 1. `read-only`: that server has the runs that the first one left. `kill`: PROGRAM is the server,
// which is started, killed and started again here; URL says where.
import {spawn} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {chromium} from 'playwright-core';

const [url, folder, only, program] = process.argv.slice(2);
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
let failures = 0;
const complaints = [];

/** A new browser, or a tab beside `tab` in the same one: runs belong to a browser. */
async function open(options = {}, tab = null) {
  const context = tab?.context() ?? await browser.newContext({viewport: {width: 1200, height: 850}, acceptDownloads: true, ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', (error) => complaints.push(`an error on the page: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && !(only === 'kill' && /net::ERR_/.test(message.text()))) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const at = new URL(request.url());
    if (!['data:', 'blob:'].includes(at.protocol) && at.origin !== new URL(url).origin) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  return page;
}
async function step(what, body) {
  const begin = Date.now();
  try {
    await body();
    console.log(`${what}: ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED: ${what}: ${error.message.split('\n').slice(0, 3).join(' ')}`);
  }
}
function hold(condition, sentence) {
  if (!condition) throw new Error(sentence);
}
// Asks again until it holds. The browser's own way to wait compiles texts on the page, which the page's policy forbids.
const patience = Number(process.env.NADA_PAGE_TIMEOUT ?? 120000);
async function until(page, holds, argument, timeout = patience) {
  const end = Date.now() + timeout;
  while (!await page.evaluate(holds, argument)) {
    if (Date.now() > end) throw new Error(`waited ${timeout / 1000} s for ${holds}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
const sources = (page, selector) => page.$$eval(selector, (images) => images.map((image) => image.src));
/** What pictures show, as texts of their pixels. */
const pixels = (page, selector) => page.$$eval(selector, (images) => images.map((image) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL();
}));

/** The levels of the n-th picture, and the largest difference of two. How many people are computed together may move one by 1. */
const levels = (page, selector, n) => page.$$eval(selector, (images, at) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [images[at].naturalWidth, images[at].naturalHeight];
  const pen = canvas.getContext('2d');
  pen.drawImage(images[at], 0, 0);
  return [...pen.getImageData(0, 0, canvas.width, canvas.height).data];
}, n);
const difference = (a, b) => a.length !== b.length ? 255 : a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

/** Holds what the page shows once its transitions have ended against WCAG 2.2 A and AA and axe's best practice. */
const axe = new URL('node_modules/axe-core/axe.min.js', import.meta.url);
let states = 0;
async function accessible(page, state) {
  if (!existsSync(axe)) return;
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(readFileSync(axe, 'utf8'));
  // A colour half way through a transition is no state of the page: a busy machine stretches it over the whole look.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)));
  const {violations} = await page.evaluate(() => globalThis.axe.run(document, {resultTypes: ['violations']}));
  states += 1;
  const found = violations.map((one) => `${one.id} (${one.help}): ${one.nodes.map((node) => node.html.slice(0, 100)).join(' ')}`);
  hold(found.length === 0, `${state}: ${found.join('; ')}`);
}
/** Counts how often the text of an element changes; returns a function that tells it. */
async function changes(page, selector) {
  await page.evaluate((place) => {
    globalThis.changed = 0;
    new MutationObserver(() => { globalThis.changed += 1; }).observe(document.querySelector(place), {childList: true, characterData: true, subtree: true});
  }, selector);
  return () => page.evaluate(() => globalThis.changed);
}

async function finish() {
  console.log(existsSync(axe) ? `axe-core looked at ${states} states` : 'axe-core is not installed, so the page was not held against WCAG');
  for (const complaint of new Set(complaints)) {
    failures += 1;
    console.log('FAILED:', complaint);
  }
  await browser.close();
  process.exit(failures ? 1 : 0);
}

const page = await open();
if (only === 'read-only') {
  await step('a read-only server shows and generates, nothing else', async () => {
    await page.goto(url);
    await page.waitForSelector('#generate-result img');
    for (const part of ['stylize', 'adapt']) hold(!await page.isVisible(`nav a[href="#${part}"]`), `expected no way to ${part}`);
    await page.click('nav a[href="#runs"]');
    await page.click('#runs-list li:has-text("a zombie") >> text=Open');
    await until(page, () => document.getElementById('adapt-chart').dataset.points === '20');
    hold(await page.isVisible('text=Download the delta'), 'expected what the run left');
    for (const place of ['#adapt-form', '#adapt-act', '#keep-form']) hold(!await page.isVisible(place), `expected no ${place}`);
    await accessible(page, 'a run on a read-only server');
  });
  await step('a picture is shown in more than 32 looks', async () => {
    await page.goto(`${url}/#runs`);
    await page.click('#runs-list li:has-text("stylised") >> text=Open');
    const looks = await page.evaluate(async () => (await (await fetch('api/v2/presets')).json()).presets.length - 1);
    hold(looks > 32, `expected more than 32 looks on this server, found ${looks}`);
    await until(page, (n) => document.querySelectorAll('#stylize-grid img').length === n, looks);
  });
  await finish();
}
if (only === 'kill') {
  let server;
  const start = async () => {
    server = spawn(program, ['--port', new URL(url).port, '--runs', 'killed', '--quiet'], {stdio: 'ignore'});
    for (let i = 0; i < 600 && !(await fetch(`${url}/healthz`).catch(() => null))?.ok; i++) await new Promise((done) => setTimeout(done, 100));
  };
  await start();
  await step('the page follows through a kill, and so does what waits', async () => {
    await page.goto(`${url}/#adapt`);
    for (const [target, steps] of [['a ghost', '30'], ['a robot', '2']]) {
      await page.fill('#adapt-form [name=target]', target);
      await page.fill('#adapt-form [name=steps]', steps);
      await page.click('#adapt-form .main');
      await until(page, (text) => document.getElementById('adapt-run-title').textContent.includes(text), target);
    }
    await until(page, () => document.getElementById('adapt-state').textContent.startsWith('Waiting'));
    const first = await open({}, page);
    await first.goto(`${url}/#adapt/a-ghost-1`);
    await until(first, () => Number(document.getElementById('adapt-chart').dataset.points) >= 3);
    server.kill('SIGKILL');
    for (const tab of [page, first]) await until(tab, () => document.getElementById('adapt-state').textContent.includes('trying again'));
    await start();
    await until(first, () => document.getElementById('adapt-state').textContent.startsWith('Done: 30'), undefined, 240000);
    await until(page, () => document.getElementById('adapt-state').textContent.startsWith('Done: 2'), undefined, 240000);
  });
  server.kill('SIGTERM');
  await new Promise((done) => server.on('exit', done));
  await finish();
}
let face;
await step('generates when it opens', async () => {
  await page.goto(url);
  await page.waitForSelector('#generate-result img');
  hold((await page.$$('#generate-result .row')).length >= 1, 'expected a row for each look');
  await until(page, () => [...document.querySelectorAll('#generate img')].every((image) => image.complete && image.naturalWidth > 0));
  await accessible(page, 'Generate');
});
await step('a first answer that fails stops nothing', async () => {
  const unlucky = await open();
  let asked = 0;
  await unlucky.route('**/api/v2/status', (route) => asked++ ? route.continue() : route.fulfill({status: 429, json: {error: 'too much at once'}}));
  await unlucky.goto(url);
  await until(unlucky, () => document.getElementById('notice').textContent.includes('Trying again'));
  await accessible(unlucky, 'a notice');
  await unlucky.click('nav a[href="#adapt"]');
  hold(await unlucky.isVisible('#adapt-form'), 'expected the part to open all the same');
  await until(unlucky, () => document.getElementById('notice').hidden && document.querySelector('#adapt-form [name=source]').value !== '');
  await unlucky.context().close();
});
await step('forced colours tell the tab that is open', async () => {
  await page.emulateMedia({forcedColors: 'active'});
  const outlines = await page.$$eval('nav a', (all) => all.map((link) => [link.hasAttribute('aria-current'), getComputedStyle(link).outlineStyle !== 'none']));
  hold(outlines.every(([current, outlined]) => current === outlined), `expected an outline around the open tab alone, found ${outlines}`);
  await page.emulateMedia({forcedColors: null});
});
await step('a picture downloads with its options inside', async () => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#generate-result .tile a')]);
  face = readFileSync(await download.path());
  hold(face.includes('nada:options') && face.includes('seed = 7'), 'expected a PNG with its options');
  hold(download.suggestedFilename().endsWith('.png'), 'expected a name that ends in .png');
});
await step('a locked person is the same in other looks', async () => {
  const others = await levels(page, '#generate-result .row:first-child img', 0);
  const before = await levels(page, '#generate-result .row:first-child img', 1);
  await page.click('#generate-result .row:first-child .tile:nth-child(2) .icons button');
  const looks = await page.$$('#generate-looks input');
  for (const look of looks) if (!await look.isChecked()) await look.check({force: true});
  await until(page, (n) => document.querySelectorAll('#generate-result .row').length === 1 &&
    document.querySelectorAll('#generate-result img').length === n, looks.length);
  await until(page, () => !document.querySelector('#generate-result[aria-busy]') &&
    [...document.querySelectorAll('#generate-result img')].every((image) => image.complete && image.naturalWidth > 0));
  const after = await pixels(page, '#generate-result img');
  const locked = await levels(page, '#generate-result img', 0);
  hold(difference(locked, before) <= 1 && difference(locked, others) > 20, 'expected the locked person');
  hold(new Set(after).size === after.length, 'expected different pictures in different looks');
  await page.screenshot({caret: 'initial', path: `${folder}/locked.png`, fullPage: true});
  await accessible(page, 'a locked person');
  hold(await page.isDisabled('#seed'), 'expected the seed to be shown as decided by the lock');
  hold(page.url().includes('person=7:1'), `expected the person in the address, found ${page.url()}`);
  await page.reload();
  await until(page, (n) => document.querySelectorAll('#generate-result img').length === n, looks.length);
  await page.click('#unlock');
  await until(page, () => document.querySelectorAll('#generate-result .row:first-child img').length === 6);
});
await step('a picture is enlarged, and saved larger', async () => {
  await page.click('#generate-result .tile .picture');
  await page.waitForSelector('#zoom[open] img');
  await accessible(page, 'a picture enlarged');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#zoom button:text-is("Download 4×")')]);
  const large = readFileSync(await download.path());
  hold(large.readUInt32BE(16) === 4 * face.readUInt32BE(16) && large.includes('nada:options'), 'expected a PNG of 4 times the size with its options');
  await page.keyboard.press('Escape');
});
await step('all as a zip, a film, a blend, and the options of a picture', async () => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#zip')]);
  hold(readFileSync(await download.path()).subarray(0, 2).toString() === 'PK', 'expected an archive');
  await page.click('#film-make');
  await until(page, () => document.querySelectorAll('#film img').length === 32);
  await accessible(page, 'a film');
  await page.click('#strengths-make');
  await until(page, () => document.querySelectorAll('#film .tile').length === 7);
  await accessible(page, 'strengths side by side');
  await page.check('#generate-form [name=blend]');
  await until(page, () => document.querySelectorAll('#generate-result .row').length === 1);
  writeFileSync(`${folder}/options.png`, face);
  await page.uncheck('#generate-form [name=blend]');
  await page.fill('#seed', '99');
  await page.setInputFiles('#restore', `${folder}/options.png`);
  await until(page, () => document.getElementById('seed').value === '7' && !document.getElementById('locked').hidden);
  await page.click('#unlock');
  await page.waitForSelector('#generate-result:not([aria-busy]) .tile');
});
await step('a wrong number is told', async () => {
  await page.fill('#generate-form [name=count]', '99');
  await page.click('#generate-form .main');
  hold(await page.$eval('#generate-form [name=count]', (input) => !input.checkValidity()), 'expected the field to be invalid');
  await page.fill('#generate-form [name=count]', '6');
});

await step('unknown words are marked as they are typed', async () => {
  await page.click('nav a[href="#adapt"]');
  await page.fill('#adapt-form [name=target]', 'a spaceshipp');
  await page.waitForSelector('#adapt-words mark');
  hold((await page.textContent('#adapt-words')).includes('spaceshipp'), 'expected the word');
  hold(await page.textContent('#adapt-form .behind mark') === 'spaceshipp', 'expected the word underlined in the field');
  await page.fill('#adapt-form [name=target]', 'a zombi');
  await page.click('#adapt-words button:text-is("zombie")');
  hold(await page.inputValue('#adapt-form [name=target]') === 'a zombie', 'expected the near word instead');
  await page.waitForSelector('#adapt-words mark', {state: 'detached'});
  await page.click('#adapt-known summary');
  await until(page, () => document.querySelector('#adapt-known p').textContent.split(', ').includes('zombie'));
});
await step('the line under an unknown word stays under it as the field scrolls', async () => {
  await page.setViewportSize({width: 390, height: 850});
  await page.fill('#adapt-form [name=target]', 'a mermayd with a frobnicated hat and a gloomph');
  await until(page, () => [...document.querySelectorAll('#adapt-form .behind mark')].at(-1)?.textContent === 'gloomph');
  await accessible(page, 'unknown words');
  await page.focus('#adapt-form [name=target]');
  await page.keyboard.press('End');
  const [scrolled, off] = await page.$eval('#adapt-form [name=target]', (field) => {
    const style = getComputedStyle(field);
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = style.font;
    const before = pen.measureText(field.value.slice(0, field.value.indexOf('gloomph'))).width;
    const expected = field.getBoundingClientRect().left + parseFloat(style.borderLeftWidth) + parseFloat(style.paddingLeft) - field.scrollLeft + before;
    return [field.scrollLeft, [...field.parentElement.querySelectorAll('mark')].at(-1).getBoundingClientRect().left - expected];
  });
  hold(scrolled > 0 && Math.abs(off) < 3, `expected the line under the word, it is ${off} px beside, after ${scrolled} px`);
  await page.setViewportSize({width: 1200, height: 850});
  await page.fill('#adapt-form [name=target]', 'a zombie');
  await page.waitForSelector('#adapt-words mark', {state: 'detached'});
});
await step('adapts 20 steps while the curve moves, reloaded in the middle', async () => {
  await page.fill('#adapt-form [name=steps]', '20');
  await page.click('#adapt-form .main');
  await until(page, () => Number(document.getElementById('adapt-chart').dataset.points) >= 3);
  const first = await page.$eval('#adapt-chart .curve', (path) => path.getAttribute('d'));
  await until(page, (d) => document.querySelector('#adapt-chart .curve')?.getAttribute('d') !== d, first);
  await page.reload();
  const spoken = await changes(page, '#adapt-spoken');
  await until(page, () => Number(document.getElementById('adapt-chart').dataset.points) >= 4);
  await accessible(page, 'a training');
  await until(page, () => document.getElementById('adapt-state').textContent.startsWith('Done: 20'), undefined, 240000);
  await until(page, () => document.getElementById('adapt-chart').dataset.points === '20');
  await until(page, () => document.getElementById('adapt-picture').src.endsWith('/samples/20') && document.getElementById('adapt-picture').naturalWidth > 0);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#adapt-save')]);
  hold(/-20\.png$/.test(saved.suggestedFilename()), `expected the picture of step 20, found ${saved.suggestedFilename()}`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download the delta')]);
  hold(readFileSync(await download.path()).length > 10000, 'expected the delta');
  hold(await page.getAttribute('#adapt-spoken', 'role') === 'status' && await spoken() <= 6, `expected few words to be spoken, found ${await spoken()} changes`);
  await accessible(page, 'a training that is done');
  await page.screenshot({caret: 'initial', path: `${folder}/adapt.png`, fullPage: true});
});
await step('kept as a look, which then makes pictures, and which another tab sees', async () => {
  const other = await open({}, page);
  await other.goto(`${url}/#generate`);
  await other.waitForSelector('#generate-result img');
  await page.fill('#keep-form [name=name]', 'undead');
  await page.click('#keep-form button');
  await until(page, () => document.getElementById('keep-status').textContent.includes('Kept'));
  await page.click('#keep-form button[value=use]');  // of a look that is kept already
  await page.waitForSelector('#generate-result .tile[data-preset=undead]');
  hold((await page.$$eval('#generate-looks input:checked', (inputs) => inputs.map((one) => one.value).join())) === 'source,undead', 'expected the new look beside the original');
  await other.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));  // as when the tab comes to the front
  await other.waitForSelector('#generate-looks input[value=undead]', {state: 'attached'});
  await other.close();
});
await step('paused in one tab, seen in another, continued', async () => {
  const state = (tab, text) => until(tab, (begin) => document.getElementById('adapt-state').textContent.startsWith(begin), text);
  await page.click('nav a[href="#adapt"]');
  await page.fill('#adapt-form [name=target]', 'a devil');
  await page.fill('#adapt-form [name=steps]', '300');
  await page.click('#adapt-form .main');
  await until(page, () => document.getElementById('adapt-run-title').textContent.includes('a devil'));
  const other = await open({}, page);
  await other.goto(page.url());
  await until(other, () => document.getElementById('adapt-run-title').textContent.includes('a devil'));
  await page.click('#adapt-act:text-is("Pause after this step")');  // while it gets ready
  for (const tab of [page, other]) await state(tab, 'Stopped after');
  await page.click('#adapt-act:text-is("Continue")');
  for (const tab of [page, other]) await state(tab, 'Step');
  // a second run waits behind it and is taken out again
  await other.fill('#adapt-form [name=target]', 'a ghost');
  await other.click('#adapt-form .main');
  await state(other, 'Waiting: number 1');
  await other.click('#adapt-act:text-is("Take out of the queue")');
  await state(other, 'Taken out of the queue');
  await page.click('#adapt-act:text-is("Pause after this step")');
  await state(page, 'Stopped after');
  await other.close();
});

await step('a file that is no picture is told', async () => {
  await page.click('nav a[href="#stylize"]');
  writeFileSync(`${folder}/wrong.png`, 'not a picture');
  await page.setInputFiles('#file', `${folder}/wrong.png`);
  await until(page, () => document.getElementById('stylize-status').textContent.includes('wrong.png'));
  hold((await page.textContent('#stylize-privacy')).includes('computer'), 'expected where a picture goes');
});
const said = (text) => until(page, (begin) => document.getElementById('stylize-status').textContent.startsWith(begin), text);
const shown = () => page.$eval('#stylize-pair img', (image) => image.src);
await step('a picture is found at once, in every look', async () => {
  await accessible(page, 'Stylise');
  await page.click('#stylize-examples .example');
  await page.waitForSelector('#stylize-grid img');
  await said('Found.');
  const example = await shown();
  writeFileSync(`${folder}/face.png`, face);
  await page.setInputFiles('#file', `${folder}/face.png`);
  await until(page, (old) => document.querySelector('#stylize-pair img').src !== old, example);
  await said('Found.');
  hold((await page.$$('#stylize-pair img')).length === 2, 'expected the picture beside what was found');
  const before = await sources(page, '#stylize-grid img');
  await page.$eval('#stylize-strength', (slider) => {
    slider.value = '0.3';
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    slider.dispatchEvent(new Event('change', {bubbles: true}));
  });
  await until(page, (old) => document.querySelector('#stylize-grid img').src !== old, before[0]);
  await page.click('#stylize-blend button');
  await page.waitForSelector('#stylize-blended .tile:has-text("50 %")');
  await accessible(page, 'a picture in every look');
  await page.screenshot({caret: 'initial', path: `${folder}/stylise.png`, fullPage: true});
});
await step('another section is found when it is asked for, closer', async () => {
  const before = await shown();
  await page.focus('#crop-canvas');
  await page.keyboard.press('+');
  await page.keyboard.press('ArrowLeft');
  await said('Press “Find this face”');
  await page.selectOption('#stylize-form [name=effort]', {index: 1});
  await page.click('#stylize-form .main');
  await until(page, () => document.getElementById('stylize-progress').value > 2);
  await accessible(page, 'a search');
  await until(page, (old) => document.querySelector('#stylize-pair img').src !== old, before);
  await said('Found.');
});
await step('a tilted face is marked by three clicks', async () => {
  await page.selectOption('#stylize-form [name=effort]', {index: 0});
  const [wide, high, side, angle] = [1200, 900, 480, -0.4];
  const tilted = await page.evaluate(async ([data, width, height, size, turn]) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), {width, height});
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#8cc';
    pen.fillRect(0, 0, width, height);
    pen.translate(width / 2, height / 2);
    pen.rotate(turn);
    pen.drawImage(image, -size / 2, -size / 2, size, size);
    return canvas.toDataURL().split(',')[1];
  }, [face.toString('base64'), wide, high, side, angle]);
  writeFileSync(`${folder}/tilted.png`, Buffer.from(tilted, 'base64'));
  const old = await shown();
  await page.setInputFiles('#file', `${folder}/tilted.png`);
  await until(page, (src) => document.querySelector('#stylize-pair img').src !== src, old);  // its middle, by itself
  await said('Found.');
  const middle = await shown();
  const place = () => page.$eval('#crop-canvas', (canvas) => {
    const {left, top, width, height} = canvas.getBoundingClientRect();
    return {left, top, width, height, from: top + scrollY};
  });
  const click = async (x, y) => {
    await page.$eval('#crop-canvas', (canvas) => canvas.scrollIntoView({block: 'center'}));
    const box = await place();
    const scale = side * box.width / Math.max(wide, high);
    await page.mouse.click(box.left + box.width / 2 + scale * (Math.cos(angle) * x - Math.sin(angle) * y),
      box.top + box.height / 2 + scale * (Math.sin(angle) * x + Math.cos(angle) * y));
  };
  const before = await place();
  await page.click('#mark');
  await said('1 of 3: click on the eye at the left');
  const jump = (await place()).from - before.from;
  hold(jump === 0, `expected the picture to stay, it moved by ${jump} px`);
  await click(0, 0);
  await said('2 of 3: click on the eye at the right');
  await accessible(page, 'a face that is being marked');
  await page.click('#mark-undo');
  await said('1 of 3');
  for (let i = 0; i < 3; i++) await click(0, 0);
  await until(page, () => document.getElementById('stylize-status').classList.contains('bad'));  // no face has such points
  hold(await shown() === middle && await page.isDisabled('#mark-undo'), 'expected the marks to be set anew');
  for (const [x, y] of [[-1 / 7.4, 0.15], [1 / 7.4, 0.15], [0, 0.35]]) await click(x, y);  // whose square is the face's
  await until(page, (src) => document.querySelector('#stylize-pair img').src !== src, middle);
  await said('Found.');
  const off = await page.evaluate(async (data) => {
    const numbers = async (src) => {
      const image = new Image();
      image.src = src;
      await image.decode();
      const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 32});
      const pen = canvas.getContext('2d');
      pen.imageSmoothingQuality = 'high';
      pen.drawImage(image, 0, 0, 32, 32);
      return [...pen.getImageData(4, 4, 24, 24).data];
    };
    const [own, upright] = [await numbers(`data:image/png;base64,${data}`), await numbers(document.querySelector('#stylize-pair img').src)];
    return own.reduce((sum, value, i) => sum + Math.abs(value - upright[i]), 0) / own.length;
  }, face.toString('base64'));
  hold(off < 10, `expected the face upright, it is ${off} of 255 from it`);
  await page.screenshot({caret: 'initial', path: `${folder}/marked.png`, fullPage: true});
});
await step('and by the keys alone', async () => {
  const before = await shown();
  await page.focus('#mark-cancel');
  await page.keyboard.press('Enter');
  hold(await page.evaluate(() => document.activeElement.id) === 'mark', 'expected the focus at the button');
  await page.keyboard.press('Enter');
  hold(await page.evaluate(() => document.activeElement.id) === 'crop-canvas', 'expected the focus at the picture');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Backspace');
  await said('1 of 3');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Enter');  // where eyes and mouth usually are
  await until(page, (src) => document.querySelector('#stylize-pair img').src !== src, before);
  await said('Found.');
  await page.focus('#crop-canvas');
  await page.keyboard.press('Escape');
  hold(await page.isVisible('#mark') && await page.isEnabled('#crop-size'), 'expected the section again');
});
await step('a search that is stopped says so, and few words are spoken', async () => {
  const spoken = await changes(page, '#stylize-status');
  await page.selectOption('#stylize-form [name=effort]', {index: 2});
  await page.click('#stylize-form .main');
  await until(page, () => document.getElementById('stylize-progress').value > 5);
  await page.click('#stylize-cancel');
  await said('Stopped early, at step');
  hold(await spoken() <= 8, `expected few changes of the status, found ${await spoken()}`);
});
await step('runs are listed and run again', async () => {
  await page.click('nav a[href="#runs"]');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 9);
  await accessible(page, 'Runs');
  await page.click('#runs-list li:has-text("stylised") >> text=Run again');
  await until(page, () => document.querySelector('#stylize-form [name=effort]').value === 'steps=300');  // as it was
  await page.click('nav a[href="#runs"]');
  await page.fill('#runs-search', 'devil');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 1);
  await page.fill('#runs-search', '');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 9);
  await page.screenshot({caret: 'initial', path: `${folder}/runs.png`, fullPage: true});
  await page.click('#runs-list li:has-text("a zombie") >> text=Run again');
  await until(page, () => document.querySelector('#adapt-form [name=target]').value === 'a zombie');
  hold(await page.inputValue('#adapt-form [name=steps]') === '20', 'expected its steps in the form');
});
await step('an unknown run, and one of the other kind', async () => {
  await page.goto(`${url}/#adapt/nobody-1`);
  await until(page, () => document.getElementById('adapt-status').textContent.startsWith('There is no such run'));
  await page.goto(`${url}/#stylize/nobody-1`);
  await until(page, () => document.getElementById('stylize-status').textContent.startsWith('There is no such run'));
  await page.click('nav a[href="#runs"]');
  await page.click('#runs-list li:has-text("stylised") >> text=Open');
  await until(page, () => location.hash.startsWith('#stylize/picture'));
  await page.goto(page.url().replace('#stylize', '#adapt'));
  await until(page, () => location.hash.startsWith('#stylize/picture') && document.querySelectorAll('#stylize-grid img').length > 0);
});
await step('somebody else sees none of it; what is deleted is gone', async () => {
  const stranger = await open();
  await stranger.goto(`${url}/#runs`);
  await until(stranger, () => document.getElementById('runs-status').textContent.startsWith('There are none'));
  await stranger.context().close();
  await page.click('nav a[href="#runs"]');
  page.once('dialog', (dialog) => dialog.accept());
  await page.click('#runs-list li:has-text("stylised") >> text=Delete');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 8);
});
await step('by keyboard alone', async () => {
  const keyboard = await open();
  await keyboard.goto(url);
  await keyboard.waitForSelector('#generate-result img');
  await keyboard.keyboard.press('Tab');
  hold(await keyboard.evaluate(() => document.activeElement.className) === 'skip', 'expected the link that skips to the content first');
  for (let i = 0; i < 3; i++) await keyboard.keyboard.press('Tab');
  await keyboard.keyboard.press('Enter');
  await keyboard.waitForSelector('#adapt:not([hidden])');
  await keyboard.focus('.skip');
  await keyboard.keyboard.press('Enter');
  hold(await keyboard.evaluate(() => document.activeElement.id) === 'main', 'expected the focus at the content');
  hold(await keyboard.isVisible('#adapt'), 'expected the same part');
  const nameless = await keyboard.$$eval('a, button, input, select, canvas, progress', (all) => all.filter((element) =>
    !element.getAttribute('aria-label') && !element.labels?.length && !element.textContent.trim()).map((element) => element.outerHTML.slice(0, 80)));
  hold(nameless.length === 0, `expected a name for each control, none for ${nameless.join(' ')}`);
  await keyboard.context().close();
});
await step('on a phone, dark, nothing is cut off', async () => {
  const phone = await open({viewport: {width: 390, height: 844}, deviceScaleFactor: 2, colorScheme: 'dark', isMobile: true, hasTouch: true});
  await phone.goto(url);
  await phone.waitForSelector('#generate-result img');
  for (const part of ['generate', 'stylize', 'adapt', 'runs']) {
    await phone.tap(`nav a[href="#${part}"]`);
    await phone.waitForTimeout(400);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    hold(wide <= 0, `${part} is ${wide} pixels too wide`);
    await accessible(phone, `${part} on a phone, dark`);
    await phone.screenshot({caret: 'initial', path: `${folder}/phone-${part}.png`});
  }
  await phone.context().close();
});
await page.goto(`${url}/#generate`);
await page.waitForSelector('#generate-result img');
await page.screenshot({caret: 'initial', path: `${folder}/generate.png`});
await finish();
