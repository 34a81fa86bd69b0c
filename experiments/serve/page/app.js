// The page: one part at a time, by the address behind #.
import {get} from './api.js';
import * as adapt from './adapt.js';
import * as generate from './generate.js';
import * as runs from './runs.js';
import * as stylize from './stylize.js';

const parts = ['generate', 'stylize', 'adapt', 'runs'];
const notice = document.getElementById('notice');
let status = null;
let again = null;  // a run whose options the form takes next

function fail(error) {
  notice.textContent = error.message;
  notice.hidden = false;
}
/** The part that the address names, with what stands behind it. */
function place() {
  const [path, query] = location.hash.slice(1).split('?');
  const [part, name] = path.split('/');
  return {part: parts.includes(part) ? part : 'generate', name: /^[a-z0-9_-]+$/.test(name ?? '') ? name : '', query: new URLSearchParams(query ?? '')};
}
const open = (run) => { location.hash = `${run.kind === 'adapt' ? 'adapt' : 'stylize'}/${run.id}`; };

async function show() {
  const {part: now, name, query} = place();
  for (const other of parts) {
    document.getElementById(other).hidden = other !== now;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === now) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${document.querySelector(`#${now} h2`).textContent} · nada`;
  runs.end();
  if (!status) return;
  notice.hidden = true;
  try {
    if (now === 'generate') await generate.start(query);
    if (now === 'adapt') await adapt.start(status.adapt);
    if (now === 'stylize') stylize.start(status);
    if (again && (now === 'adapt' || now === 'stylize')) {
      const run = again;
      again = null;
      await (now === 'adapt' ? adapt : stylize).fill(run);
    }
    if (now === 'adapt' && name) adapt.follow(name, open);
    if (now === 'stylize' && name) stylize.follow(name, open);
    if (now === 'runs') runs.start(open, (run) => {
      again = run;
      location.hash = run.kind === 'adapt' ? 'adapt' : 'stylize';
    });
  } catch (error) {
    fail(error);
  }
}

document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();  // the address names the part
  document.getElementById('main').focus();
});
// A file that is dropped anywhere goes to the part that is open, and never in the place of the page.
for (const name of ['dragover', 'dragenter']) document.addEventListener(name, (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  if (!file || !status) return;
  const {part} = place();
  if (part === 'stylize') stylize.take(file);
  if (part === 'generate') generate.restore(file);
});
document.addEventListener('picture', (event) => {  // one that was made here is stylised
  location.hash = 'stylize';
  stylize.take(event.detail);
});
window.addEventListener('hashchange', show);
document.addEventListener('visibilitychange', () => {  // a look may have been kept in another tab
  if (status && !document.hidden && place().part === 'generate') generate.start(new URLSearchParams()).catch(fail);
});
show();  // the frame of the page is there at once
for (let wait = 1; !status; wait = Math.min(2 * wait, 10)) {
  try {
    status = await get('status');
  } catch (error) {
    fail({message: `${error.message} Trying again…`});
    await new Promise((done) => setTimeout(done, 1000 * wait));
  }
}
document.getElementById('version').textContent = `nada ${status.version}`;
document.getElementById('where').textContent = status.local ? 'Everything happens on this computer. '
  : `Everything happens on ${location.hostname}: what you send goes there and nowhere else. `;
document.body.classList.toggle('read-only', status.read_only);
if (status.read_only)
  for (const part of ['stylize', 'adapt']) document.querySelector(`nav a[href="#${part}"]`).hidden = true;
await show();
