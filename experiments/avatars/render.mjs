// Renders illustrated faces to shards of pictures with captions made of what was really drawn.
// Run:     npm ci && node render.mjs --out DATA [--part source|all|sheets|twins] [--split train|held] [--scale 1] [--size 64]
//          node render.mjs --out TRUTHS --filter sketch --from SAMPLES
// Writes:  DATA/<set>/<n>.safetensors  `images` [N, 3, S, S] uint8
//          DATA/<set>/<n>.csv          one row a picture: caption (several, with | between them), group, and a column an
//                                      attribute, which holds the text that names it, or nothing
// Sets:    `portrait` (what the generator learns), and for the encoders `pair` (a portrait again: filtered, as another being,
//          or with one attribute changed; both have one group), `art` (other styles of drawing, plain and filtered).
// Sheets:  `--part sheets` writes DATA/<domain>.png instead: 8 x 8 pictures of the source and of each filter and being, of
//          seeds that are in no set.
// Twins:   `--part twins` writes DATA/<domain>.png, 8 x 8 pictures of the same people as portraits and as each being, and
//          the portraits one by one as DATA/portrait/NUMBER.png.
// Truths:  `--filter NAME --from FOLDER` writes each PNG of a folder filtered at strength 0.5, under its name: what a
//          generator that draws these samples should draw after an adaptation to that look.
// Captions: the first tells all that is seen. The others tell a part; the i-th captions of a group's pictures (i > 0) have
//          the same words but for what sets the pictures apart.
import { createAvatar } from '@dicebear/core';
import * as collection from '@dicebear/collection';
import { Resvg } from '@resvg/resvg-js';
import { mkdirSync, readFileSync, readdirSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { filters, colourless } from './filters.mjs';
import { openings, nouns, styles, attributes } from './words.mjs';

const options = { out: '', part: 'all', split: 'train', scale: '1', size: '64', filter: '', from: '' };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  if (!(name in options) || process.argv[i + 1] === undefined) {
    console.error(`error: expected --out FOLDER [--part source|all|sheets|twins] [--split train|held] [--scale X] [--size N] [--filter NAME --from FOLDER], found ${process.argv[i]}`);
    process.exit(1);
  }
  options[name] = process.argv[i + 1];
}
let size = Number(options.size);
const scale = Number(options.scale), held = options.split === 'held';
if (!options.out || !(size >= 16) || !(scale > 0) || !['source', 'all', 'sheets', 'twins'].includes(options.part) || !['train', 'held'].includes(options.split)) {
  console.error('error: --out is missing, or --part, --split, --scale or --size is none of what is expected');
  process.exit(1);
}
if (!options.filter !== !options.from || (options.filter && !(options.filter in filters))) {
  console.error(`error: --filter and --from go together, and the filters are ${Object.keys(filters).join(', ')}`);
  process.exit(1);
}
const portraits = Math.round((held ? 1000 : 60000) * scale), pairs = Math.round((held ? 4500 : 45000) * scale);  // held: 300 a style
const artEach = Math.round((held ? 300 : 3500) * scale);

