// <moment-pictures>: the pictures of one asset's moments. Once they come into view the matched boxes
// are drawn on them; under the pointer or the focus a picture plays the storyboard of its moment.
import { make, makeSvg } from "./elements.js";

const TILE_MS = 280;
const FEWEST_TILES = 6;
// The shape of the place, and how far down a picture that is too tall for it is cut (lists.css).
const SHAPE = 16 / 9;
const FROM_TOP = 0.2;

const still = matchMedia("(prefers-reduced-motion: reduce)");
const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    inView.unobserve(target);
    target.drawBoxes();
  }
});

class MomentPictures extends HTMLElement {
  connectedCallback() {
    // A wall gives its pictures' box away, so the list's first picture stands for it.
    this.first = this.querySelector(".picture");
    if (this.dataset.boxes && this.first) {
      this.first.drawBoxes = () => this.#drawBoxes();
      inView.observe(this.first);
    }
    if (!this.dataset.sheet) return;
    for (const [start, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
      this.addEventListener(start, (event) => this.#enter(event.target.closest(".picture")));
      this.addEventListener(end, (event) => this.#leave(event.target.closest(".picture"), event.relatedTarget));
    }
  }

  disconnectedCallback() {
    if (this.first) inView.unobserve(this.first);
    this.#stop();
  }

  async #drawBoxes() {
    try {
      const answer = await fetch(this.dataset.boxes, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { width, height, boxes } = await answer.json();
      for (const picture of this.querySelectorAll(".picture")) {
        this.#draw(picture, boxes[picture.dataset.at] ?? [], { width, height });
      }
    } catch (error) {
      // Pictures do without boxes while the network is away.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  // The view is what the picture shows of itself, so boxes stay on what they are about.
  #draw(picture, boxes, { width, height }) {
    if (!boxes.length || !width || !height) return;
    const [w, h] = [Math.min(width, height * SHAPE), Math.min(height, width / SHAPE)];
    const view = [(width - w) / 2, (height - h) * FROM_TOP, w, h].map((side) => side.toFixed(2));
    const svg = makeSvg("svg", { class: "boxes", viewBox: view.join(" "), preserveAspectRatio: "none", "aria-hidden": "true" });
    for (const [left, top, wide, high, lane] of boxes) {
      const place = { x: left * width, y: top * height, width: wide * width, height: high * height };
      svg.append(makeSvg("rect", { ...place, class: "box-edge" }));
      svg.append(makeSvg("rect", { ...place, class: `lane-${lane}` }));
    }
    picture.querySelector(".thumb").append(svg);
  }

  #enter(picture) {
    if (!picture || picture === this.playing || still.matches) return;
    this.#stop();
    this.playing = picture;
    const [interval, columns, width, height, tiles] = this.dataset.tiles.split(" ").map(Number);
    const first = Math.min(tiles - 1, Math.floor(Number(picture.dataset.at) / interval));
    const last = Math.min(tiles - 1, Math.max(Math.floor(picture.dataset.end / interval), first + FEWEST_TILES - 1));
    const film = make("canvas", { class: "film", width, height });
    const sheet = this.#sheet();
    let tile = first;
    this.timer = setInterval(() => {
      if (!sheet.complete || !sheet.naturalWidth) return;
      const from = [(tile % columns) * width, Math.floor(tile / columns) * height, width, height];
      film.getContext("2d").drawImage(sheet, ...from, 0, 0, width, height);
      if (!film.isConnected) picture.querySelector(".thumb").append(film);
      tile = tile >= last ? first : tile + 1;
    }, TILE_MS);
    this.film = film;
  }

  #sheet() {
    if (!this.image) {
      this.image = new Image();
      this.image.src = this.dataset.sheet;
    }
    return this.image;
  }

  #leave(picture, to) {
    if (picture && picture === this.playing && !picture.contains(to)) this.#stop();
  }

  #stop() {
    clearInterval(this.timer);
    this.film?.remove();
    this.playing = null;
  }
}

customElements.define("moment-pictures", MomentPictures);
