// Adapt: from words to a new look, with a curve and pictures while it trains.
import {address, duration, get, looks, make, post, remove, tell, watch} from './api.js';
import {draw} from './chart.js';

const id = (name) => document.getElementById(name);
const form = id('adapt-form');
const status = id('adapt-status');
const act = id('adapt-act');
let stop = null;
let rows = [];
let frame = 0;
let looking = 0;
let steps = 1;
let pinned = false;  // whether the slider stays at an earlier picture
let pictures = [];
const wordy = /([\p{L}\p{M}\p{N}]+)/u;  // what the server takes for a word

export async function start(defaults) {
  if (!form.source.value) form.source.value = defaults.source;
  if (!form.steps.dataset.set) {
    form.lr.value = defaults.lr;
    form.batch.value = defaults.batch;
    form.steps.value = defaults.steps;
    form.steps.dataset.set = 'yes';
  }
  const texts = new Set((await looks()).map((look) => look.target).filter((text) => text && text !== defaults.source));
  if (!id('adapt-examples').hasChildNodes())
    id('adapt-examples').append(make('span', {textContent: 'For example:'}), ...[...texts].slice(0, 8).map((text) =>
      make('button', {type: 'button', class: 'chip', textContent: text, onclick: () => {
        form.target.value = text;
        mark();
        form.target.focus();
      }})));
  id('adapt-targets').replaceChildren(...[...texts].map((value) => make('option', {value})));
}

/** The same text as in the field, over it, with the given words underlined. */
function underline(field, words) {
  const over = field.parentElement.querySelector('.behind');
  const parts = field.value.split(wordy);
  over.replaceChildren(...parts.map((part) => words.has(part.toLowerCase()) ? make('mark', {textContent: part}) : part));
  slide(field);
}
/** Moves the underlined text as far as the field's, whose inside is narrower where the browser shows a list's arrow. */
function slide(field) {
  field.parentElement.querySelector('.behind').style.textIndent = `${-field.scrollLeft}px`;
}

let asking = 0;
async function mark() {
  const mine = ++asking;
  for (const field of [form.source, form.target]) underline(field, new Set());
  await new Promise((done) => setTimeout(done, 250));
  if (mine !== asking) return;
  const text = `${form.source.value} ${form.target.value}`.slice(0, 240);
  const line = id('adapt-words');
  try {
    const {unknown} = await get(`words?text=${encodeURIComponent(text)}`);
    if (mine !== asking) return;
    const words = new Set(unknown.map((entry) => entry.word));
    for (const field of [form.source, form.target]) underline(field, words);
    line.classList.toggle('warn', unknown.length > 0);
    line.replaceChildren(...unknown.flatMap((entry, i) => [i ? ' ' : '',
      'The encoders never read ', make('mark', {textContent: entry.word}),
      ...(entry.near.length ? ['. Near ones: ', ...entry.near.flatMap((near, k) => [k ? ', ' : '', instead(entry.word, near)]), '.']
        : [', so it may do little.'])]));
  } catch { /* only a hint */ }
}
function instead(word, near) {
  return make('button', {type: 'button', class: 'word', textContent: near, 'aria-label': `${near} instead of ${word}`, onclick: () => {
    for (const field of [form.source, form.target])
      field.value = field.value.split(wordy).map((part) => part.toLowerCase() === word ? near : part).join('');
    form.target.focus();
    mark();
  }});
}

/** Fills the form, for "run again". */
export function fill(about) {
  for (const name of ['source', 'target', 'steps', 'seed']) if (about[name] !== undefined) form[name].value = about[name];
  form.steps.dataset.set = 'yes';
  form.target.focus();
  mark();
}

function redraw() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => draw(id('adapt-chart'), rows, steps));
}