// Random numbers of one picture (mulberry32 from a hash of its name): the same on every machine.
function randomOf(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return () => {
    h = (h + 0x6d2b79f5) | 0;
    let t = Math.imul(h ^ (h >>> 15), 1 | h);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const pick = (random, list) => list[Math.floor(random() * list.length)];
const keys = (name) => Object.keys(attributes[name]);

const naturalHair = ['2c1b18', 'a55728', 'b58143', 'd6b370', '724133'];
const rear = { longStraight: 'long', longWavy: 'long', shoulderHigh: 'middle', neckHigh: 'middle' };

// What a portrait shows; all that the art can draw, equally likely (rear hair and beards in every second one).
function drawPortrait(random) {
  const p = {
    hair: pick(random, keys('fringe')),
    rearHair: random() < 0.5 ? pick(random, Object.keys(rear)) : '',
    hairColor: pick(random, naturalHair),
    beard: random() < 0.5 ? pick(random, keys('beard').slice(1)) : 'none',
    mouth: pick(random, keys('mouth')),
    eyes: pick(random, keys('eyes')),
    eyebrows: pick(random, ['raised', 'angry', 'happy', 'sad', 'neutral']),
    skinColor: pick(random, keys('skinColor')),
    ground: pick(random, keys('ground')),
  };
  return p;
}

const beings = {
  zombie: { skinColor: ['7fae5a', '8bc34a', '6b8e4e', '96b84a'], hides: ['skinColor'] },
  devil: { skinColor: ['d32f2f', 'c62828', 'e53935', 'b71c1c'], hairColor: ['1a1a1a', '3b0a0a'], hides: ['skinColor', 'hairColor'] },
  alien: { skinColor: ['5c9ded', '4fc3f7', '3f7fd0', '6ab0ff'], hides: ['skinColor'] },
  statue: {
    skinColor: ['c9c9c9', 'b8b8b8', 'd4d4d4'], hairColor: ['a8a8a8', 'bdbdbd', '9a9a9a'], 
    ground: ['e2e2e2', 'd0d0d0'], hides: ['skinColor', 'hairColor', 'ground'],
  },
  ghost: {
    skinColor: ['f4f6fa', 'eef1f6'], hairColor: ['e4e8f0', 'dde3ee'],
    ground: ['2b2f44', '1d2033', '3a3f5a'], hides: ['skinColor', 'hairColor', 'ground'],
  },
};
const colours = ['skinColor', 'hairColor', 'ground'];

function pixelsOf(svg) {
  const image = new Resvg(svg, { fitTo: { mode: 'width', value: size } }).render();
  const rgba = image.pixels, n = size * size, out = new Uint8Array(3 * n);
  if (rgba.length !== 4 * n) throw new Error(`a render of ${image.width} x ${image.height}, expected ${size} x ${size}`);
  for (let i = 0; i < n; ++i) for (let c = 0; c < 3; ++c) out[c * n + i] = rgba[4 * i + c];
  return out;
}

// The renderer reads the type of a mask from its attribute alone: as a style it is overlooked, and mouths fade away.
const readable = (svg) => svg.replaceAll('style="mask-type:alpha"', 'mask-type="alpha"');

// The two closed mouths of the art are half transparent hair lines, which few pixels cannot show: opaque, and a pixel wide.
const visible = (svg) => svg.replace('fill="#3F2626" fill-opacity="0.5"', 'fill="#2b1414" stroke="#2b1414" stroke-width="8" stroke-linejoin="round"');

// The view box of an SVG cut to a square of the drawing (fractions of its size), over a ground of one colour.
function framed(svg, [x, y, side], ground) {
  const box = /viewBox="([-\d. ]+)"/.exec(svg)[1].split(' ').map(Number);
  const [left, top, wide] = [box[0] + x * box[2], box[1] + y * box[3], side * box[2]];
  return readable(svg)
    .replace(/viewBox="[-\d. ]+"/, `viewBox="${left} ${top} ${wide} ${wide}"`)
    .replace(/<svg[^>]*>/, (tag) => `${tag}<rect x="${left}" y="${top}" width="${wide}" height="${wide}" fill="#${ground}"/>`);
}

function renderPortrait(p) {
  const svg = createAvatar(collection.toonHead, {
    seed: 'x', hair: [p.hair], hairProbability: 100, rearHair: p.rearHair ? [p.rearHair] : undefined, rearHairProbability: p.rearHair ? 100 : 0,
    hairColor: [p.hairColor], beard: p.beard === 'none' ? undefined : [p.beard], beardProbability: p.beard === 'none' ? 0 : 100,
    mouth: [p.mouth], eyes: [p.eyes], eyebrows: [p.eyebrows], skinColor: [p.skinColor],
  }).toString();
  return pixelsOf(framed(visible(svg), [0.14, 0.06, 0.72], p.ground));
}

function filtered(pixels, name, random) {
  const u = Float32Array.from(pixels, (v) => v / 255);
  return Uint8Array.from(filters[name](u, size, random), (v) => Math.round(255 * v));
}

// Captions ------------------------------------------------------------------------------------------------------------
const classOf = (p) => ({ ...p, haircut: p.rearHair ? rear[p.rearHair] : 'short', fringe: p.hair });
const told = ['haircut', 'fringe', 'hairColor', 'beard', 'mouth', 'eyes', 'skinColor', 'ground'];

const article = (word) => `${/^[aeio]/.test(word) ? 'an' : 'a'} ${word}`;

// The phrase of one attribute, or nothing where it cannot be seen.
function phrase(p, name, hidden, choose) {
  const c = classOf(p);
  if (hidden.has(name)) return '';
  if (name === 'ground') return c.ground in attributes.ground ? `on ${article(attributes.ground[c.ground][0])} background` : '';
  const words = attributes[name][c[name]];
  return words ? choose(words) : '';
}

const subject = (noun, style) => (style ? `${style} of ${noun}` : noun);
const joined = (parts) => parts.filter(Boolean).join(' ');

// Captions of the pictures of one group. `looks`: [{p, being, filter}], the attributes `must` be named where they differ.
function captions(looks, random, must = []) {
  const hidden = looks.map((l) => new Set([...(l.filter && colourless.has(l.filter) ? colours : []), ...(beings[l.being]?.hides ?? [])]));
  const shared = new Set(hidden.flatMap((h) => [...h]));
  const out = looks.map((l, k) => {
    const first = (list) => pick(random, list);
    const noun = pick(random, nouns[l.being]), style = l.filter ? pick(random, styles[l.filter]) : '';
    return [joined([subject(noun, style), ...told.map((name) => phrase(l.p, name, hidden[k], first))])];
  });
  for (let i = 0; i < 3; ++i) {
    const opening = pick(random, openings), at = random();
    const count = Math.floor(random() * 4);
    const chosen = [...told].map((name) => [random() - (must.includes(name) ? 2 : 0), name]).sort((a, b) => a[0] - b[0])
      .slice(0, Math.max(count, must.length)).map((e) => e[1]);
    chosen.sort((a, b) => told.indexOf(a) - told.indexOf(b));
    const words = random();
    looks.forEach((l, k) => {
      const choose = (list) => list[Math.floor((must.length ? words : at) * list.length) % list.length];
      const noun = choose(nouns[l.being]), style = l.filter ? choose(styles[l.filter]) : '';
      out[k].push(opening + joined([subject(noun, style), ...chosen.map((name) => phrase(l.p, name, shared, choose))]));
    });
  }
  return out;
}

// The columns: texts that name what the picture is, as a person would ask for it.
const columns = ['style', 'haircut', 'fringe', 'hairColor', 'beard', 'mouth', 'eyes', 'skinColor', 'ground'];
function named(look) {
  const noun = nouns[look.being][0], style = look.filter ? styles[look.filter][0] : '';
  const out = { style: subject(noun, style) };
  if (look.being !== 'portrait' || look.filter || !look.p) return out;
  const c = classOf(look.p);
  for (const name of columns.slice(1)) {
    if (name === 'ground') out[name] = `a cartoon portrait on ${article(attributes.ground[c.ground][0])} background`;
    else out[name] = `a cartoon portrait ${attributes[name][c[name]][0]}`;
  }
  return out;
}

// Shards --------------------------------------------------------------------------------------------------------------
class Shards {
  constructor(set) {
    Object.assign(this, { set, images: [], rows: [], shard: 0 });
    mkdirSync(join(options.out, set), { recursive: true });
  }
  add(pixels, captionList, group, attributesOf) {
    this.images.push(pixels);
    const row = [captionList.map((text) => text.trim().replace(/\s+/g, ' ')).join('|'), group, ...columns.map((name) => attributesOf[name] ?? '')];
    this.rows.push(row.map((cell) => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(','));
    if (this.images.length === 4096) this.flush();
  }
  flush() {
    if (!this.images.length) return;
    const n = this.images.length, bytes = 3 * size * size;
    const header = JSON.stringify({ images: { dtype: 'U8', shape: [n, 3, size, size], data_offsets: [0, n * bytes] } });
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    const file = Buffer.alloc(8 + padded.length + n * bytes);
    file.writeBigUInt64LE(BigInt(padded.length), 0);
    file.write(padded, 8, 'latin1');
    this.images.forEach((pixels, i) => file.set(pixels, 8 + padded.length + i * bytes));
    const name = join(options.out, this.set, String(this.shard++).padStart(3, '0'));
    const write = (path, content) => (writeFileSync(`${path}.tmp`, content), renameSync(`${path}.tmp`, path));
    write(`${name}.csv`, ['caption,group,' + columns.join(','), ...this.rows].join('\n') + '\n');
    write(`${name}.safetensors`, file);
    this.images = [];
    this.rows = [];
  }
}

const began = Date.now();
let made = 0;
function progress(set, i, total) {
  ++made;
  if (i % 2000 === 0) console.error(`${set} ${i}/${total}  ${(made / ((Date.now() - began) / 1000)).toFixed(0)}/s`);
}
const nameOf = (set, i) => `${options.split}/${set}/${i}`;

// The being's colours in place of the person's.
function dressed(p, being, random) {
  const changes = beings[being] ?? {}, q = { ...p };
  for (const name of colours) if (changes[name]) q[name] = pick(random, changes[name]);
  return q;
}

// 0. Sheets of pictures alone.
function png(rgb, wide, high) {
  const crcOf = (bytes) => {
    let crc = -1;
    for (const byte of bytes) {
      crc ^= byte;
      for (let k = 0; k < 8; ++k) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]), around = Buffer.alloc(8);
    around.writeUInt32BE(data.length, 0);
    around.writeUInt32BE(crcOf(body), 4);
    return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)]);
  };
  const header = Buffer.alloc(13), rows = Buffer.alloc(high * (1 + 3 * wide));  // each row begins with its filter, 0: none
  header.writeUInt32BE(wide, 0);
  header.writeUInt32BE(high, 4);
  header.set([8, 2, 0, 0, 0], 8);  // 8 bits, RGB
  for (let y = 0; y < high; ++y) rows.set(rgb.subarray(3 * wide * y, 3 * wide * (y + 1)), y * (1 + 3 * wide) + 1);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

