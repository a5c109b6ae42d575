// <contact-sheet>: numbered frames with their boxes on one picture, of the moments that are on or at
// even distances; asked for in a dialog, made here frame by frame, handed over as a file.
import { make } from "./elements.js";
import { FrameReader } from "./frame-reader.js";
import { paintBoxes } from "./overlay.js";
import { hand } from "./save-picture.js";
import { clock } from "./times.js";

const MOST = 120;
const COLUMNS = 4;
const TILE = { width: 400, height: 225, gap: 12, words: 28 };
const HEAD = 72;
const FONT = "system-ui, sans-serif";

class ContactSheet extends HTMLElement {
  connect(state, { title, url, detections }) {
    Object.assign(this, { state, title, url, detections });
    this.dialog = this.querySelector("dialog");
    this.form = this.querySelector("form[data-sheet]");
    this.says = this.querySelector("[data-says]");
    this.bar = this.querySelector("progress");
    this.form.addEventListener("change", () => this.#show());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    this.dialog.addEventListener("close", () => {
      this.stopped = true;
    });
  }

  open() {
    this.bar.hidden = true;
    this.form.elements.of.value = this.state.hits.length ? "moments" : "5";
    this.#show();
    this.dialog.showModal();
  }

  // The pictures that are asked for: times with what is said below each.
  get #wanted() {
    const of = this.form.elements.of.value;
    if (of === "moments") return this.state.hits.map(({ start, label }) => ({ at: start, words: label }));
    const step = Number(of) * 1000;
    const count = Math.max(1, Math.ceil(this.state.duration / step));
    return Array.from({ length: count }, (_, number) => ({ at: number * step, words: "" }));
  }

  #show() {
    const count = this.#wanted.length;
    this.form.elements.make.disabled = count === 0;
    const fewer = count > MOST ? `, of which the first ${MOST} are taken` : "";
    this.says.textContent = `${count} picture${count === 1 ? "" : "s"}${fewer}.`;
  }

  async #make() {
    const wanted = this.#wanted.slice(0, MOST);
    const { make: button } = this.form.elements;
    this.stopped = false;
    button.disabled = true;
    this.bar.hidden = false;
    const reader = new FrameReader(this.url);
    try {
      const sheet = this.#paper(wanted.length);
      for (const [number, one] of wanted.entries()) {
        this.bar.value = number / wanted.length;
        this.says.textContent = `Picture ${number + 1} of ${wanted.length}…`;
        await this.#paint(sheet, { ...one, number, frame: await reader.at(one.at) });
        if (this.stopped) return;
      }
      sheet.canvas.toBlob((blob) => hand(blob, `${this.title} contact sheet.jpg`), "image/jpeg", 0.9);
      this.dialog.close();
    } catch (error) {
      this.says.textContent = `${error.message} Is the network away? Try again.`;
    } finally {
      reader.close();
      button.disabled = false;
      this.bar.hidden = true;
    }
  }

  #paper(count) {
    const columns = Math.min(COLUMNS, Math.max(2, count));
    const rows = Math.ceil(count / columns);
    const width = columns * (TILE.width + TILE.gap) + TILE.gap;
    const height = HEAD + rows * (TILE.height + TILE.words + TILE.gap);
    const pen = make("canvas", { width, height }).getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = "#16181c";
    pen.font = `600 22px ${FONT}`;
    pen.fillText(this.title, TILE.gap, 32, width - 2 * TILE.gap);
    pen.font = `14px ${FONT}`;
    pen.fillText(this.#under(count), TILE.gap, 56, width - 2 * TILE.gap);
    return Object.assign(pen, { columns });
  }

  #under(count) {
    const names = this.state.lit.map((label) => label.name).join(", ");
    return `${clock(this.state.duration)} · ${count} picture${count === 1 ? "" : "s"}${names && ` · ${names}`}`;
  }

  async #paint(pen, { at, words, number, frame }) {
    const [column, row] = [number % pen.columns, Math.floor(number / pen.columns)];
    const x = TILE.gap + column * (TILE.width + TILE.gap);
    const y = HEAD + row * (TILE.height + TILE.words + TILE.gap);
    const scale = Math.min(TILE.width / frame.videoWidth, TILE.height / frame.videoHeight);
    const [w, h] = [frame.videoWidth * scale, frame.videoHeight * scale];
    const content = { x: (TILE.width - w) / 2, y: (TILE.height - h) / 2, w, h };
    await this.detections.arrive(at);
    pen.save();
    pen.translate(x, y);
    pen.fillStyle = "#16181c";
    pen.fillRect(0, 0, TILE.width, TILE.height);
    pen.drawImage(frame, content.x, content.y, w, h);
    const { lanes, threshold } = this.state;
    paintBoxes(pen, this.detections.at(at), { width: TILE.width, content, lanes, threshold });
    pen.fillStyle = "#16181c";
    pen.font = `600 14px ${FONT}`;
    pen.fillText(`${number + 1}`, 0, TILE.height + 19);
    pen.font = `14px ${FONT}`;
    pen.fillText(`${clock(at)}${words && ` · ${words}`}`, 32, TILE.height + 19, TILE.width - 32);
    pen.restore();
  }
}

customElements.define("contact-sheet", ContactSheet);
