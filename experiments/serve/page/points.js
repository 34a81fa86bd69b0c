// The eyes and the mouth of a face, marked on the whole picture: by clicks, or by arrow keys and Enter.

const names = ['the eye at the left', 'the eye at the right', 'the mouth'];

/** How a picture lies in a square canvas: its whole, as large as it fits. */
function fitted(picture, canvas) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  return {scale, left: (canvas.width - picture.width * scale) / 2, top: (canvas.height - picture.height * scale) / 2};
}

/** Marks on a canvas. `changed(points)` is called when one was set or taken back. */
export class Marks {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.picture = null;  // where a face is being marked
    this.points = [];     // in pixels of the picture
    this.cross = null;    // where Enter sets the next one, once the keys have moved it
  }
  get on() { return this.picture !== null; }
  get complete() { return this.points.length === names.length; }

  begin(picture) {
    this.picture = picture;
    this.clear();
  }
  end() { this.picture = null; }
  clear() {
    this.points = [];
    this.cross = null;
    this.draw();
  }
  undo() {
    this.points.pop();
    if (this.cross) this.cross = this.usual();
    this.draw();
    this.changed();
  }
  set(point) {
    if (this.complete) this.points = [];  // from the beginning
    this.points.push(point);
    if (this.cross) this.cross = this.usual();
    this.draw();
    this.changed();
  }

  /** What comes next, in words. */
  hint() {
    if (this.complete) return 'The face is marked.';
    return `${this.points.length + 1} of 3: click on ${names[this.points.length]}. Or move the cross with the arrow keys and press Enter.`;
  }
  /** The place where the next mark usually is. */
  usual() {
    const [x, y] = [[0.4, 0.45], [0.6, 0.45], [0.5, 0.65]][this.points.length % 3];
    return {x: x * this.picture.width, y: y * this.picture.height};
  }
  /** The point of the picture that an event of the pointer is on; null beside the picture. */
  at(event) {
    const {scale, left, top} = fitted(this.picture, this.canvas);
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * this.canvas.width / box.width - left) / scale;
    const y = ((event.clientY - box.top) * this.canvas.height / box.height - top) / scale;
    return x < 0 || y < 0 || x > this.picture.width || y > this.picture.height ? null : {x, y};
  }
  click(event) {
    const point = this.at(event);
    if (point) this.set(point);
  }
  /** Takes a key; returns whether it was one of ours. With the shift key the cross goes in small steps. */
  key(event) {
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    if (event.key in moves) {
      const step = Math.max(this.picture.width, this.picture.height) * (event.shiftKey ? 0.004 : 0.02);
      const clamp = (value, most) => Math.min(Math.max(value, 0), most);
      const from = this.cross ?? this.usual();
      this.cross = {x: clamp(from.x + step * moves[event.key][0], this.picture.width), y: clamp(from.y + step * moves[event.key][1], this.picture.height)};
      this.draw();
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.set(this.cross ?? this.usual());
    } else if (event.key === 'Backspace') {
      this.undo();
    } else {
      return false;
    }
    return true;
  }

  draw() {
    const pen = this.canvas.getContext('2d');
    const {scale, left, top} = fitted(this.picture, this.canvas);
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(this.picture, left, top, this.picture.width * scale, this.picture.height * scale);
    const twice = (path) => {  // dark around light, so that it is seen on any picture
      for (const [width, colour] of [[6, '#15131a'], [2.5, '#fff']]) {
        pen.lineWidth = width;
        pen.strokeStyle = colour;
        pen.beginPath();
        path();
        pen.stroke();
      }
    };
    for (const point of this.points) twice(() => pen.arc(left + point.x * scale, top + point.y * scale, 9, 0, 2 * Math.PI));
    if (!this.cross) return;
    const [x, y] = [left + this.cross.x * scale, top + this.cross.y * scale];
    twice(() => {
      pen.moveTo(x - 16, y);
      pen.lineTo(x + 16, y);
      pen.moveTo(x, y - 16);
      pen.lineTo(x, y + 16);
    });
  }

  /** The whole picture, at most 2048 pixels a side, with the marks in its pixels: {blob, points}. */
  async whole() {
    const scale = Math.min(1, 2048 / Math.max(this.picture.width, this.picture.height));
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [this.picture.width, this.picture.height].map((side) => Math.max(1, Math.round(side * scale)));
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(this.picture, 0, 0, canvas.width, canvas.height);
    const points = this.points.map(({x, y}) => `${(x * canvas.width / this.picture.width).toFixed(2)},${(y * canvas.height / this.picture.height).toFixed(2)}`);
    return {blob: await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95)), points: points.join(',')};
  }
}