// The pixels of a PNG file of 8-bit RGB without interlacing, as [3, S, S], which is what `generate` writes.
function pixelsOfPng(path) {
  const bytes = readFileSync(path), parts = [];
  if (bytes.length < 33 || bytes.toString('latin1', 1, 4) !== 'PNG') throw new Error(`${path}: is no PNG file`);
  const wide = bytes.readUInt32BE(16), high = bytes.readUInt32BE(20);
  if (bytes[24] !== 8 || bytes[25] !== 2 || bytes[28] !== 0 || wide !== high)
    throw new Error(`${path}: expected a square PNG of 8-bit RGB without interlacing`);
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  const rows = inflateSync(Buffer.concat(parts)), stride = 3 * wide, out = new Uint8Array(3 * wide * high), flat = new Uint8Array(stride * high);
  const paeth = (a, b, c) => {
    const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  for (let y = 0; y < high; ++y) {
    const kind = rows[y * (stride + 1)];
    for (let k = 0; k < stride; ++k) {
      const left = k >= 3 ? flat[y * stride + k - 3] : 0, up = y ? flat[(y - 1) * stride + k] : 0, corner = y && k >= 3 ? flat[(y - 1) * stride + k - 3] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][kind];
      const value = (rows[y * (stride + 1) + 1 + k] + guess) & 255;
      flat[y * stride + k] = value;
      out[(k % 3) * wide * high + y * wide + Math.floor(k / 3)] = value;
    }
  }
  return { pixels: out, side: wide };
}
function writeTruth(name) {
  const { pixels, side } = pixelsOfPng(join(options.from, name)), n = side * side, rgb = new Uint8Array(3 * n);
  size = side;
  const truth = filtered(pixels, options.filter, () => 0.5);
  for (let i = 0; i < n; ++i) for (let c = 0; c < 3; ++c) rgb[3 * i + c] = truth[c * n + i];
  writeFileSync(join(options.out, `${name}.tmp`), png(rgb, side, side));
  renameSync(join(options.out, `${name}.tmp`), join(options.out, name));
}
if (options.filter) {
  try {
    const names = readdirSync(options.from).filter((name) => name.endsWith('.png')).sort();
    if (!names.length) throw new Error(`${options.from}: holds no file .png`);
    mkdirSync(options.out, { recursive: true });
    names.forEach(writeTruth);
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exit(1);
  }
  process.exit(0);
}

