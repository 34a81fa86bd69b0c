// The page: one part at a time, by the address behind #.
import {get} from '/api.js';
import * as adapt from '/adapt.js';
import * as generate from '/generate.js';
import * as runs from '/runs.js';
import * as stylize from '/stylize.js';

const parts = ['generate', 'stylize', 'adapt', 'runs'];
const notice = document.getElementById('notice');
let status = null;
let again = null;  // a run whose options the form takes next

function fail(error) {
  notice.textContent = error.message;
  notice.hidden = false;
}

async function show() {
  const [part, name] = location.hash.slice(1).split('/');
  const now = parts.includes(part) ? part : 'generate';
  for (const other of parts) {
    document.getElementById(other).hidden = other !== now;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === now) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${document.querySelector(`#${now} h2`).textContent} · nada`;
  runs.end();
  try {
    if (now === 'generate') await generate.start();
    if (now === 'adapt') await adapt.start(status.adapt);
    if (again && (now === 'adapt' || now === 'stylize')) {
      const run = again;
      again = null;
      await (now === 'adapt' ? adapt : stylize).fill(run);
    }
    if (now === 'adapt' && /^[a-z0-9_-]+$/.test(name ?? '')) adapt.follow(name);
    if (now === 'stylize' && /^[a-z0-9_-]+$/.test(name ?? '')) stylize.follow(name);
    const part = (run) => run.kind === 'adapt' ? 'adapt' : 'stylize';
    if (now === 'runs')
      runs.start(
        (run) => { location.hash = `${part(run)}/${run.id}`; },
        (run) => {
          again = run;
          location.hash = part(run);
        });
  } catch (error) {
    fail(error);
  }
}

document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();  // the address names the part
  document.getElementById('main').focus();
});
try {
  status = await get('status');
  document.getElementById('version').textContent = `nada ${status.version}`;
  document.body.classList.toggle('read-only', status.read_only);
  if (status.read_only)
    for (const part of ['stylize', 'adapt']) document.querySelector(`nav a[href="#${part}"]`).hidden = true;
  window.addEventListener('hashchange', show);
  await show();
} catch (error) {
  fail(error);
}
