// A line chart as SVG: the loss by step, thin as measured and thick as a running mean.
const namespace = 'http://www.w3.org/2000/svg';

function node(tag, attributes, text) {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Draws `rows` ({step, loss}) into `place`; `steps`: where the axis ends. */
export function draw(place, rows, steps) {
  const width = Math.max(280, place.clientWidth), height = 220, left = 52, right = 12, top = 12, bottom = 30;
  const losses = rows.map((row) => row.loss);
  let low = Math.min(...losses), high = Math.max(...losses);
  if (rows.length === 0) [low, high] = [0, 1];
  if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
  const x = (step) => left + (width - left - right) * step / Math.max(1, steps);
  const y = (loss) => top + (height - top - bottom) * (high - loss) / (high - low);
  const svg = node('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img'});
  svg.append(node('title', {}, rows.length ? `Loss from ${losses[0].toFixed(3)} to ${losses.at(-1).toFixed(3)} in ${rows.at(-1).step} steps`
    : 'Loss by step, nothing yet'));
  svg.append(node('path', {class: 'axis', fill: 'none', d: `M${left} ${top}V${height - bottom}H${width - right}`}));
  const digits = Math.min(5, Math.max(2, 1 + Math.ceil(-Math.log10(high - low))));
  for (const value of [low, (low + high) / 2, high])
    svg.append(node('text', {x: left - 8, y: y(value) + 4, 'text-anchor': 'end'}, value.toFixed(digits)));
  for (const step of [0, Math.round(steps / 2), steps])
    svg.append(node('text', {x: x(step), y: height - 8, 'text-anchor': step === steps ? 'end' : 'middle'}, step));
  const line = (values) => rows.map((row, i) => `${i ? 'L' : 'M'}${x(row.step).toFixed(1)} ${y(values[i]).toFixed(1)}`).join('');
  if (rows.length > 1) {
    const reach = Math.max(1, Math.round(rows.length / 20));
    const smooth = losses.map((_, i) => {
      const part = losses.slice(Math.max(0, i - reach), i + reach + 1);
      return part.reduce((a, b) => a + b, 0) / part.length;
    });
    svg.append(node('path', {class: 'faint', d: line(losses)}), node('path', {class: 'curve', d: line(smooth)}));
  }
  place.replaceChildren(svg);
}