const across = 8;
function drawing(name, i) {
  const random = randomOf(`sheets/${name}/${i}`), p = drawPortrait(random), plain = renderPortrait(dressed(p, name, random));
  return name in filters ? filtered(plain, name, random) : plain;
}
// One drawing in several domains: the person is drawn by number, a being's colours are the middle ones of its list.
const twin = (name, i) => renderPortrait(dressed(drawPortrait(randomOf(`twins/${i}`)), name, () => 0.5));
function sheet(name, draw) {
  const rgb = new Uint8Array(3 * (across * size) ** 2);
  for (let i = 0; i < across * across; ++i) {
    const pixels = draw(name, i), left = (i % across) * size, top = Math.floor(i / across) * size;
    for (let k = 0; k < size * size; ++k) {
      const at = 3 * ((top + Math.floor(k / size)) * across * size + left + (k % size));
      for (let c = 0; c < 3; ++c) rgb[at + c] = pixels[c * size * size + k];
    }
  }
  const file = join(options.out, `${name}.png`);
  writeFileSync(`${file}.tmp`, png(rgb, across * size, across * size));
  renameSync(`${file}.tmp`, file);
}
if (options.part === 'sheets') {
  mkdirSync(options.out, { recursive: true });
  for (const name of ['portrait', ...Object.keys(filters), ...Object.keys(beings)]) sheet(name, drawing);
  process.exit(0);
}
if (options.part === 'twins') {
  mkdirSync(join(options.out, 'portrait'), { recursive: true });
  for (const name of ['portrait', ...Object.keys(beings)]) sheet(name, twin);
  for (let i = 0; i < across * across; ++i) {
    const pixels = twin('portrait', i), n = size * size, rgb = new Uint8Array(3 * n);
    for (let k = 0; k < n; ++k) for (let c = 0; c < 3; ++c) rgb[3 * k + c] = pixels[c * n + k];
    const file = join(options.out, 'portrait', `${String(i).padStart(6, '0')}.png`);
    writeFileSync(`${file}.tmp`, png(rgb, size, size));
    renameSync(`${file}.tmp`, file);
  }
  process.exit(0);
}