/** Shows the picture of a step; the slider goes over all that there are. */
function picture(name, step) {
  const image = id('adapt-picture');
  image.src = address(`runs/${name}/samples/${step}`);
  image.alt = `Upper row: the original. Lower row: the same people after ${step} steps.`;
  image.hidden = false;
  Object.assign(id('adapt-save'), {hidden: false, href: image.src, download: `${name}-${step}.png`});
  id('adapt-picture-text').textContent = image.alt;
}
/** Two runs under each other: the newest picture of another run. */
async function compare(name) {
  const other = id('adapt-other');
  other.hidden = !name;
  if (!name) return;
  await tell(status, '', async () => {
    const about = await get(`runs/${name}`);
    other.src = address(`runs/${name}/samples/${about.pictures.at(-1)}`);
    other.alt = `The other run, ${about.source} → ${about.target}, after ${about.pictures.at(-1)} steps.`;
  });
}
async function offer(name) {
  const {runs} = await get('runs?count=200');
  id('adapt-compare').replaceChildren(make('option', {value: '', textContent: 'no other run'}), ...runs
    .filter((run) => run.kind === 'adapt' && run.id !== name && run.pictures?.length)
    .map((run) => make('option', {value: run.id, textContent: `${run.target} (${run.id})`})));
}

/** Shows a run, as it goes or as it went. `open` shows a run of another kind. */
export function follow(name, open) {
  stop?.();
  pinned = false;
  compare('');
  clearInterval(looking);
  rows = [];
  id('adapt-run').hidden = false;
  id('adapt-picture').hidden = true;
  id('adapt-picture-text').textContent = '';
  if (act.dataset.run !== name) {
    act.dataset.run = name;
    for (const each of [act, id('adapt-save'), id('adapt-report'), id('adapt-delta'), id('keep-form')]) each.hidden = true;
    id('keep-status').textContent = '';
  }
  act.dataset.state = '';
  id('adapt-chart').dataset.points = 0;
  id('adapt-report').href = address(`runs/${name}/report.html`);
  id('adapt-delta').href = address(`runs/${name}/adapted.safetensors`);
  id('keep-form').dataset.run = name;
  id('keep-form').elements.name.value = name.replace(/-\d+$/, '').slice(0, 40);
  if (!id('adapt').hidden) history.replaceState(null, '', `#adapt/${name}`);
  steps = 1;
  let title = name;
  let last = '';
  id('adapt-delete').hidden = true;
  const left = () => rows.length < 3 ? '' :
    `, about ${duration((steps - rows.at(-1).step) * rows.slice(-10).reduce((sum, row) => sum + row.seconds, 0) / Math.min(10, rows.length))} left`;
  redraw();
  stop = watch(name, {
    status(about) {
      if (about.kind !== 'adapt') {
        stop?.();
        id('adapt-run').hidden = true;
        open?.(about);
        return;
      }
      last = about.state;
      pictures = about.pictures ?? [];
      id('adapt-slider').max = Math.max(0, pictures.length - 1);
      id('adapt-slider').hidden = pictures.length < 2;
      if (!pinned) id('adapt-slider').value = pictures.length - 1;
      steps = about.steps || 1;
      title = `${about.source} → ${about.target}`;
      id('adapt-run-title').textContent = title;
      id('adapt-progress').max = steps;
      const words = {
        queued: `Waiting: number ${about.position ?? 1} of ${about.waiting ?? 1} in the queue.`,
        running: about.step === 0 ? 'Getting ready…' : `Step ${about.step} of ${steps}${left()}`,
        done: `Done: ${about.step} steps.`,
        stopped: `Stopped after ${about.step} of ${steps} steps.`,
        failed: about.message ? `It failed: ${about.message}.` : 'It failed.',
      };
      const spoken = {...words, running: about.step === 0 ? words.running : 'Training.'}[about.state];
      if (id('adapt-spoken').textContent !== spoken) id('adapt-spoken').textContent = spoken;  // not at every step
      id('adapt-state').textContent = words[about.state];
      id('adapt-state').classList.toggle('bad', about.state === 'failed');
      // One button whatever the state, so that it keeps the keyboard's focus.
      const [text, path] = {queued: ['Take out of the queue', 'cancel'], running: ['Pause after this step', 'cancel'],
        stopped: about.step > 0 && about.files ? ['Continue', 'resume'] : []}[about.state] ?? [];
      act.hidden = !text;
      if (text && act.dataset.state !== about.state) {
        act.textContent = text;
        act.dataset.state = about.state;
        act.dataset.path = path;
        act.removeAttribute('aria-disabled');
      }
      const has = (file) => about.files?.includes(file) ?? false;
      id('adapt-report').hidden = !has('report.html');
      id('adapt-delta').hidden = !has('adapted.safetensors');
      id('keep-form').hidden = !has('adapted.safetensors') || about.state === 'running' || about.state === 'queued';
      redraw();
    },
    step(row) {
      if (rows.length && row.step <= rows.at(-1).step) return;
      rows.push(row);
      id('adapt-progress').value = row.step;
      id('adapt-chart').dataset.points = rows.length;
      redraw();
    },
    picture({step}) {
      if (!pinned) picture(name, step);
    },
    lost(sentence) {
      id('adapt-state').textContent = id('adapt-spoken').textContent = sentence;
    },
    found() { id('adapt-spoken').textContent = 'Connected again.'; },
    gone(sentence) {
      id('adapt-run').hidden = true;
      status.classList.add('bad');
      status.textContent = sentence;
    },
    end({state}) {
      if (last === 'queued') {  // of a run that never began nothing is left
        id('adapt-state').textContent = id('adapt-spoken').textContent = 'Taken out of the queue.';
        act.hidden = true;
        return;
      }
      id('adapt-delete').hidden = false;
      offer(name).catch(() => {});
      if (state !== 'stopped' || act.hidden) return;
      looking = setInterval(async () => {  // somebody may continue it in another tab
        if (document.hidden) return;
        const about = await get(`runs/${name}`).catch((problem) => {
          if (problem.status === 404) clearInterval(looking);
          return null;
        });
        if (act.dataset.run === name && (about?.state === 'queued' || about?.state === 'running')) follow(name);
      }, 2000);
    },
  });
}

