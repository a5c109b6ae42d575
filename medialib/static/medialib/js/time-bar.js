// <time-bar>: the scrubber, one lane for each label that is on, the playhead, the preview on hover.
import { make, makeSvg } from "./elements.js";
import { clock } from "./times.js";

// Half the scrubber's thumb: where its track, and so every lane, begins and ends.
const INSET = 7;

class TimeBar extends HTMLElement {
  connect(state) {
    this.state = state;
    this.scrub = this.querySelector(".scrub");
    this.list = this.querySelector("[data-lanes]");
    this.head = this.querySelector("[data-playhead]");
    this.head.hidden = false;
    this.now = 0;
    this.scrub.addEventListener("input", () => this.#jump(Number(this.scrub.value)));
    this.list.addEventListener("click", (event) => {
      if (event.target.closest(".lane")) this.#jump(this.#timeAt(event.clientX));
    });
    state.addEventListener("change", () => this.#drawLanes());
    new ResizeObserver(() => {
      this.axis = null;
      this.show(this.now);
    }).observe(this);
    if (state.storyboard) this.#preparePreview();
    this.show(0);
  }

  show(ms) {
    this.now = ms;
    const left = this.#left(ms);
    this.scrub.value = String(ms);
    this.scrub.setAttribute("aria-valuetext", `${clock(ms)} of ${clock(this.state.duration)}`);
    this.head.style.transform = `translateX(${left}px)`;
  }

  // Where times lie, in px from this bar's left edge; read once, as every frame asks.
  #axis() {
    if (!this.axis) {
      const track = this.scrub.getBoundingClientRect();
      const start = track.left + INSET - this.getBoundingClientRect().left;
      this.axis = { start, width: Math.max(1, track.width - 2 * INSET) };
    }
    return this.axis;
  }

  #left(ms) {
    const { start, width } = this.#axis();
    return start + (width * ms) / Math.max(1, this.state.duration);
  }

  #timeAt(clientX) {
    const { start, width } = this.#axis();
    const x = clientX - this.getBoundingClientRect().left;
    const share = Math.min(1, Math.max(0, (x - start) / width));
    return Math.round(share * this.state.duration);
  }

  #jump(ms) {
    this.dispatchEvent(new CustomEvent("jump", { detail: { start: ms } }));
  }

  #drawLanes() {
    this.list.replaceChildren(...this.state.lit.map((label) => this.#lane(label)));
    this.show(this.now);
  }

  #lane(label) {
    const span = Math.max(1, this.state.duration);
    const lane = makeSvg("svg", {
      class: "lane", viewBox: `0 0 ${span} 1`, preserveAspectRatio: "none", "aria-hidden": "true",
    });
    for (const [start, end, confidence] of label.moments) {
      const rect = makeSvg("rect", { x: start, y: 0, width: end - start, height: 1 });
      if (confidence < this.state.threshold) rect.setAttribute("class", "below");
      lane.append(rect);
    }
    const name = make("span", { class: "lane-name", title: label.name }, label.name);
    return make("li", { class: `lane-row lane-${label.lane}` }, name, lane);
  }

  #preparePreview() {
    this.preview = this.querySelector("[data-preview]");
    const onMove = (event) => {
      const { start, width } = this.#axis();
      const x = event.clientX - this.getBoundingClientRect().left;
      const inside = x >= start && x <= start + width;
      this.preview.hidden = !inside || event.pointerType === "touch";
      if (!this.preview.hidden) this.#showPreview(this.#timeAt(event.clientX));
    };
    this.addEventListener("pointermove", onMove);
    this.addEventListener("pointerleave", () => {
      this.preview.hidden = true;
    });
  }

  #sheet() {
    if (!this.image) {
      this.image = new Image();
      this.image.src = this.state.storyboard.url;
    }
    return this.image;
  }

  #showPreview(ms) {
    const { interval_ms, columns, tile_width, tile_height, tiles } = this.state.storyboard;
    const tile = Math.min(tiles - 1, Math.floor(ms / interval_ms));
    const canvas = this.preview.querySelector("canvas");
    const sheet = this.#sheet();
    if (canvas.width !== tile_width || canvas.height !== tile_height) {
      canvas.width = tile_width;
      canvas.height = tile_height;
    }
    if (sheet.complete && sheet.naturalWidth) {
      const [x, y] = [(tile % columns) * tile_width, Math.floor(tile / columns) * tile_height];
      const size = [tile_width, tile_height];
      canvas.getContext("2d").drawImage(sheet, x, y, ...size, 0, 0, ...size);
    }
    this.preview.querySelector("span").textContent = clock(ms);
    const half = this.preview.offsetWidth / 2;
    const left = Math.min(this.clientWidth - half, Math.max(half, this.#left(ms)));
    this.preview.style.left = `${left - half}px`;
  }
}

customElements.define("time-bar", TimeBar);
