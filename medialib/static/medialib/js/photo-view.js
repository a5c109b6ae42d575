// <photo-view>: a photo with the boxes of the labels that are on.
import { Detections } from "./detections.js";
import { Overlay } from "./overlay.js";

class PhotoView extends HTMLElement {
  connect(state) {
    const image = this.querySelector("img");
    this.state = state;
    this.overlay = new Overlay(this.querySelector("canvas.overlay"), {
      sizeOf: () => ({ width: image.naturalWidth, height: image.naturalHeight }),
    });
    this.detections = new Detections(state.detectionsUrl, { duration: 0, onArrival: () => this.draw() });
    this.overlay.onResize = () => this.draw();
    image.addEventListener("load", () => this.draw());
    state.addEventListener("change", () => this.draw());
    this.detections.want(0);
  }

  draw() {
    const lanes = new Map(this.state.lit.map((label) => [label.name, label.lane]));
    this.overlay.draw(this.detections.at(0), { lanes, threshold: this.state.threshold });
  }
}

customElements.define("photo-view", PhotoView);
