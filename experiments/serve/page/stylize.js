// Stylise: a picture from a file, its section chosen or its face marked here, found there, shown in every look with a strength.
import {address, duration, generate, get, looks, make, post, release, single, tell, tile, titled, upload, watch} from './api.js';
import {Marks} from './points.js';

const id = (name) => document.getElementById(name);
const canvas = id('crop-canvas');
const status = id('stylize-status');
const progress = id('stylize-progress');
let picture = null;            // ImageBitmap
let view = {x: 0.5, y: 0.5, size: 1};  // middle and size of the square, in parts of the picture and of its shorter side
let seed = 0;                  // of the next search
let run = null;
let stop = null;
const effort = id('stylize-form').effort;
const marks = new Marks(canvas, () => {
  modes();
  if (marks.complete) search();
  else say(marks.hint());
});
/** Says something that a screen reader speaks, and only where it changes. */
function say(text) {
  status.classList.remove('bad');
  if (status.textContent !== text) status.textContent = text;
}

/** Says where a picture goes, and offers examples. A server without an inverter only searches. */
export async function start(server) {
  if (!server.inverter) for (const option of [...effort.options]) if (!option.value.startsWith('steps')) option.remove();
  id('stylize-privacy').textContent = (server.local ? 'Your picture stays on this computer. ' : `Your picture is sent to ${location.hostname}. `) +
    (server.shared ? 'Everybody who uses this server sees it under Runs. ' : 'Only this browser sees it and what is made of it. ') +
    (server.keep_days ? `It is deleted after ${server.keep_days} ${server.keep_days === 1 ? 'day' : 'days'}, or when you delete it under Runs.` : 'It is kept until you delete it under Runs.');
  const place = id('stylize-examples');
  if (place.hasChildNodes()) return;
  place.append(make('span', {textContent: 'No picture at hand? Take one of these:'}));
  await tell(status, '', async () => {
    const answer = await generate({seed: 11, count: 4, truncation: 0.8});
    place.append(...answer.pictures.map((made, i) => make('button', {type: 'button', class: 'example', 'aria-label': `Example ${i + 1}`, onclick: () => take(new File([made.file], `example ${i + 1}`, {type: 'image/png'}))}, make('img', {src: made.url, alt: '', width: 96, height: 96}))));
  });
}

/** Shows a picture; `find`: its middle is found by itself, where that takes no time. */
export async function take(blob, find = true) {
  if (!blob) return;
  const name = blob.name ? `“${blob.name}”` : 'This file';
  stop?.();  // what is being found is of another picture
  const good = await tell(status, 'Reading the picture…', async () => {
    if (blob.size > 64e6) throw new Error(`${name} is larger than 64 MB.`);
    try {
      picture = await createImageBitmap(blob);
    } catch {
      throw new Error(`${name} is no picture that this browser can read. PNG, JPEG, WebP, AVIF, GIF and BMP do; HEIC, TIFF and SVG do not.`);
    }
    seed = 0;
    view = {x: 0.5, y: 0.5, size: 1};
    id('crop-size').value = 1;
    id('crop').hidden = false;
    section();
    status.textContent = 'Choose the section with the face: drag it, turn the wheel, pinch, or use the arrow keys. Then find it.';
  });
  if (good && find && effort.value.startsWith('refine')) await search();
  if (good) return;
  picture = run = null;  // what was there before must not be sent in its place, nor its result be told
  id('stylize-result').hidden = true;
  id('crop').hidden = true;
  status.scrollIntoView({block: 'nearest'});
}
/** Takes the picture of an earlier run with its options, for "run again". */
export async function fill(about) {
  const {options} = await get(`runs/${about.id}`);
  await take(await (await fetch(address(`runs/${about.id}/picture.png`))).blob(), false);
  const value = options.method === 'inverter' ? `refine=${options.refine ?? 0}` : `steps=${options.steps}`;
  if (![...effort.options].some((option) => option.value === value))
    effort.append(make('option', {value, textContent: `${value.replace(/\D+/, '')} steps`}));
  effort.value = value;
  seed = about.seed ?? 0;
  id('crop').scrollIntoView({block: 'nearest'});
}

/** The canvas shows the section that is found, or the whole picture on which a face is marked. */
function section() {
  marks.end();
  modes();
  draw();
}
function modes() {
  canvas.style.cursor = marks.on ? 'crosshair' : '';
  canvas.setAttribute('aria-label', marks.on ? 'The whole picture. Arrow keys move a cross, Enter marks its place, Backspace takes the last mark back, Escape ends this.'
    : 'Section of the picture. Arrow keys move it, plus and minus change its size.');
  id('crop-size').disabled = marks.on;
  id('mark').hidden = marks.on;
  id('mark-undo').hidden = id('mark-cancel').hidden = !marks.on;
  id('mark-undo').disabled = marks.points.length === 0;
  id('stylize-form').querySelector('.main').disabled = marks.on && !marks.complete;
}
/** After a change of the section: what was found is of another one. */
function moved() {
  draw();
  if (run) say('Press “Find this face” to find what the section shows now.');
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
  const marked = marks.on;
  const good = await tell(status, 'Finding the face…', async () => {
    const {blob, points} = marked ? await marks.whole() : {blob: await new Promise((done) => canvas.toBlob(done, 'image/png'))};
    const answer = await upload(`stylize?${effort.value}&seed=${seed}${points ? `&points=${points}` : ''}`, blob);
    follow(answer.id, undefined, true);
  });
  if (good || !marked || !marks.on) return;
  marks.clear();  // points that show no face: the server says why, and they are set anew
  modes();
}

