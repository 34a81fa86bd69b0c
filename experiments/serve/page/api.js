// The server's API (docs/api.md) and small things that every part of the page uses.

const base = 'api/v2/';  // relative, so that the page may stand below any path of a proxy

/** What went wrong, with the answer's status; 0 where no answer came. */
export class Problem extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(base + path, options);
  } catch {
    throw new Problem('The server does not answer. Is it still running?', 0);
  }
  if (response.ok) return response;
  let sentence = `The server answered ${response.status}.`;
  try {
    sentence = (await response.json()).error ?? sentence;
  } catch { /* no JSON: the number must do */ }
  sentence = sentence[0].toUpperCase() + sentence.slice(1);
  throw new Problem(/[.!?]$/.test(sentence) ? sentence : `${sentence}.`, response.status);
}
const json = async (path, options) => (await ask(path, options)).json();
const body = (value, accept) => ({method: 'POST', body: JSON.stringify(value),
  headers: {'Content-Type': 'application/json', ...(accept ? {Accept: accept} : {})}});

export const get = (path) => json(path);
export const post = (path, value = {}) => json(path, body(value));
export const remove = (path) => json(path, {method: 'DELETE'});
export const upload = (path, blob) => json(path, {method: 'POST', headers: {'Content-Type': blob.type}, body: blob});
export const address = (path) => base + path;

