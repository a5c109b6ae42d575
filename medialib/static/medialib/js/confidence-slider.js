// <confidence-slider>: how sure is sure enough; says how much would remain before it is let go.

const PAUSE_MS = 150;

class ConfidenceSlider extends HTMLElement {
  connectedCallback() {
    this.range = this.querySelector("input");
    this.says = this.querySelector("output");
    this.select = this.closest("form").querySelector("select[name=min_confidence]");
    this.range.addEventListener("input", () => this.#moved());
    this.range.addEventListener("change", () => this.#letGo());
    this.#name();
  }

  #name() {
    const { text } = this.select.options[this.range.value];
    this.range.setAttribute("aria-valuetext", text);
    return text;
  }

  #moved() {
    this.says.textContent = this.#name();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#count(), PAUSE_MS);
  }

  async #count() {
    this.stop?.abort();
    this.stop = new AbortController();
    const asked = new URLSearchParams(new FormData(this.closest("form")));
    for (const name of ["sort", "view"]) asked.delete(name);
    asked.set("min_confidence", this.select.options[this.range.value].value);
    asked.set("page_size", "1");
    asked.set("facets", "false");
    const options = { headers: { Accept: "application/json" }, signal: this.stop.signal };
    try {
      const answer = await fetch(`${this.dataset.api}?${asked}`, options);
      if (!answer.ok) return;
      const { total } = await answer.json();
      const count = total.assets.toLocaleString("en");
      this.says.textContent = `${this.#name()}: ${total.exact ? "" : "more than "}${count} left`;
    } catch (error) {
      // The search itself says so when the network is away.
      if (!(error instanceof TypeError) && error.name !== "AbortError") throw error;
    }
  }

  #letGo() {
    if (this.select.selectedIndex === Number(this.range.value)) return;
    this.select.selectedIndex = Number(this.range.value);
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

customElements.define("confidence-slider", ConfidenceSlider);
