// The gallery of runs.
import {address, get, make, tell} from '/api.js';

const list = document.getElementById('runs-list');
const status = document.getElementById('runs-status');
let timer = 0;
let drawn = '';

function card(run, open, again) {
  const files = run.kind === 'adapt' ? (run.pictures ?? []).slice(-1).map((step) => `samples/${step}`)
    : ['picture.png', 'inversion.png'].filter((file) => run.files?.includes(file));
  const title = run.kind === 'adapt' ? run.target : 'a picture, stylised';
  const details = make('details', {}, make('summary', {textContent: 'Options'}));
  details.addEventListener('toggle', async () => {
    if (!details.open || details.children.length > 1) return;
    const about = await get(`runs/${run.id}`).catch((error) => ({options: {error: error.message}}));
    details.append(make('pre', {textContent: Object.entries(about.options ?? {}).map(([name, value]) => `${name} = ${value}`).join('\n')}));
  });
  return make('li', {},
    make('div', {class: 'strip'}, ...files.map((file) => make('img', {src: address(`runs/${run.id}/${file}`), alt: '', loading: 'lazy'}))),
    make('div', {class: 'body'},
      make('h3', {textContent: title}),
      make('p', {}, make('span', {class: `state ${run.state}`, textContent: run.state}),
        `, ${run.step} of ${run.steps} steps` + (run.position ? `, number ${run.position} in the queue` : '') +
        (run.created ? `, ${new Date(run.created * 1000).toLocaleString([], {dateStyle: 'medium', timeStyle: 'short'})}` : '')),
      run.message ? make('p', {textContent: run.message}) : null,
      run.files ? details : null,
      make('div', {class: 'actions'},
        make('button', {type: 'button', textContent: 'Open', 'aria-label': `Open: ${run.id}`, onclick: () => open(run)}),
        run.kind === 'adapt' || run.files?.includes('picture.png') ? make('button', {type: 'button', class: 'writes', textContent: 'Run again', 'aria-label': `Run again: ${run.id}`, onclick: () => again(run)}) : null)));
}

async function refresh(open, again) {
  await tell(status, status.textContent, async () => {
    const {runs} = await get('runs');
    status.textContent = runs.length ? '' : 'There are none yet. Adapt or stylise something.';
    const text = JSON.stringify(runs);
    if (text === drawn || list.contains(document.activeElement)) return;
    drawn = text;
    list.replaceChildren(...runs.map((run) => card(run, open, again)));
  });
}

export function start(open, again) {
  drawn = '';
  clearInterval(timer);
  refresh(open, again);
  timer = setInterval(() => refresh(open, again), 3000);
}
export function end() {
  clearInterval(timer);
}