/** Pictures: {pictures: [{preset, seed, ..., name, file, url}], seconds}; each url is the file's, which release() gives back. */
export async function generate(request) {
  const parts = await (await ask('generate', body(request))).formData();
  const about = JSON.parse(parts.get('about'));
  parts.getAll('picture').forEach((file, i) => Object.assign(about.pictures[i], {file, url: URL.createObjectURL(file)}));
  return about;
}
/** Pictures as a file to save: image/png for one, application/zip for several. */
export const generated = async (request, type) => (await ask('generate', body(request, type))).blob();
export function release(place) {
  for (const image of place.querySelectorAll('img')) if (image.src.startsWith('blob:')) URL.revokeObjectURL(image.src);
}
export function save(blob, name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * Watches a run; `on` has functions by event: status, step, picture, end; lost(sentence) when the connection breaks, found()
 * when it is back, gone(sentence) where there is no such run. Returns a function that stops watching.
 * A tab in the background lets go: browsers keep few connections to one server for all their tabs together.
 */
export function watch(id, on) {
  let source = null;
  let over = false;
  let lost = false;
  let heardOf = false;  // whether this connection brought anything
  let timer = 0;
  const patience = 15000;  // the server says something every 5 s
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(broken, patience);
    if (lost) on.found?.();
    lost = false;
    heardOf = true;
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  async function broken() {
    close();
    if (over || document.hidden) return;
    let sentence = 'Connection lost, trying again…';
    try {
      await get(`runs/${id}`);
      if (!heardOf) sentence = 'This run cannot be watched at the moment, trying again…';
    } catch (problem) {
      if (over) return;
      if (problem.status === 404) {
        stop();
        on.gone?.('There is no such run. It was deleted, or it is somebody else’s.');
        return;
      }
      if (problem.status === 429) sentence = 'Many people watch at the moment, trying again…';
    }
    if (over) return;
    lost = true;
    on.lost?.(sentence);
    clearTimeout(timer);
    timer = setTimeout(open, 2000);
  }
  function open() {
    close();
    if (over || document.hidden) return;
    heardOf = false;
    source = new EventSource(`${base}runs/${id}/events`);
    source.onerror = broken;
    timer = setTimeout(broken, patience);
    for (const name of ['status', 'step', 'picture', 'beat', 'end'])
      source.addEventListener(name, (event) => {
        heard();
        if (name === 'end') stop();
        on[name]?.(JSON.parse(event.data));
      });
  }
  function stop() {
    over = true;
    document.removeEventListener('visibilitychange', open);
    close();
  }
  document.addEventListener('visibilitychange', open);
  open();
  return stop;
}

/** An element: make('p', {class: 'hint', textContent: 'x'}, child...). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name === 'class' ? 'class' : name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const shapes = {
  save: 'M12 3v12m0 0 5-5m-5 5-5-5M4 20h16',
  lock: 'M7 11V8a5 5 0 0 1 10 0v3M5 11h14v10H5z',
};
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', shapes[name]);
  for (const [key, value] of Object.entries({fill: 'none', stroke: 'currentColor', 'stroke-width': '2',
    'stroke-linecap': 'round', 'stroke-linejoin': 'round'})) path.setAttribute(key, value);
  svg.append(path);
  return svg;
}

/** Shows what went wrong in a status line; returns whether the work succeeded. */
export async function tell(line, busy, work) {
  line.classList.remove('bad');
  line.textContent = busy;
  try {
    await work();
    return true;
  } catch (error) {
    line.textContent = error.message;
    line.classList.add('bad');
    return false;
  }
}

/** The same work, but never twice at a time: asked for meanwhile, it is done once more afterwards. */
export function single(work) {
  let going = null;
  let more = false;
  return () => {
    more = true;
    going ??= (async () => {
      try {
        while (more) {
          more = false;
          await work();
        }
      } finally {
        going = null;
      }
    })();
    return going;
  };
}

/** One picture with its actions. A click enlarges it; `large` is the request that makes it alone, for larger files. */
export function tile(picture, caption, large, more = []) {
  return make('figure', {class: 'tile'},
    make('button', {type: 'button', class: 'picture', 'aria-label': `Enlarge ${caption}`, onclick: () => enlarge(picture, caption, large)},
      make('img', {src: picture.url, alt: caption, width: 256, height: 256})),
    make('figcaption', {}, make('span', {textContent: caption}),
      make('span', {class: 'icons'}, ...more,
        make('a', {class: 'button', href: picture.url, download: picture.name, title: 'Download', 'aria-label': `Download ${caption}`}, icon('save')))));
}

function enlarge(picture, caption, large) {
  const dialog = document.getElementById('zoom');
  const line = make('p', {class: 'status', role: 'status'});
  const grow = async (scale) => tell(line, 'Making the file…', async () => {
    save(await generated({...large, scale}, 'image/png'), picture.name.replace('.png', `-${scale}x.png`));
    line.textContent = 'Saved.';
  });
  dialog.replaceChildren(
    make('img', {src: picture.url, alt: caption}), make('p', {textContent: caption}), line,
    make('div', {class: 'actions'},
      make('a', {class: 'button', href: picture.url, download: picture.name, textContent: 'Download'}),
      ...('ClipboardItem' in window && navigator.clipboard && picture.file ? [make('button', {type: 'button', textContent: 'Copy', onclick: () => tell(line, '', async () => {
        await navigator.clipboard.write([new ClipboardItem({'image/png': picture.file})]);
        line.textContent = 'Copied.';
      })})] : []),
      ...(picture.file && !large?.run ? [make('button', {type: 'button', class: 'writes', textContent: 'Stylise it', onclick: () => {
        dialog.close();
        document.dispatchEvent(new CustomEvent('picture', {detail: new File([picture.file], picture.name, {type: 'image/png'})}));
      }})] : []),
      ...(large ? [4, 8].map((scale) => make('button', {type: 'button', textContent: `Download ${scale}×`, onclick: () => grow(scale)})) : []),
      make('button', {type: 'button', textContent: 'Close', onclick: () => dialog.close()})));
  dialog.setAttribute('aria-label', caption);
  dialog.showModal();
}

/** The looks as they are now; the browser asks the server only whether they changed. */
export const looks = async () => (await get('presets')).presets;
export const titled = (look) => look.name === 'source' ? 'original' : look.name;

/** Seconds in words. */
export const duration = (seconds) => seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;

/** The options that a picture of this server has inside, as {key: value}; null where it has none. */
export async function optionsIn(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const text = (from, to, as = 'utf-8') => new TextDecoder(as).decode(bytes.subarray(from, to));
  if (bytes.length < 20 || text(1, 4) !== 'PNG') return null;
  for (let at = 8; at + 12 <= bytes.length;) {
    const size = view.getUint32(at), kind = text(at + 4, at + 8), end = at + 8 + size;
    const nul = bytes.indexOf(0, at + 8);
    if ((kind === 'iTXt' || kind === 'tEXt') && text(at + 8, nul) === 'nada:options') {
      let from = nul + 1;
      if (kind === 'iTXt') from = bytes.indexOf(0, bytes.indexOf(0, from + 2) + 1) + 1;  // past flags, language, translation
      const lines = text(from, end).split('\n').filter((line) => line.includes(' = '));
      return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)]));
    }
    at = end + 4;
  }
  return null;
}