// 1. The source domain. In training the pairs below start from its first pictures.
const source = new Shards('portrait');
const kept = [];
for (let i = 0; i < portraits; ++i) {
  const random = randomOf(nameOf('portrait', i)), p = drawPortrait(random);
  const look = { p, being: 'portrait' }, pixels = renderPortrait(p);
  source.add(pixels, captions([look], random)[0], nameOf('portrait', i), named(look));
  progress('portrait', i, portraits);
}
source.flush();
if (options.part === 'source') process.exit(0);

// 2. Two pictures of one person: one plain, one that differs in the style or in one attribute.
const pair = new Shards('pair');
const filterNames = Object.keys(filters), beingNames = Object.keys(beings);
const changing = ['hairColor', 'hairColor', 'beard', 'mouth', 'haircut', 'fringe', 'eyes', 'mouth', 'eyes', 'skinColor'];
for (let i = 0; i < pairs; ++i) {
  const random = randomOf(nameOf('pair', i)), group = nameOf('pair', i), p = drawPortrait(random), kind = held ? (i % 15) / 15 : random();
  if (random() < 0.35) p.hairColor = pick(random, keys('hairColor'));
  const plain = { p, being: 'portrait' };
  let other, must = [];
  if (kind < (held ? 10 / 15 : 0.4)) {
    const filter = held ? filterNames[i % 15] : pick(random, filterNames);
    other = { p, being: 'portrait', filter };
    if (!held && random() < 0.15) {  // a filter over another being
      plain.being = other.being = pick(random, beingNames);
    }
  } else if (held || kind < 0.65) {
    other = { p, being: held ? beingNames[(i % 15) - 10] : pick(random, beingNames) };
  } else {
    const name = pick(random, changing), classes = keys(name);
    const q = { ...p };
    while (classOf(q)[name] === classOf(p)[name]) {
      if (name === 'haircut') q.rearHair = pick(random, ['', ...Object.keys(rear)]);
      else if (name === 'fringe') q.hair = pick(random, classes);
      else q[name] = pick(random, classes);
    }
    must = [name];
    other = { p: q, being: 'portrait' };
  }
  const drawn = dressed(plain.p, plain.being, random);
  const first = renderPortrait(drawn);
  const second = other.filter ? filtered(first, other.filter, random) : renderPortrait(dressed(other.p, other.being, random));
  const texts = captions([plain, other], random, must);
  pair.add(first, texts[0], group, named(plain));
  pair.add(second, texts[1], group, named(other));
  progress('pair', i, pairs);
}
pair.flush();

