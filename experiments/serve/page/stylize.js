// Stylise: a picture from a file, cropped here, inverted there, shown in every look with a strength.
import {address, looks, make, post, single, tell, tile, titled, upload, watch} from '/api.js';

const id = (name) => document.getElementById(name);
const canvas = id('crop-canvas');
const status = id('stylize-status');
let picture = null;            // ImageBitmap
let view = {x: 0.5, y: 0.5, size: 1};  // middle and size of the square, in parts of the picture and of its shorter side
let run = null;
let stop = null;

async function take(blob) {
  if (!blob) return;
  await tell(status, 'Reading the picture…', async () => {
    if (!blob.type.startsWith('image/')) throw new Error('This file is not a picture.');
    if (blob.size > 64e6) throw new Error('This file is larger than 64 MB.');
    try {
      picture = await createImageBitmap(blob);
    } catch {
      throw new Error('This file is not a picture that can be read.');
    }
    view = {x: 0.5, y: 0.5, size: 1};
    id('crop-size').value = 1;
    id('crop').hidden = false;
    draw();
    status.textContent = 'Choose the section with the face: drag it, or use the arrow keys.';
  });
}
/** Takes the picture of an earlier run, for "run again". */
export async function fill(about) {
  await take(await (await fetch(address(`runs/${about.id}/picture.png`))).blob());
  id('crop').scrollIntoView({block: 'nearest'});
}
function square() {
  const side = Math.min(picture.width, picture.height) * view.size;
  const clamp = (value, most) => Math.min(Math.max(value, 0), most);
  const x = clamp(view.x * picture.width - side / 2, picture.width - side);
  const y = clamp(view.y * picture.height - side / 2, picture.height - side);
  view.x = (x + side / 2) / picture.width;
  view.y = (y + side / 2) / picture.height;
  return [x, y, side, side];
}
function draw() {
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture, ...square(), 0, 0, canvas.width, canvas.height);
}

async function search() {
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  await tell(status, 'Sending…', async () => {
    const steps = new FormData(id('stylize-form')).get('steps');
    const answer = await upload(`stylize?steps=${steps}`, blob);
    follow(answer.id);
  });
}

const side = (name, file, caption) => make('figure', {class: 'tile'},
  make('img', {src: address(`runs/${name}/${file}`), alt: caption, width: 128, height: 128}),
  make('figcaption', {}, make('span', {textContent: caption})));

/** Follows a run that stylises, also one from earlier. */
export function follow(name) {
  stop?.();
  run = name;
  id('stylize-result').hidden = true;
  id('stylize-live').hidden = false;
  id('stylize-searched').replaceChildren();
  id('stylize-progress').value = 0;
  status.classList.remove('bad');
  if (!id('stylize').hidden) history.replaceState(null, '', `#stylize/${name}`);
  stop = watch(name, {
    status(about) {
      id('stylize-progress').max = about.steps;
      if (about.files?.includes('picture.png') && !id('stylize-searched').hasChildNodes())
        id('stylize-searched').append(side(name, 'picture.png', 'the section that is searched for'));
      if (about.state === 'queued') status.textContent = `Waiting: number ${about.position ?? 1} of ${about.waiting ?? 1} in the queue.`;
      if (about.state === 'running' && about.step === 0) status.textContent = 'Getting ready…';
    },
    step(row) {
      id('stylize-progress').value = row.step;
      status.textContent = `Searching: step ${row.step}, loss ${row.loss.toFixed(3)}`;
    },
    async end() {
      id('stylize-live').hidden = true;
      await tell(status, '', () => show(name));
    },
  });
}

async function show(name) {
  const about = await (await fetch(address(`runs/${name}`))).json();
  if (!about.files?.includes('codes.safetensors')) throw new Error(about.message ?? 'The search was stopped before it found anything.');
  const measured = about.measured;
  status.textContent = 'Found.' + (measured ? ` PSNR ${measured.psnr.toFixed(1)} dB.` : '') +
    (measured?.far ? ' The picture is far from what this generator makes, so the results may not resemble it.' : '');
  id('stylize-pair').replaceChildren(side(name, 'picture.png', 'your picture'), side(name, 'inversion.png', 'as the generator sees it'));
  id('stylize-result').hidden = false;
  await render();
}
const render = single(async () => {
  if (!run) return;
  const name = run;
  const all = (await looks()).filter((look) => look.name !== 'source');
  const answer = await post('generate', {run: name, presets: (all.length ? all : await looks()).map((look) => look.name),
    strength: Number(id('stylize-strength').value)});
  if (name !== run) return;
  id('stylize-grid').replaceChildren(...answer.pictures.map((made) => tile(made, titled({name: made.preset}))));
});

id('file').addEventListener('change', (event) => take(event.target.files[0]));
id('crop-size').addEventListener('input', (event) => {
  view.size = Number(event.target.value);
  draw();
});
const drop = id('drop');
for (const name of ['dragover', 'dragenter']) drop.addEventListener(name, (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  take(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  if (id('stylize').hidden) return;
  const file = [...event.clipboardData.files].find((item) => item.type.startsWith('image/'));
  if (file) take(file);
});
let drag = null;
canvas.addEventListener('pointerdown', (event) => {
  drag = {x: event.clientX, y: event.clientY};
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', (event) => {
  if (!drag || !picture) return;
  const side = Math.min(picture.width, picture.height) * view.size / canvas.clientWidth;
  view.x -= (event.clientX - drag.x) * side / picture.width;
  view.y -= (event.clientY - drag.y) * side / picture.height;
  drag = {x: event.clientX, y: event.clientY};
  draw();
});
canvas.addEventListener('pointerup', () => { drag = null; });
canvas.addEventListener('keydown', (event) => {
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (!picture) return;
  if (event.key in moves) {
    view.x += moves[event.key][0] * 0.02;
    view.y += moves[event.key][1] * 0.02;
  } else if (event.key === '+' || event.key === '-') {
    view.size = Math.min(1, Math.max(0.1, view.size + (event.key === '+' ? -0.05 : 0.05)));
    id('crop-size').value = view.size;
  } else {
    return;
  }
  event.preventDefault();
  draw();
});
id('stylize-form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (picture) search();
});
id('stylize-cancel').addEventListener('click', () => tell(status, 'Stopping…', () => post(`runs/${run}/cancel`)));
id('stylize-strength').addEventListener('input', (event) => { id('stylize-strength-value').textContent = event.target.value; });
id('stylize-strength').addEventListener('change', () => tell(status, '', render));
