// Generate: looks, seed, truncation, count; lock a person and carry it over to other looks; blend looks; a film between two people.
import {generate as ask, generated, icon, looks, make, optionsIn, release, remove, save, single, tell, tile, titled} from './api.js';

const id = (name) => document.getElementById(name);
const form = id('generate-form');
const chooser = id('generate-looks');
const result = id('generate-result');
const status = id('generate-status');
const film = id('film');
let locked = null;
let asked = [];    // the requests whose pictures are shown
let filmTimer = 0;

const chosen = () => [...chooser.querySelectorAll('input:checked')].map((input) => input.value);

export async function start(query) {
  const all = await looks();
  const names = all.map((look) => look.name);
  const before = new Set(chosen());
  for (const [name, value] of query) {
    if (['seed', 'count', 'truncation', 'strength'].includes(name) && value !== '' && isFinite(value)) form[name].value = value;
    if (name === 'blend') form.blend.checked = value === '1';
    if (name === 'person' && /^\d+:\d+$/.test(value)) {
      const [seed, index] = value.split(':').map(Number);
      locked = {seed, index};
    }
    if (name === 'looks') {
      before.clear();
      for (const look of value.split(',')) if (names.includes(look)) before.add(look);
    }
  }
  if (before.size === 0) names.slice(0, 3).forEach((name) => before.add(name));
  chooser.replaceChildren(...all.map((look) =>
    make('label', {title: look.target},
      make('input', {type: 'checkbox', name: 'look', value: look.name, checked: before.has(look.name)}),
      make('img', {src: `api/v2/${look.picture}`, alt: '', width: 80, height: 80, loading: 'lazy'}),
      make('span', {textContent: titled(look)}))));
  id('own-looks').replaceChildren(...all.filter((look) => look.deletable).map((look) =>
    make('button', {type: 'button', class: 'quiet writes', textContent: `Delete the look ${look.name}`, onclick: () => forget(look.name)})));
  told();
  if (!result.hasChildNodes() || [...query].length) await generate();
  else remember();
}
async function forget(name) {
  if (!confirm(`Delete the look “${name}” for everybody?`)) return;
  if (await tell(status, '', () => remove(`presets/${name}`))) await start(new URLSearchParams());
}

/** Fields that the lock decides are shown so. */
function told() {
  for (const name of ['truncation', 'strength']) id(`${name}-value`).textContent = form[name].value;
  form.seed.disabled = form.count.disabled = id('dice').disabled = locked !== null;
  id('locked').hidden = !locked;
  if (locked) id('locked-text').textContent = `Locked: person ${locked.index + 1} of seed ${locked.seed}.`;
}
function remember() {
  const query = new URLSearchParams({seed: form.seed.value, count: form.count.value, truncation: form.truncation.value,
    strength: form.strength.value, looks: chosen().join(',')});
  if (form.blend.checked) query.set('blend', '1');
  if (locked) query.set('person', `${locked.seed}:${locked.index}`);
  if (!id('generate').hidden) history.replaceState(null, '', `#generate?${query}`.replaceAll('%2C', ',').replaceAll('%3A', ':'));
}
/** Takes the options that a picture of this server has inside. */
export async function restore(file) {
  await tell(status, '', async () => {
    const options = await optionsIn(file);
    if (!options) throw new Error(`${file.name} has no options of this page inside: only the PNG files that it made have them.`);
    for (const name of ['seed', 'truncation', 'strength']) if (options[name] !== undefined) form[name].value = options[name];
    for (const input of chooser.querySelectorAll('input')) input.checked = input.value === options.preset;
    locked = options.index === undefined ? null : {seed: Number(options.seed), index: Number(options.index)};
    told();
    await generate();
    status.textContent = `The options of ${file.name}. ${status.textContent}`;
  });
}

function lock(latent) {
  locked = locked && locked.seed === latent.seed && locked.index === latent.index ? null : latent;
  told();
  mark();
  remember();
}
function mark() {
  for (const figure of result.querySelectorAll('.tile')) {
    const is = locked !== null && figure.dataset.seed === String(locked.seed) && figure.dataset.index === String(locked.index);
    figure.classList.toggle('locked', is);
    figure.querySelector('.icons button')?.setAttribute('aria-pressed', is);
  }
}

/** The requests for what the form says: as many as keep to 96 pictures each. */
function requests() {
  const names = chosen();
  const common = {truncation: Number(form.truncation.value), strength: Number(form.strength.value)};
  if (locked) common.latents = [locked];
  else Object.assign(common, {seed: Number(form.seed.value), count: Number(form.count.value)});
  if (form.blend.checked && names.length > 1)
    return [{...common, blend: names.filter((name) => name !== 'source').map((preset) => ({preset, weight: 1 / names.length})).slice(0, 8)}];
  const rows = Math.max(1, Math.floor(96 / (locked ? 1 : common.count)));
  const out = [];
  for (let i = 0; i < names.length; i += rows) out.push({...common, presets: names.slice(i, i + rows)});
  return out;
}

function shown(picture, one, request) {
  const title = titled({name: picture.preset});
  const caption = one ? title : `${title} ${picture.index + 1}`;
  const large = {truncation: request.truncation, strength: request.strength, latents: [{seed: picture.seed, index: picture.index}],
    ...(request.blend ? {blend: request.blend} : {presets: [picture.preset]})};
  const figure = tile(picture, caption, large, [make('button', {type: 'button', title: 'Lock this person',
    'aria-label': `Lock the person of ${caption}`, 'aria-pressed': 'false',
    onclick: () => lock({seed: picture.seed, index: picture.index})}, icon('lock'))]);
  Object.assign(figure.dataset, {seed: picture.seed, index: picture.index, preset: picture.preset});
  return figure;
}

