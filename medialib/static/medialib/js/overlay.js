// Draws boxes over a picture, letterbox-true: ratios are of the picture, not of its element.

const COLOURS = ["", "#4fa8e8", "#f28b3c", "#2fc499", "#e39ac4", "#e0c83f", "#9fd6f7", "#b3a0e8", "#d0d0d0"];

export class Overlay {
  constructor(canvas, { sizeOf }) {
    this.canvas = canvas;
    this.sizeOf = sizeOf;
    this.context = canvas.getContext("2d");
    this.onResize = () => {};
    new ResizeObserver(() => {
      this.#fit();
      this.onResize();
    }).observe(canvas);
    this.#fit();
  }

  #fit() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.count = 0;
  }

  #content() {
    const { width, height } = this.sizeOf();
    if (!width || !height) return null;
    const scale = Math.min(this.width / width, this.height / height);
    const [w, h] = [width * scale, height * scale];
    return { x: (this.width - w) / 2, y: (this.height - h) / 2, w, h };
  }

  clear() {
    // What is empty stays untouched: else the browser puts the whole picture together anew.
    if (this.count) this.context.clearRect(0, 0, this.width, this.height);
    this.#tell(0);
  }

  // For tests and the curious: how many boxes are on the picture now.
  #tell(count) {
    this.count = count;
    this.canvas.dataset.boxes = String(count);
  }

  // detections: [{label, boxes}], lanes: label → lane number.
  draw(detections, { lanes, threshold }) {
    this.clear();
    const content = this.#content();
    if (!content) return;
    const { width } = this;
    this.#tell(paintBoxes(this.context, detections, { width, content, lanes, threshold }));
  }
}

// Paints boxes with their names; `content` is where the picture lies. Gives how many there are.
export function paintBoxes(pen, detections, { width, content, lanes, threshold }) {
  const tags = [];
  let count = 0;
  for (const { label, boxes } of detections) {
    const lane = lanes.get(label);
    if (!lane) continue;
    for (const box of boxes) {
      if (box.confidence < threshold) continue;
      const place = {
        x: content.x + box.left * content.w, y: content.y + box.top * content.h,
        w: box.width * content.w, h: box.height * content.h,
      };
      paintBox(pen, place, COLOURS[lane]);
      const text = `${label} ${Math.round(box.confidence)} %`;
      paintTag(pen, text, { ...place, colour: COLOURS[lane], width, tags });
      count += 1;
    }
  }
  return count;
}

function paintBox(pen, { x, y, w, h }, colour) {
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(0 0 0 / 0.55)";
  pen.lineWidth = 4;
  pen.strokeRect(x, y, w, h);
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.strokeRect(x, y, w, h);
}

function paintTag(pen, text, { x, y, colour, width: room, tags }) {
  pen.font = "600 12px system-ui, sans-serif";
  const width = pen.measureText(text).width + 10;
  const left = Math.min(Math.max(0, x - 1), Math.max(0, room - width));
  const top = y >= 19 ? y - 19 : y + 1;
  // Words over words help nobody: where there is no room the box stands alone.
  const covers = (tag) => left < tag.right && left + width > tag.left && Math.abs(top - tag.top) < 18;
  if (tags.some(covers)) return;
  tags.push({ left, right: left + width, top });
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(left, top, width, 18, 3);
  pen.fill();
  pen.fillStyle = "#101214";
  pen.fillText(text, left + 5, top + 13);
}
