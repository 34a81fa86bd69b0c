// Adapt: from words to a new look, with a curve and pictures while it trains.
import {address, get, looks, make, post, tell, watch} from '/api.js';
import {draw} from '/chart.js';

const id = (name) => document.getElementById(name);
const form = id('adapt-form');
const status = id('adapt-status');
let stop = null;
let rows = [];
let frame = 0;

export async function start(defaults) {
  if (!form.source.value) form.source.value = defaults.source;
  if (!form.steps.dataset.set) {
    form.steps.value = defaults.steps;
    form.steps.dataset.set = 'yes';
  }
}

let asking = 0;
async function mark() {
  const mine = ++asking;
  await new Promise((done) => setTimeout(done, 250));
  if (mine !== asking) return;
  const text = `${form.source.value} ${form.target.value}`.trim().slice(0, 200);
  const line = id('adapt-words');
  try {
    const {unknown} = await get(`words?text=${encodeURIComponent(text)}`);
    if (mine !== asking) return;
    line.classList.toggle('warn', unknown.length > 0);
    form.target.classList.toggle('unknown', unknown.length > 0);
    line.replaceChildren(...unknown.flatMap((entry, i) => [i ? ' ' : '',
      'The encoders never read ', make('mark', {textContent: entry.word}),
      entry.near.length ? `; near ones: ${entry.near.join(', ')}.` : ', so it may do little.']));
  } catch { /* only a hint */ }
}

/** Fills the form, for "run again". */
export function fill(about) {
  for (const name of ['source', 'target', 'steps', 'seed']) if (about[name] !== undefined) form[name].value = about[name];
  form.steps.dataset.set = 'yes';
  form.target.focus();
  mark();
}

/** Shows a run, as it goes or as it went. */
export function follow(name) {
  stop?.();
  rows = [];
  id('adapt-run').hidden = false;
  id('adapt-picture').hidden = true;
  id('adapt-picture-text').textContent = '';
  id('keep-form').hidden = true;
  id('keep-form').dataset.run = name;
  id('keep-form').elements.name.value = name.replace(/-\d+$/, '').slice(0, 40);
  id('adapt-actions').replaceChildren();
  history.replaceState(null, '', `#adapt/${name}`);
  let steps = 1;
  let shown = '';
  const redraw = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => draw(id('adapt-chart'), rows, steps));
  };
  stop = watch(name, {
    status(about) {
      steps = about.steps || 1;
      id('adapt-run-title').textContent = `${about.source} → ${about.target}`;
      id('adapt-progress').max = steps;
      const words = {
        queued: `Waiting: number ${about.position ?? 1} in the queue.`,
        running: about.step === 0 ? 'Getting ready…' : `Step ${about.step} of ${steps}`,
        done: `Done: ${about.step} steps.`,
        stopped: `Stopped after ${about.step} of ${steps} steps.`,
        failed: about.message ?? 'It failed.',
      };
      id('adapt-state').textContent = words[about.state];
      id('adapt-state').classList.toggle('bad', about.state === 'failed');
      if (about.state + about.files?.length === shown) return redraw();
      shown = about.state + about.files?.length;
      const has = (file) => about.files?.includes(file);
      const act = (text, path) => make('button', {type: 'button', textContent: text, onclick: async (event) => {
        event.target.disabled = true;
        if (await tell(status, '', () => post(`runs/${name}/${path}`)) && path === 'resume') follow(name);
      }});
      const link = (text, file, options = {}) => make('a', {class: 'button', href: address(`runs/${name}/${file}`), textContent: text, ...options});
      id('adapt-actions').replaceChildren(...[
        about.state === 'queued' ? act('Take out of the queue', 'cancel') : null,
        about.state === 'running' ? act('Pause after this step', 'cancel') : null,
        about.state === 'stopped' && about.step > 0 ? act('Continue', 'resume') : null,
        has('report.html') ? link('Report', 'report.html', {target: '_blank', rel: 'noopener'}) : null,
        has('adapted.safetensors') ? link('Download the delta', 'adapted.safetensors') : null,
      ].filter((child) => child));
      id('keep-form').hidden = !has('adapted.safetensors') || about.state === 'running';
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
      const image = id('adapt-picture');
      image.src = address(`runs/${name}/samples/${step}`);
      image.alt = `Upper row: the original. Lower row: the same people after ${step} steps.`;
      image.hidden = false;
      id('adapt-picture-text').textContent = image.alt;
    },
  });
}

form.addEventListener('input', mark);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  tell(status, 'Starting…', async () => {
    const about = await post('runs', {source: form.source.value, target: form.target.value,
      steps: Number(form.steps.value), seed: Number(form.seed.value)});
    status.textContent = '';
    follow(about.id);
    id('adapt-run').scrollIntoView({block: 'start'});
  });
});
id('keep-form').addEventListener('submit', (event) => {
  event.preventDefault();
  tell(status, 'Keeping…', async () => {
    const kept = await post(`runs/${id('keep-form').dataset.run}/keep`, {name: id('keep-form').elements.name.value});
    await looks(true);
    status.textContent = `Kept: “${kept.name}” is among the looks now.`;
  });
});
