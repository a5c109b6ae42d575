// <time-strip>: the whole video as a strip; a click opens the video there. The pictures above it
// are the same moments for the keyboard.
import { clock, seconds } from "./times.js";

class TimeStrip extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const [page] = this.dataset.page.split("#");
      window.location.assign(`${page}#t=${seconds(this.#timeAt(event))}`);
    });
    this.addEventListener("pointermove", (event) => {
      this.title = `Open at ${clock(this.#timeAt(event))}`;
    });
  }

  #timeAt(event) {
    const box = this.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    return Math.round(share * Number(this.dataset.duration));
  }
}

customElements.define("time-strip", TimeStrip);
