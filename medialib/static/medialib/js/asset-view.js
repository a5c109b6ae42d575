// <asset-view>: brings the parts of the asset page together: player, lanes, moments, keys, address.
import { AssetState } from "./asset-state.js";
import { toast } from "./elements.js";
import { bindKeys } from "./player-keys.js";
import { clock, fragmentStart, seconds } from "./times.js";
import "./contact-sheet.js";
import "./live-state.js";
import "./media-player.js";
import "./moment-list.js";
import "./photo-view.js";
import "./time-bar.js";

// How far behind a moment's start the playhead still counts as standing on it.
const ON_HIT_MS = 400;

class AssetView extends HTMLElement {
  connectedCallback() {
    this.state = new AssetState(JSON.parse(document.getElementById("asset-data").textContent));
    this.player = this.querySelector("media-player");
    this.bar = this.querySelector("time-bar");
    this.list = this.querySelector("moment-list");
    this.list?.connect(this.state);
    this.querySelector("photo-view")?.connect(this.state);
    this.state.addEventListener("change", () => this.#changed());
    this.querySelector("[data-do=link]")?.addEventListener("click", () => this.#copyLink());
    if (this.player) this.#bindPlayer();
  }

  #bindPlayer() {
    this.player.connect(this.state);
    this.bar.connect(this.state);
    this.sheet = document.querySelector("contact-sheet");
    this.sheet.connect(this.state, this.player.source(this.title));
    this.hits = this.state.hits;
    this.player.addEventListener("player-time", (event) => this.#moved(event.detail));
    for (const part of [this.bar, this.list]) {
      part.addEventListener("jump", (event) => this.jump(event.detail));
    }
    this.player.addEventListener("click", (event) => {
      const action = event.target.closest("[data-do]")?.dataset.do;
      if (action && action !== "link") this.act(action);
    });
    window.addEventListener("hashchange", () => this.#openAtFragment());
    bindKeys(this);
    this.#openAtFragment();
    this.#showHits(this.player.now);
  }

  get title() {
    return this.querySelector("h1").textContent;
  }

  act(action) {
    const actions = {
      toggle: () => this.player.toggle(),
      previous: () => this.#hop(-1),
      next: () => this.#hop(1),
      boxes: () => this.player.toggleBoxes(),
      save: () => this.player.save(this.title),
      sheet: () => this.sheet.open(),
      link: () => this.#copyLink(),
      help: () => document.getElementById("keys").showModal(),
      fullscreen: () => this.player.toggleFullscreen(),
    };
    actions[action]();
  }

  // A moment that is jumped to goes into the address, so that it can be passed on.
  jump({ start, end }) {
    this.player.seek(start);
    if (end !== undefined) {
      history.replaceState(history.state, "", `#t=${seconds(start)},${seconds(end)}`);
    }
  }

  #openAtFragment() {
    const start = fragmentStart(window.location.hash);
    if (start !== null) this.player.seek(start);
  }

  #moved(ms) {
    this.bar.show(ms);
    this.list.follow(ms, { playing: this.player.playing });
    this.#showHits(ms);
  }

  #changed() {
    if (!this.player) return;
    this.hits = this.state.hits;
    this.#showHits(this.player.now);
  }

  // The hit that the playhead stands on or has passed last.
  #hitAt(ms) {
    return this.hits.findLastIndex((hit) => hit.start <= ms + this.state.frame);
  }

  #showHits(ms) {
    const number = this.#hitAt(ms) + 1;
    const text = this.hits.length ? `${number || "–"} of ${this.hits.length}` : "no moments";
    if (text !== this.hitsText) this.player.showHits(text);
    this.hitsText = text;
  }

  #hop(direction) {
    const at = this.player.now;
    const hit =
      direction > 0
        ? this.hits.find((other) => other.start > at + this.state.frame)
        : this.hits.findLast((other) => other.start < at - ON_HIT_MS);
    if (hit) this.jump(hit);
    else toast(direction > 0 ? "This was the last moment." : "This was the first moment.");
  }

  // A photo's link is its address; a video's leads to where it stands.
  async #copyLink() {
    const at = this.player && this.player.now;
    if (this.player) history.replaceState(history.state, "", `#t=${seconds(at)}`);
    const place = this.player ? clock(at) : "this photo";
    try {
      await navigator.clipboard.writeText(window.location.href);
      toast(`Link to ${place} copied. It opens for ${this.state.seenBy}.`);
    } catch {
      // Browsers give the clipboard to secure pages only.
      toast(`The address above now points to ${place}: copy it from there.`);
    }
  }
}

customElements.define("asset-view", AssetView);
