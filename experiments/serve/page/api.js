// The server's API (docs/api.md) and small things that every part of the page uses.

const base = '/api/v1/';

async function checked(response) {
  if (response.ok) return response.json();
  let sentence = `The server answered ${response.status}.`;
  try {
    sentence = (await response.json()).error ?? sentence;
  } catch { /* no JSON: the number must do */ }
  throw new Error(sentence);
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(base + path, options);
  } catch {
    throw new Error('The server does not answer. Is it still running?');
  }
  return checked(response);
}

export const get = (path) => ask(path);
export const post = (path, body = {}) =>
  ask(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
export const upload = (path, blob) => ask(path, {method: 'POST', headers: {'Content-Type': blob.type}, body: blob});
export const address = (path) => base + path;

/**
 * Watches a run; `on` has functions by event: status, step, picture, end. Returns a function that stops watching.
 * A tab in the background lets go: browsers keep few connections to one server for all their tabs together.
 */
export function watch(id, on) {
  let source = null;
  let over = false;
  const open = () => {
    source?.close();
    source = null;
    if (over || document.hidden) return;
    source = new EventSource(`${base}runs/${id}/events`);
    for (const name of ['status', 'step', 'picture', 'end'])
      source.addEventListener(name, (event) => {
        if (name === 'end') stop();
        on[name]?.(JSON.parse(event.data));
      });
  };
  const stop = () => {
    over = true;
    document.removeEventListener('visibilitychange', open);
    source?.close();
  };
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

/** One picture with its actions. */
export function tile(picture, caption, more = []) {
  const link = `data:image/png;base64,${picture.png}`;
  const name = [picture.preset, picture.run ?? picture.seed, picture.index].filter((x) => x !== undefined).join('-');
  return make('figure', {class: 'tile'},
    make('img', {src: link, alt: caption, width: 128, height: 128}),
    make('figcaption', {}, make('span', {textContent: caption}),
      make('span', {class: 'icons'}, ...more,
        make('a', {class: 'button', href: link, download: `${name}.png`, title: 'Download', 'aria-label': `Download ${caption}`}, icon('save')))));
}

let known;
/** The looks, fetched once; `looks(true)` fetches them anew. */
export function looks(anew = false) {
  if (anew || !known) known = get('presets').then((answer) => answer.presets);
  return known;
}
export const titled = (look) => look.name === 'source' ? 'original' : look.name;
