// Generate: looks, seed, truncation, count; lock a latent and carry it over to other looks.
import {icon, looks, make, post, single, tell, tile, titled} from '/api.js';

const form = document.getElementById('generate-form');
const chooser = document.getElementById('generate-looks');
const result = document.getElementById('generate-result');
const status = document.getElementById('generate-status');
let locked = null;

export async function start(anew = false) {
  const chosen = new Set([...chooser.querySelectorAll('input:checked')].map((input) => input.value));
  const all = await looks(anew);
  if (chosen.size === 0) all.slice(0, 3).forEach((look) => chosen.add(look.name));
  chooser.replaceChildren(...all.map((look) =>
    make('label', {title: look.target},
      make('input', {type: 'checkbox', name: 'look', value: look.name, checked: chosen.has(look.name)}),
      make('img', {src: look.picture, alt: '', width: 80, height: 80}),
      make('span', {textContent: titled(look)}))));
  if (!result.hasChildNodes()) await generate();
}

function lock(latent) {
  locked = locked && locked.seed === latent.seed && locked.index === latent.index ? null : latent;
  document.getElementById('locked').hidden = !locked;
  if (locked) document.getElementById('locked-text').textContent = `Locked: person ${locked.index + 1} of seed ${locked.seed}`;
  mark();
}
function mark() {
  for (const figure of result.querySelectorAll('.tile')) {
    const is = locked !== null && figure.dataset.seed === String(locked.seed) && figure.dataset.index === String(locked.index);
    figure.classList.toggle('locked', is);
    figure.querySelector('button').setAttribute('aria-pressed', is);
  }
}

const generate = single(async () => {
  const presets = [...chooser.querySelectorAll('input:checked')].map((input) => input.value);
  if (presets.length === 0) {
    status.textContent = 'Choose at least one look.';
    return;
  }
  const data = new FormData(form);
  const request = {presets, truncation: Number(data.get('truncation')), strength: Number(data.get('strength'))};
  if (locked) request.latents = [locked];
  else Object.assign(request, {seed: Number(data.get('seed')), count: Number(data.get('count'))});
  await tell(status, 'Generating…', async () => {
    const answer = await post('generate', request);
    const one = new Set(answer.pictures.map((picture) => `${picture.seed} ${picture.index}`)).size === 1;
    const shown = answer.pictures.map((picture) => {
      const title = titled({name: picture.preset});
      const caption = one ? title : `${title} ${picture.index + 1}`;
      const figure = tile(picture, caption, [make('button', {type: 'button', title: 'Lock this person',
        'aria-label': `Lock the person of ${caption}`, 'aria-pressed': 'false',
        onclick: () => lock({seed: picture.seed, index: picture.index})}, icon('lock'))]);
      figure.dataset.seed = picture.seed;
      figure.dataset.index = picture.index;
      figure.dataset.preset = picture.preset;
      return figure;
    });
    const row = (title, figures) =>
      make('div', {class: 'row'}, make('h3', {textContent: title}), make('div', {class: 'grid'}, ...figures));
    const rows = one ? [row('The same person', shown)]
      : presets.map((name) => row(titled({name}), shown.filter((figure) => figure.dataset.preset === name)));
    result.replaceChildren(...rows);
    mark();
    status.textContent = `${answer.pictures.length} pictures in ${answer.seconds.toFixed(2)} s`;
  });
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  generate();
});
chooser.addEventListener('change', generate);
for (const name of ['truncation', 'strength']) {
  form[name].addEventListener('input', () => {
    document.getElementById(`${name}-value`).textContent = form[name].value;
  });
  form[name].addEventListener('change', generate);
}
document.getElementById('dice').addEventListener('click', () => {
  form.seed.value = Math.floor(Math.random() * 100000);
  if (locked) lock(locked);
  generate();
});
document.getElementById('unlock').addEventListener('click', () => {
  lock(locked);
  generate();
});
