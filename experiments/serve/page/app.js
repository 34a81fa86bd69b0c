// The page: one part at a time, by the address behind #.
import {get} from '/api.js';
import * as adapt from '/adapt.js';
import * as generate from '/generate.js';
import * as runs from '/runs.js';
import * as stylize from '/stylize.js';

const parts = ['generate', 'stylize', 'adapt', 'runs'];
const notice = document.getElementById('notice');
let status = null;

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
    if (now === 'adapt' && /^[a-z0-9_-]+$/.test(name ?? '')) adapt.follow(name);
    if (now === 'stylize' && /^[a-z0-9_-]+$/.test(name ?? '')) stylize.follow(name);
    if (now === 'runs')
      runs.start(
        (run) => { location.hash = run.kind === 'adapt' ? `adapt/${run.id}` : `stylize/${run.id}`; },
        (run) => {
          location.hash = 'adapt';
          setTimeout(() => adapt.fill(run));
        });
  } catch (error) {
    fail(error);
  }
}

try {
  status = await get('status');
  document.getElementById('version').textContent = `nada ${status.version}`;
  if (status.read_only)
    for (const part of ['stylize', 'adapt']) document.querySelector(`nav a[href="#${part}"]`).hidden = true;
  window.addEventListener('hashchange', show);
  await show();
} catch (error) {
  fail(error);
}