const generate = single(async () => {
  if (chosen().length === 0) {
    status.textContent = 'Choose at least one look.';
    return;
  }
  remember();
  result.setAttribute('aria-busy', 'true');
  form.querySelector('.main').setAttribute('aria-disabled', 'true');
  await tell(status, 'Generating…', async () => {
    const begin = performance.now();
    asked = requests();
    const figures = [];
    let seconds = 0;
    for (const request of asked) {
      const answer = await ask(request);
      seconds += answer.seconds;
      const one = locked !== null || request.count === 1;
      figures.push(...answer.pictures.map((picture) => shown(picture, one, request)));
    }
    const row = (title, tiles) => make('div', {class: 'row'}, make('h3', {textContent: title}), make('div', {class: 'grid'}, ...tiles));
    const names = [...new Set(figures.map((figure) => figure.dataset.preset))];
    release(result);
    result.replaceChildren(...(locked ? [row('The same person', figures)]
      : names.map((name) => row(titled({name}), figures.filter((figure) => figure.dataset.preset === name)))));
    id('generate-all').hidden = false;
    mark();
    result.dataset.seconds = seconds;
    result.dataset.took = (performance.now() - begin) / 1000;
    status.textContent = `${figures.length} ${figures.length === 1 ? 'picture' : 'pictures'} in ${seconds.toFixed(2)} s`;
  });
  result.removeAttribute('aria-busy');
  form.querySelector('.main').removeAttribute('aria-disabled');
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  generate();
});
chooser.addEventListener('change', generate);
form.blend.addEventListener('change', generate);
for (const name of ['truncation', 'strength']) {
  form[name].addEventListener('input', told);
  form[name].addEventListener('change', generate);
}
id('dice').addEventListener('click', () => {
  form.seed.value = Math.floor(Math.random() * 100000);
  generate();
});
id('unlock').addEventListener('click', () => {
  lock(locked);
  generate();
});
id('zip').addEventListener('click', () => tell(status, 'Packing…', async () => {
  for (const [i, request] of asked.entries())
    save(await generated(request, 'application/zip'), asked.length > 1 ? `pictures-${i + 1}.zip` : 'pictures.zip');
  status.textContent = 'Saved.';
}));
id('restore').addEventListener('change', (event) => {
  if (event.target.files[0]) restore(event.target.files[0]);
  event.target.value = '';
});

// One person in one look, at several strengths side by side.
id('strengths-make').addEventListener('click', () => tell(status, 'Generating…', async () => {
  const name = chosen().find((look) => look !== 'source');
  if (!name) throw new Error('Choose a look beside the original.');
  const first = result.querySelector('.tile').dataset;
  const latents = [locked ?? {seed: Number(first.seed), index: Number(first.index)}];
  const tiles = [];
  for (const strength of [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]) {
    const request = {presets: [name], latents, truncation: Number(form.truncation.value), strength};
    tiles.push(tile((await ask(request)).pictures[0], `strength ${strength}`, request));
  }
  clearInterval(filmTimer);
  release(film);
  film.replaceChildren(make('h3', {textContent: `From the original to more than “${titled({name})}”`}), make('div', {class: 'grid small'}, ...tiles));
  film.hidden = false;
  status.textContent = 'The strengths are below the pictures.';
  film.scrollIntoView({block: 'nearest'});
}));

// The film: from one person to another and back, in the first look that is chosen.
id('film-make').addEventListener('click', () => tell(status, 'Making the film…', async () => {
  const people = [...new Map([...result.querySelectorAll('.tile')].map((figure) =>
    [`${figure.dataset.seed} ${figure.dataset.index}`, {seed: Number(figure.dataset.seed), index: Number(figure.dataset.index)}])).values()];
  const from = locked ?? people[0];
  const to = people.find((one) => one.seed !== from.seed || one.index !== from.index) ?? {seed: from.seed + 1, index: 0};
  const request = {presets: [chosen()[0] ?? 'source'], latents: [from, to], frames: 32, truncation: Number(form.truncation.value), strength: Number(form.strength.value)};
  const answer = await ask(request);
  clearInterval(filmTimer);
  release(film);
  const frames = answer.pictures.map((picture, i) => make('img', {src: picture.url, alt: i ? '' : 'A film from one person to another', width: 256, height: 256, hidden: i > 0}));
  const slider = make('input', {type: 'range', min: 0, max: frames.length - 1, value: 0, 'aria-label': 'Place in the film'});
  const turn = (n) => {
    frames.forEach((frame, i) => { frame.hidden = i !== n; });
    slider.value = n;
  };
  slider.addEventListener('input', () => {
    clearInterval(filmTimer);
    turn(Number(slider.value));
  });
  film.replaceChildren(make('h3', {textContent: 'From one person to another'}), make('div', {class: 'frames'}, ...frames), slider,
    make('div', {class: 'actions'}, make('button', {type: 'button', textContent: 'Save the frames', onclick: () =>
      tell(status, 'Packing…', async () => save(await generated(request, 'application/zip'), 'film.zip'))})));
  film.hidden = false;
  status.textContent = 'The film is below the pictures.';
  film.scrollIntoView({block: 'nearest'});
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  let at = 0, step = 1;
  filmTimer = setInterval(() => {
    if (document.hidden || id('generate').hidden) return;
    if (at + step < 0 || at + step >= frames.length) step = -step;
    turn(at += step);
  }, 60);
}));
