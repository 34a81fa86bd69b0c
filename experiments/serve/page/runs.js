// The gallery of runs, a page at a time.
import {address, get, make, remove, tell} from './api.js';

const list = document.getElementById('runs-list');
const status = document.getElementById('runs-status');
const field = document.getElementById('runs-search');
const more = document.getElementById('runs-more');
const portion = 24;
let timer = 0;
let drawn = '';
let shown = portion;
let show = () => {};
const words = {queued: 'waiting', running: 'running', done: 'done', stopped: 'stopped', failed: 'failed'};

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
  const going = run.state === 'queued' || run.state === 'running';
  return make('li', {},
    make('div', {class: 'strip'}, ...files.map((file) => make('img', {src: address(`runs/${run.id}/${file}`), alt: '', loading: 'lazy'}))),
    make('div', {class: 'body'},
      make('h3', {textContent: title}),
      make('p', {}, make('span', {class: `state ${run.state}`, textContent: words[run.state]}),
        (run.kind === 'stylize' && run.steps === 1 ? ', at once' : `, ${run.step} of ${run.steps} steps`) + (run.position ? `, number ${run.position} in the queue` : '') +
        (run.created ? `, ${new Date(run.created * 1000).toLocaleString([], {dateStyle: 'medium', timeStyle: 'short'})}` : '')),
      run.message ? make('p', {textContent: run.message}) : null,
      run.files ? details : null,
      make('div', {class: 'actions'},
        make('button', {type: 'button', textContent: 'Open', 'aria-label': `Open: ${run.id}`, onclick: () => open(run)}),
        run.kind === 'adapt' || run.files?.includes('picture.png') ? make('button', {type: 'button', class: 'writes', textContent: 'Run again', 'aria-label': `Run again: ${run.id}`, onclick: () => again(run)}) : null,
        going ? null : make('button', {type: 'button', class: 'writes', textContent: 'Delete', 'aria-label': `Delete: ${run.id}`, onclick: async () => {
          if (!confirm(`Delete “${title}” with all its files?`)) return;
          await tell(status, '', () => remove(`runs/${run.id}`));
          document.activeElement?.blur();
          await show();
        }}))));
}

async function refresh(open, again) {
  try {
    const search = field.value.trim();
    const answer = await get(`runs?count=${Math.min(200, shown)}${search ? `&search=${encodeURIComponent(search)}` : ''}`);
    for (let first = 200; first < Math.min(shown, answer.total); first += 200)
      answer.runs.push(...(await get(`runs?first=${first}&count=${Math.min(200, shown - first)}${search ? `&search=${encodeURIComponent(search)}` : ''}`)).runs);
    const line = answer.total === 0 ? (search ? 'None has these words.' : 'There are none yet. Adapt or stylise something.')
      : `${answer.runs.length} of ${answer.total}`;
    if (status.textContent !== line) status.textContent = line;
    status.classList.remove('bad');
    more.hidden = answer.runs.length >= answer.total;
    const text = JSON.stringify(answer.runs);
    if (text === drawn || list.contains(document.activeElement)) return;
    drawn = text;
    list.replaceChildren(...answer.runs.map((run) => card(run, open, again)));
  } catch (error) {
    if (status.textContent !== error.message) status.textContent = error.message;
    status.classList.add('bad');
  }
}

export function start(open, again) {
  drawn = '';
  clearInterval(timer);
  show = () => refresh(open, again);
  show();
  timer = setInterval(() => { if (!document.hidden) show(); }, 3000);
}
export function end() {
  clearInterval(timer);
}
field.addEventListener('input', () => {
  shown = portion;
  show();
});
more.addEventListener('click', () => {
  shown += portion;
  more.blur();
  show();
});
