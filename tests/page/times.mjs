// How long the page waits for pictures, beside the time that the answer itself tells: node times.mjs URL. Prints medians of 20
// answers each, from the request to the last picture decoded, in ms. Asserts nothing: the figures depend on the machine.
import {chromium} from 'playwright-core';

const url = process.argv[2];
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
const page = await browser.newPage();
await page.goto(url);
await page.waitForSelector('#generate-result img');
for (const [count, looks] of [[6, 1], [24, 2]]) {
  const rows = await page.evaluate(async ([people, number]) => {
    const api = await import(new URL('api.js', document.baseURI));
    const presets = (await api.looks()).slice(0, number).map((look) => look.name);
    const out = [];
    for (let seed = 0; seed < 22; seed++) {
      const begin = performance.now();
      const answer = await api.generate({presets, seed, count: people});
      const parsed = performance.now();
      await Promise.all(answer.pictures.map((made) => api.make('img', {src: made.url}).decode()));
      out.push([1000 * answer.seconds, parsed - begin, performance.now() - begin]);
    }
    return out.slice(2);  // the first load the looks
  }, [count, looks]);
  const median = (values) => values.sort((a, b) => a - b)[values.length / 2].toFixed(1);
  console.log(`${count * looks} pictures: server ${median(rows.map((row) => row[0]))} ms, the page beside it ` +
    `${median(rows.map((row) => row[1] - row[0]))} ms until it has the files, ${median(rows.map((row) => row[2] - row[0]))} ms until they are decoded`);
}
await browser.close();