// 3. Other art.
const art = {
  lorelei: [0.1, 0.05, 0.85], notionists: [0.12, 0.02, 0.76], pixelArt: [0, 0, 1], openPeeps: [0.12, 0.02, 0.76], croodles: [0.05, 0.05, 0.9],
  thumbs: [0, 0, 1], funEmoji: [0, 0, 1], adventurer: [0.08, 0.08, 0.84], micah: [0.08, 0.05, 0.84],
};
const grounds = keys('ground');
for (const [name, frame] of Object.entries(art)) {
  const set = new Shards(name);
  for (let i = 0; i < artEach; ++i) {
    const random = randomOf(nameOf(name, i)), ground = pick(random, [...grounds, 'ffffff']);
    const avatar = createAvatar(collection[name], { seed: nameOf(name, i) });
    const extra = avatar.toJson().extra ?? {}, pixels = pixelsOf(framed(avatar.toString(), frame, ground));
    const seen = [];
    if (extra.glasses || /glasses/.test(extra.accessories ?? '')) seen.push('with glasses');
    if (extra.beard || extra.facialHair || extra.mustache) seen.push(pick(random, ['with a beard', 'with facial hair']));
    if (!['thumbs', 'funEmoji'].includes(name) && ground in attributes.ground) seen.push(`on ${article(attributes.ground[ground][0])} background`);
    const noun = () => pick(random, nouns[name]);
    const list = (style) => Array.from({ length: 4 }, (_, k) => {
      const body = subject(noun(), style ? pick(random, styles[style]) : '');
      const parts = k === 0 ? seen : seen.filter(() => random() < 0.4);
      return pick(random, openings) + joined([body, ...(style && colourless.has(style) ? parts.filter((t) => !/background/.test(t)) : parts)]);
    });
    set.add(pixels, list(''), nameOf(name, i), named({ being: name }));
    if (!held && random() < 0.15) {
      const filter = pick(random, filterNames);
      set.add(filtered(pixels, filter, random), list(filter), nameOf(name, i), {});
    }
    progress(name, i, artEach);
  }
  set.flush();
}