const side = (name, file, caption) => tile({url: address(`runs/${name}/${file}`), name: `${name}-${file}`}, caption);

/** Follows a run that stylises, also one from earlier. `open` shows a run of another kind; `near`: its result comes into view. */
export function follow(name, open, near = false) {
  stop?.();
  run = name;
  let steps = 1;
  let stopped = false;
  let queued = false;
  id('stylize-result').setAttribute('aria-busy', 'true');
  id('stylize-searched').replaceChildren();
  id('stylize-step').textContent = '';
  progress.removeAttribute('value');
  // What is found at once comes in the place of what was there; what takes longer shows how far it is.
  const late = setTimeout(() => {
    id('stylize-result').hidden = true;
    id('stylize-live').hidden = false;
  }, 800);
  const over = () => {
    clearTimeout(late);
    id('stylize-live').hidden = true;
    id('stylize-result').removeAttribute('aria-busy');
  };
  say(near ? 'Finding the face…' : '');
  if (!id('stylize').hidden) history.replaceState(null, '', `#stylize/${name}`);
  let began = 0;
  const end = watch(name, {
    status(about) {
      if (about.kind !== 'stylize') {
        stop?.();
        id('stylize-result').hidden = true;
        open?.(about);
        return;
      }
      steps = about.steps;
      progress.max = steps;
      stopped = about.state === 'stopped';
      queued = about.state === 'queued';
      if (about.files?.includes('picture.png') && !id('stylize-searched').hasChildNodes())
        id('stylize-searched').append(side(name, 'picture.png', 'what is looked for'));
      if (about.state === 'queued') say(`Waiting: number ${about.position ?? 1} of ${about.waiting ?? 1} in the queue.`);
      if (about.state === 'running') say(steps === 1 ? 'Finding the face…' : about.step === 0 ? 'Getting ready…' : 'Searching…');
    },
    step(row) {
      const now = performance.now();
      began ||= now - 1000 * row.seconds * row.step;
      progress.value = row.step;
      const left = (steps - row.step) * (now - began) / 1000 / Math.max(1, row.step);
      id('stylize-step').textContent = `Step ${row.step} of ${steps}` + (row.step > 2 ? `, about ${duration(left)} left` : '');
    },
    lost: say,
    found: () => say('Connected again.'),
    gone(sentence) {
      over();
      id('stylize-result').hidden = true;
      say(sentence);
      status.classList.add('bad');
    },
    async end({state}) {
      clearTimeout(late);
      if (queued && state === 'stopped') {
        over();
        id('stylize-result').hidden = true;
        say('Taken out of the queue.');
        return;
      }
      if (name !== run) return;
      const good = await tell(status, status.textContent, () => show(name, stopped || state === 'stopped'));
      if (name !== run) return;
      over();
      id('stylize-result').hidden = !good;
      if (good && near) id('stylize-pair').scrollIntoView({block: 'nearest'});
    },
  });
  stop = () => {
    over();
    end();
  };
}

async function show(name, stopped) {
  const about = await get(`runs/${name}`);
  if (!about.files?.includes('codes.safetensors'))
    throw new Error(about.message ? `It failed: ${about.message}.` : 'The search was stopped before it found anything.');
  const measured = about.measured;
  const early = stopped || about.step < about.steps;
  const quick = about.options?.method === 'inverter' && about.steps === 1;
  await render();
  if (name !== run) return;
  release(id('stylize-blended'));
  id('stylize-blended').replaceChildren();
  id('stylize-pair').replaceChildren(side(name, 'picture.png', 'your picture'), side(name, 'inversion.png', 'as the generator sees it'));
  status.textContent = (early ? `Stopped early, at step ${about.step} of ${about.steps}. ` : 'Found. ') +
    (measured ? likeness(measured.psnr) : '') +
    (measured?.far ? ' The picture is far from what this generator draws, so the results may not resemble it: it knows cartoon faces, seen from the front.'
      : '');
  id('stylize-closer').hidden = !(picture && quick && measured?.psnr < 26);
}
const likeness = (psnr) => `The likeness is ${psnr >= 26 ? 'good' : psnr >= 20 ? 'fair' : 'poor'} (PSNR ${psnr.toFixed(1)} dB).`;
const render = single(async () => {
  if (!run) return;
  const name = run;
  const all = (await looks()).filter((look) => look.name !== 'source');
  const names = (all.length ? all : await looks()).map((look) => look.name);
  const strength = Number(id('stylize-strength').value);
  const grid = id('stylize-grid');
  const tiles = [];
  for (let i = 0; i < names.length; i += 24) {  // looks are many on some servers: they come a few at a time
    const answer = await generate({run: name, presets: names.slice(i, i + 24), strength});
    if (name !== run) return;
    tiles.push(...answer.pictures.map((made) => tile(made, titled({name: made.preset}), {run: name, presets: [made.preset], strength})));
  }
  release(grid);
  grid.replaceChildren(...tiles);
  offer(names);
});

