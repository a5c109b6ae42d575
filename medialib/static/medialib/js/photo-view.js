// <photo-view>: a photo with the boxes of the labels that are on; closer by button, key or wheel.
import { Detections } from "./detections.js";
import { Overlay } from "./overlay.js";
import { savePicture } from "./save-picture.js";
import { isTyping } from "./typing.js";

const ZOOMS = [1, 2, 4];

class PhotoView extends HTMLElement {
  connect(state) {
    const image = this.querySelector("img");
    this.image = image;
    this.state = state;
    this.overlay = new Overlay(this.querySelector("canvas.overlay"), {
      sizeOf: () => ({ width: image.naturalWidth, height: image.naturalHeight }),
    });
    this.detections = new Detections(state.detectionsUrl, { duration: 0, onArrival: () => this.draw() });
    this.overlay.onResize = () => this.draw();
    image.addEventListener("load", () => this.draw());
    state.addEventListener("change", () => this.draw());
    this.detections.want(0);
    this.#bindZoom();
    this.querySelector("[data-save]").addEventListener("click", () => this.#save());
  }

  draw() {
    const { lanes, threshold } = this.state;
    this.overlay.draw(this.detections.at(0), { lanes, threshold });
  }

  #save() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const { lanes, threshold } = this.state;
    const what = { width, height, detections: this.detections.at(0), lanes, threshold, name: this.image.alt };
    if (savePicture(this.image, what)) return;
    // These bytes come by way of us, not of the bucket.
    const copy = new Image();
    copy.addEventListener("load", () => savePicture(copy, what));
    copy.src = `${this.image.getAttribute("src")}?here=1`;
  }

  #bindZoom() {
    this.step = 0;
    this.stage = this.querySelector("[data-stage]");
    for (const button of this.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.#zoom(this.step + Number(button.dataset.zoom)));
    }
    document.addEventListener("keydown", (event) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") this.#zoom(this.step + 1);
      if (event.key === "-") this.#zoom(this.step - 1);
    });
    this.stage.addEventListener("dblclick", (event) => this.#zoom(this.step ? 0 : 1, event));
    this.stage.addEventListener("pointermove", (event) => {
      if (!this.step || !event.buttons || event.pointerType === "touch") return;
      this.stage.scrollBy(-event.movementX, -event.movementY);
    });
    this.image.draggable = false;
  }

  // Zooms around the middle of what is seen, or around where it was asked for.
  #zoom(step, at) {
    const wanted = Math.min(ZOOMS.length - 1, Math.max(0, step));
    if (wanted === this.step) return;
    const stage = this.stage;
    const box = stage.getBoundingClientRect();
    const [x, y] = at ? [at.clientX - box.left, at.clientY - box.top] : [box.width / 2, box.height / 2];
    const by = ZOOMS[wanted] / ZOOMS[this.step];
    const [left, top] = [(stage.scrollLeft + x) * by - x, (stage.scrollTop + y) * by - y];
    this.step = wanted;
    stage.classList.toggle("stage-zoomed", wanted > 0);
    // Who zooms by keyboard also moves by keyboard.
    if (wanted) stage.tabIndex = 0;
    else stage.removeAttribute("tabindex");
    this.querySelector("[data-zoomable]").className = `zoomable zoom-${ZOOMS[wanted]}`;
    this.querySelector("[data-zoom-says]").textContent = `${ZOOMS[wanted]}×`;
    this.querySelector("[data-zoom='-1']").disabled = wanted === 0;
    this.querySelector("[data-zoom='1']").disabled = wanted === ZOOMS.length - 1;
    stage.scrollTo(left, top);
  }
}

customElements.define("photo-view", PhotoView);
