// <live-state>: asks now and then how far an asset is, says so, and offers the page when it is done.
import { describe, isEnded, watch } from "./status.js";

class LiveState extends HTMLElement {
  connectedCallback() {
    if (this.dataset.running !== "true") return;
    watch(this.dataset.url, (asset) => this.#show(asset.status));
  }

  #show(status) {
    const words = describe(status);
    const word = this.querySelector(".state-word");
    word.textContent = words.word;
    word.hidden = !isEnded(status);
    this.querySelector("[data-sentence]").textContent = words.sentence;
    const bar = this.querySelector("progress");
    if (bar) bar.value = status.progress ?? 0;
    if (!isEnded(status)) return;
    if (bar) bar.hidden = true;
    const link = this.querySelector("[data-reload]");
    link.href = window.location.href;
    link.textContent = status.state === "searchable" ? "Show the labels" : "Reload";
    link.addEventListener("click", () => window.location.reload());
    link.hidden = false;
  }
}

customElements.define("live-state", LiveState);