/** The two looks that can be blended; what is chosen stays. */
function offer(names) {
  const form = id('stylize-blend');
  form.hidden = names.length < 2;
  [form.one, form.other].forEach((select, i) => {
    const before = select.value;
    select.replaceChildren(...names.map((value) => make('option', {value, textContent: titled({name: value})})));
    select.value = names.includes(before) ? before : names[Math.min(i, names.length - 1)];
  });
}
id('stylize-blend').addEventListener('submit', (event) => {
  event.preventDefault();
  const {one, other, share} = event.target;
  tell(status, status.textContent, async () => {
    if (one.value === other.value) throw new Error('Choose two different looks to blend.');
    const second = Number(share.value);
    const request = {run, strength: Number(id('stylize-strength').value),
      blend: [{preset: one.value, weight: 1 - second}, {preset: other.value, weight: second}]};
    const [made] = (await generate(request)).pictures;
    const part = Math.round(100 * second);
    id('stylize-blended').prepend(tile(made, `${100 - part} % ${one.value}, ${part} % ${other.value}`, request));
  });
});

id('stylize-closer').addEventListener('click', () => {
  effort.value = 'refine=30';
  search();
});
effort.addEventListener('change', () => {
  if (picture && run) say('Press “Find this face” to find it so.');
});
id('file').addEventListener('change', (event) => take(event.target.files[0]));
id('crop-size').addEventListener('input', (event) => {
  view.size = Number(event.target.value);
  moved();
});
const drop = id('drop');
for (const name of ['dragover', 'dragenter']) document.addEventListener(name, () => drop.classList.add('over'));
for (const name of ['dragleave', 'drop']) document.addEventListener(name, () => drop.classList.remove('over'));
document.addEventListener('paste', (event) => {
  if (id('stylize').hidden) return;
  const file = [...event.clipboardData.files].find((item) => item.type.startsWith('image/'));
  if (file) take(file);
});
function resize(factor) {
  if (!picture || marks.on) return;
  view.size = Math.min(1, Math.max(0.1, view.size * factor));
  id('crop-size').value = view.size;
  moved();
}
const fingers = new Map();
canvas.addEventListener('pointerdown', (event) => {
  fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
  canvas.setPointerCapture(event.pointerId);
});
const spread = () => {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.x - b.x, a.y - b.y);
};
canvas.addEventListener('pointermove', (event) => {
  const before = fingers.get(event.pointerId);
  if (!before || !picture || marks.on) return;
  const now = {x: event.clientX, y: event.clientY};
  if (fingers.size === 2) {
    const wide = spread();
    fingers.set(event.pointerId, now);
    resize(wide / Math.max(1, spread()));
    return;
  }
  const side = Math.min(picture.width, picture.height) * view.size / canvas.clientWidth;
  view.x -= (now.x - before.x) * side / picture.width;
  view.y -= (now.y - before.y) * side / picture.height;
  fingers.set(event.pointerId, now);
  moved();
});
for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
canvas.addEventListener('wheel', (event) => {
  if (!picture) return;
  event.preventDefault();
  resize(Math.exp(event.deltaY / 800));
}, {passive: false});
canvas.addEventListener('keydown', (event) => {
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (!picture) return;
  if (marks.on) {
    if (event.key === 'Escape') leave();
    else if (!marks.key(event)) return;
    event.preventDefault();
    return;
  }
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
  moved();
});
canvas.addEventListener('click', (event) => {
  if (marks.on) marks.click(event);
});
/** Ends the marking; the focus stays with who used the keys. */
function leave() {
  section();
  say('Choose the section with the face. Then find it.');
  id('mark').focus();
}
id('mark').addEventListener('click', () => {
  marks.begin(picture);
  modes();
  say(marks.hint());
  canvas.focus();
});
id('mark-undo').addEventListener('click', () => {
  marks.undo();
  canvas.focus();
});
id('mark-cancel').addEventListener('click', leave);
id('stylize-form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (picture) search();
});
id('stylize-cancel').addEventListener('click', () => tell(status, 'Stopping…', () => post(`runs/${run}/cancel`)));
id('stylize-strength').addEventListener('input', (event) => { id('stylize-strength-value').textContent = event.target.value; });
id('stylize-strength').addEventListener('change', () => tell(status, status.textContent, render));
