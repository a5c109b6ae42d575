// <live-part>: a part of a page that looks again now and then: soon while much is going on, seldom
// while nothing is, never while the page is hidden, and more slowly while the network is away.

const BUSY_MS = 3_000;
const IDLE_MS = 15_000;
const AWAY_MS = 30_000;

class LivePart extends HTMLElement {
  connectedCallback() {
    this.away = document.querySelector(`[data-away-for="${this.id}"]`);
    this.addEventListener("htmx:afterRequest", (event) => {
      this.away.hidden = event.detail.successful;
      this.#wait(event.detail.successful);
    });
    this.away.querySelector("button").addEventListener("click", () => this.#look());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#look();
    });
    this.#wait(true);
  }

  #wait(answered) {
    const busy = this.querySelector("[data-busy=true]");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#look(), answered ? (busy ? BUSY_MS : IDLE_MS) : AWAY_MS);
  }

  #look() {
    if (document.hidden) return;
    this.#wait(false);
    this.dispatchEvent(new Event("look"));
  }
}

customElements.define("live-part", LivePart);
