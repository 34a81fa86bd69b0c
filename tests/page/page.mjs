// The page as a person uses it: node page.mjs URL FOLDER-FOR-SCREENSHOTS [read-only | kill PROGRAM]. Every step that fails
// is told; then exit code 1. `read-only`: that server has the runs that the first one left. `kill`: PROGRAM is the server,
// which is started, killed and started again here; URL says where.
import {spawn} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
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

async function finish() {
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
});
await step('a picture downloads with its options inside', async () => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#generate-result .tile a')]);
  face = readFileSync(await download.path());
  hold(face.includes('nada:options') && face.includes('seed = 7'), 'expected a PNG with its options');
  hold(download.suggestedFilename().endsWith('.png'), 'expected a name that ends in .png');
});
await step('a locked person is the same in other looks', async () => {
  const before = await pixels(page, '#generate-result .row:first-child img');
  await page.click('#generate-result .row:first-child .tile:nth-child(2) .icons button');
  const looks = await page.$$('#generate-looks input');
  for (const look of looks) if (!await look.isChecked()) await look.check({force: true});
  await until(page, (n) => document.querySelectorAll('#generate-result .row').length === 1 &&
    document.querySelectorAll('#generate-result img').length === n, looks.length);
  await until(page, () => !document.querySelector('#generate-result[aria-busy]') &&
    [...document.querySelectorAll('#generate-result img')].every((image) => image.complete && image.naturalWidth > 0));
  const after = await pixels(page, '#generate-result img');
  hold(after[0] === before[1], 'expected the locked person');
  hold(new Set(after).size === after.length, 'expected different pictures in different looks');
  await page.screenshot({caret: 'initial', path: `${folder}/locked.png`, fullPage: true});
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
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#zoom button:text-is("Download 4×")')]);
  const large = readFileSync(await download.path());
  hold(large.readUInt32BE(16) === 256 && large.includes('nada:options'), 'expected a PNG of 256 pixels with its options');
  await page.keyboard.press('Escape');
});
await step('all as a zip, a film, a blend, and the options of a picture', async () => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#zip')]);
  hold(readFileSync(await download.path()).subarray(0, 2).toString() === 'PK', 'expected an archive');
  await page.click('#film-make');
  await until(page, () => document.querySelectorAll('#film img').length === 32);
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
});
await step('adapts 20 steps while the curve moves, reloaded in the middle', async () => {
  await page.fill('#adapt-form [name=steps]', '20');
  await page.click('#adapt-form .main');
  await until(page, () => Number(document.getElementById('adapt-chart').dataset.points) >= 3);
  const first = await page.$eval('#adapt-chart .curve', (path) => path.getAttribute('d'));
  await until(page, (d) => document.querySelector('#adapt-chart .curve')?.getAttribute('d') !== d, first);
  await page.reload();
  await until(page, () => Number(document.getElementById('adapt-chart').dataset.points) >= 4);
  await until(page, () => document.getElementById('adapt-state').textContent.startsWith('Done: 20'), undefined, 240000);
  await until(page, () => document.getElementById('adapt-chart').dataset.points === '20');
  await until(page, () => document.getElementById('adapt-picture').src.endsWith('/samples/20') && document.getElementById('adapt-picture').naturalWidth > 0);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download the delta')]);
  hold(readFileSync(await download.path()).length > 10000, 'expected the delta');
  await page.screenshot({caret: 'initial', path: `${folder}/adapt.png`, fullPage: true});
});
await step('kept as a look, which then makes pictures', async () => {
  await page.fill('#keep-form [name=name]', 'undead');
  await page.click('#keep-form button');
  await until(page, () => document.getElementById('adapt-status').textContent.includes('Kept'));
  await page.click('nav a[href="#generate"]');
  await page.waitForSelector('#generate-looks input[value=undead]', {state: 'attached'});
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
await step('a picture is cropped, searched and shown in every look', async () => {
  await page.click('#stylize-examples .example');
  await page.waitForSelector('#crop:not([hidden])');
  writeFileSync(`${folder}/face.png`, face);
  await page.setInputFiles('#file', `${folder}/face.png`);
  await page.waitForSelector('#crop-canvas');
  await page.focus('#crop-canvas');
  await page.keyboard.press('+');
  await page.keyboard.press('ArrowLeft');
  await page.selectOption('#stylize-form [name=steps]', '40');
  await page.click('#stylize-form .main');
  await until(page, () => document.getElementById('stylize-progress').value > 2);
  await page.waitForSelector('#stylize-grid img', {timeout: 240000});
  const before = await sources(page, '#stylize-grid img');
  await page.$eval('#stylize-strength', (slider) => {
    slider.value = '0.3';
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    slider.dispatchEvent(new Event('change', {bubbles: true}));
  });
  await until(page, (old) => document.querySelector('#stylize-grid img').src !== old, before[0]);
  await page.screenshot({caret: 'initial', path: `${folder}/stylise.png`, fullPage: true});
});
await step('runs are listed and run again', async () => {
  await page.click('nav a[href="#runs"]');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 3);
  await page.fill('#runs-search', 'devil');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 1);
  await page.fill('#runs-search', '');
  await until(page, () => document.querySelectorAll('#runs-list li').length === 3);
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
  await until(page, () => document.querySelectorAll('#runs-list li').length === 2);
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
    await phone.screenshot({caret: 'initial', path: `${folder}/phone-${part}.png`});
  }
  await phone.context().close();
});
await page.goto(`${url}/#generate`);
await page.waitForSelector('#generate-result img');
await page.screenshot({caret: 'initial', path: `${folder}/generate.png`});
await finish();
