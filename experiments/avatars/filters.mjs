// Picture filters: each takes and gives Float32Array [3 * S * S] (channel, row, column), values in [0, 1]. Lengths are those
// of 64 pixels a side, times the nearest whole number for larger sides.
const unitOf = (size) => Math.max(1, Math.round(size / 64));

const clip = (v) => (v < 0 ? 0 : v > 1 ? 1 : v);

function luma(u, n) {
  const g = new Float32Array(n);
  for (let i = 0; i < n; ++i) g[i] = 0.299 * u[i] + 0.587 * u[n + i] + 0.114 * u[2 * n + i];
  return g;
}

// Gaussian blur of one channel, edges repeated.
function blurred(channel, size, sigma) {
  const r = Math.ceil(3 * sigma);
  const k = new Float32Array(2 * r + 1);
  let sum = 0;
  for (let i = -r; i <= r; ++i) sum += k[i + r] = Math.exp((-i * i) / (2 * sigma * sigma));
  for (let i = 0; i < k.length; ++i) k[i] /= sum;
  const edge = (i) => (i < 0 ? 0 : i >= size ? size - 1 : i);
  const rows = new Float32Array(size * size);
  const out = new Float32Array(size * size);
  for (let y = 0; y < size; ++y)
    for (let x = 0; x < size; ++x) {
      let s = 0;
      for (let i = -r; i <= r; ++i) s += k[i + r] * channel[y * size + edge(x + i)];
      rows[y * size + x] = s;
    }
  for (let y = 0; y < size; ++y)
    for (let x = 0; x < size; ++x) {
      let s = 0;
      for (let i = -r; i <= r; ++i) s += k[i + r] * rows[edge(y + i) * size + x];
      out[y * size + x] = s;
    }
  return out;
}

function blur(u, size, sigma) {
  const n = size * size;
  const out = new Float32Array(3 * n);
  for (let c = 0; c < 3; ++c) out.set(blurred(u.subarray(c * n, (c + 1) * n), size, sigma), c * n);
  return out;
}

// Largest channel difference over two pixels after a slight blur, times a gain, at most 1.
function edges(u, size, gain) {
  const n = size * size;
  const b = blur(u, size, 0.6 * unitOf(size)), step = unitOf(size);
  const e = new Float32Array(n);
  for (let y = 0; y < size; ++y)
    for (let x = 0; x < size; ++x) {
      const l = Math.max(0, x - step), r = Math.min(size - 1, x + step), t = Math.max(0, y - step), d = Math.min(size - 1, y + step);
      let most = 0;
      for (let c = 0; c < 3; ++c) {
        const h = Math.abs(b[c * n + y * size + r] - b[c * n + y * size + l]);
        const v = Math.abs(b[c * n + d * size + x] - b[c * n + t * size + x]);
        most = Math.max(most, h, v);
      }
      e[y * size + x] = Math.min(1, gain * most);
    }
  return e;
}

const each = (u, value) => {
  const n = u.length / 3;
  const out = new Float32Array(3 * n);
  for (let c = 0; c < 3; ++c) for (let i = 0; i < n; ++i) out[c * n + i] = clip(value(c, i));
  return out;
};

// A filter draws its own strength: `random` gives numbers in [0, 1).
export const filters = {
  sketch(u, size, random) {
    const n = size * size, g = luma(u, n), e = edges(u, size, 1.6 + 1.4 * random()), unit = unitOf(size);
    return each(u, (c, i) => {
      const hatch = (Math.floor((i % size) / unit) + Math.floor(Math.floor(i / size) / unit)) % 4 < 2 ? 1 : 0;
      return 1 - 0.85 * e[i] - 0.28 * clip(2.2 * (0.62 - g[i])) * hatch;
    });
  },
  blueprint(u, size, random) {
    const e = edges(u, size, 1.6 + 1.4 * random()), paper = [0.1, 0.24, 0.62], line = [0.92, 0.96, 1];
    return each(u, (c, i) => paper[c] * (1 - e[i]) + line[c] * e[i]);
  },
  sepia(u, size) {
    const g = luma(u, size * size), tone = [1, 0.82, 0.56];
    return each(u, (c, i) => (0.12 + 0.86 * g[i]) * tone[c]);
  },
  neon(u, size, random) {
    const n = size * size, e = edges(u, size, 1.6 + 1.4 * random()), b = blur(u, size, unitOf(size)), ground = [0.03, 0.02, 0.08];
    return each(u, (c, i) => {
      const low = Math.min(b[i], b[n + i], b[2 * n + i]), high = Math.max(b[i], b[n + i], b[2 * n + i]);
      const colour = high - low < 0.02 ? 1 : (b[c * n + i] - low) / (high - low);
      return ground[c] * (1 - e[i]) + (0.1 + 0.9 * colour) * e[i];
    });
  },
  popart(u, size) {
    const n = size * size;
    return each(u, (c, i) => {
      const grey = (u[i] + u[n + i] + u[2 * n + i]) / 3;
      const v = clip((grey + 1.6 * (u[c * n + i] - grey) - 0.5) * 1.5 + 0.5);
      return Math.round(v * 2) / 2;
    });
  },
  mosaic(u, size) {
    const n = size * size, unit = unitOf(size), tile = 4 * unit;
    return each(u, (c, i) => {
      const x = i % size, y = Math.floor(i / size), x0 = x - (x % tile), y0 = y - (y % tile);
      let sum = 0;
      for (let dy = 0; dy < tile; ++dy) for (let dx = 0; dx < tile; ++dx) sum += u[c * n + (y0 + dy) * size + x0 + dx];
      const mean = sum / (tile * tile);
      return x % tile < unit || y % tile < unit ? 0.55 * mean : mean;
    });
  },
  watercolor(u, size) {
    const n = size * size, b = blur(u, size, 2.3 * unitOf(size)), e = edges(u, size, 1.8);
    return each(u, (c, i) => 0.3 + 0.75 * b[c * n + i] - 0.25 * e[i]);
  },
  negative(u) {
    return each(u, (c, i) => 1 - u[c * (u.length / 3) + i]);
  },
  night(u, size) {
    const g = luma(u, size * size), tone = [0.32, 0.45, 0.95];
    return each(u, (c, i) => (0.06 + 0.75 * g[i]) * tone[c]);
  },
  gray(u, size) {
    const g = luma(u, size * size);
    return each(u, (c, i) => g[i]);
  },
};

// Filters after which colours cannot be told.
export const colourless = new Set(['sketch', 'blueprint', 'sepia', 'neon', 'negative', 'night', 'gray']);