id('adapt-known').addEventListener('toggle', async () => {
  const place = id('adapt-known').querySelector('p');
  if (id('adapt-known').open && !place.dataset.told && await tell(place, '', async () => { place.textContent = (await get('words?known=true')).known.join(', '); }))
    place.dataset.told = 'yes';
});
act.addEventListener('click', async () => {
  if (act.getAttribute('aria-disabled')) return;
  const {run, path} = act.dataset;
  act.setAttribute('aria-disabled', 'true');
  const good = await tell(status, '', () => post(`runs/${run}/${path}`));
  if (act.dataset.run !== run) return;
  if (!good) act.removeAttribute('aria-disabled');
  if (good && path === 'resume') follow(run);
});
id('adapt-slider').addEventListener('input', (event) => {
  pinned = Number(event.target.value) < pictures.length - 1;
  picture(act.dataset.run, pictures[event.target.value]);
});
id('adapt-compare').addEventListener('change', (event) => compare(event.target.value));
id('adapt-delete').addEventListener('click', async () => {
  if (!confirm('Delete this run with all its files?')) return;
  if (await tell(status, '', () => remove(`runs/${act.dataset.run}`))) {
    stop?.();
    id('adapt-run').hidden = true;
    history.replaceState(null, '', '#adapt');
    status.textContent = 'Deleted.';
  }
});
new ResizeObserver(() => redraw()).observe(id('adapt-chart').parentElement);
form.addEventListener('input', mark);
for (const field of [form.source, form.target])
  field.addEventListener('scroll', () => slide(field));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  tell(status, 'Starting…', async () => {
    const about = await post('runs', {source: form.source.value, target: form.target.value,
      steps: Number(form.steps.value), seed: Number(form.seed.value), lr: Number(form.lr.value), batch: Number(form.batch.value)});
    status.textContent = '';
    follow(about.id);
    id('adapt-run').scrollIntoView({block: 'start'});
  });
});
id('keep-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const {dataset, elements} = event.target;
  const name = elements.name.value;
  tell(id('keep-status'), 'Keeping…', async () => {
    if (dataset.kept !== `${dataset.run}/${name}`) await post(`runs/${dataset.run}/keep`, {name});
    dataset.kept = `${dataset.run}/${name}`;
    id('keep-status').textContent = `Kept: “${name}” is among the looks now.`;
    if (event.submitter?.value === 'use') location.hash = `generate?looks=source,${name}`;
  });
});
