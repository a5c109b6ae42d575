// <search-box>: "/" focuses it from anywhere on the page; labels and fields are suggested as one types.
import { make } from "./elements.js";
import { isTyping } from "./typing.js";

const PAUSE_MS = 120;
const MOST = 8;
// Where the piece that is being typed begins: behind an operator, a bracket or a comma.
const PIECE = /(?<=^|[\s(,-])(?:and|or|not|then|with|without)\s+|[(,]|(?<=^|\s)-/gi;

class SearchBox extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=search]");
    this.list = this.querySelector("[role=listbox]");
    this.fields = this.dataset.fields.split("|");
    this.known = new Map();
    this.active = -1;
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id,
    })) this.input.setAttribute(name, value);
    this.onKey = (event) => this.#slash(event);
    document.addEventListener("keydown", this.onKey);
    this.input.addEventListener("input", () => this.#typed());
    // Who clicks into the empty field may not know what there is to look for.
    this.input.addEventListener("click", () => this.input.value || this.#suggest({ all: true }));
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => this.#close());
    // The field keeps the focus while an option is pressed.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#take(option);
    });
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.onKey);
  }

  #slash(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event)) return;
    event.preventDefault();
    this.input.focus();
    this.input.select();
  }

  #typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#suggest(), PAUSE_MS);
  }

  // The piece under the caret, at the end of what is typed: [where it begins, its text].
  #piece() {
    const text = this.input.value;
    const places = [...text.matchAll(PIECE)].map((found) => found.index + found[0].length);
    const start = places.at(-1) ?? 0;
    return [start, text.slice(start).trimStart()];
  }

  async #suggest({ all = false } = {}) {
    const [, piece] = this.#piece();
    const atEnd = this.input.selectionStart === this.input.value.length;
    if (!atEnd || (!piece && !all) || piece.includes(":")) return this.#close();
    let labels = await this.#labels(piece);
    const last = piece.split(/\s+/).at(-1);
    if (labels?.length === 0 && last !== piece) labels = await this.#labels(last);
    // Asking on would stop whoever asks now.
    if (!labels) return undefined;
    if (this.#piece()[1] !== piece || document.activeElement !== this.input) return undefined;
    const fields = last ? this.fields.filter((field) => field.startsWith(last.toLowerCase())) : [];
    return this.#show(labels, fields, labels.length && this.known.get(piece)?.length ? piece : last);
  }

  // Nothing where somebody has asked for something else meanwhile.
  async #labels(prefix) {
    const key = prefix.toLowerCase();
    if (this.known.has(key)) return this.known.get(key);
    this.stop?.abort();
    this.stop = new AbortController();
    const asked = new URLSearchParams({ prefix: key, limit: MOST });
    const options = { headers: { Accept: "application/json" }, signal: this.stop.signal };
    try {
      const answer = await fetch(`${this.dataset.labels}?${asked}`, options);
      if (!answer.ok) return [];
      const found = (await answer.json()).results;
      this.known.set(key, found);
      return found;
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      // Without the network one types on without help.
      if (!(error instanceof TypeError)) throw error;
      return [];
    }
  }

  #show(labels, fields, typed) {
    const options = [
      ...labels.map(({ label, count }) => this.#option(label, count.toLocaleString("en"), { label })),
      ...fields.map((field) => this.#option(field.split(":")[0] + ":", `for instance ${field}`, { field })),
    ];
    this.typed = typed;
    for (const [place, option] of options.entries()) option.id = `suggestion-${place}`;
    this.list.replaceChildren(...options);
    this.list.hidden = !options.length;
    this.input.setAttribute("aria-expanded", String(options.length > 0));
    this.#activate(-1);
  }

  #option(name, note, data) {
    const option = make("li", { class: "suggestion", role: "option", "aria-selected": "false" });
    option.append(make("span", {}, name), make("span", { class: "quiet small" }, note));
    Object.assign(option.dataset, data);
    return option;
  }

  // Up and down go round, with the typed text itself as one stop.
  #move(by) {
    const stops = this.list.children.length + 1;
    this.#activate(((this.active + 1 + by + stops) % stops) - 1);
  }

  #activate(place) {
    const options = [...this.list.children];
    this.active = place;
    for (const [number, option] of options.entries()) {
      option.setAttribute("aria-selected", String(number === this.active));
    }
    const chosen = options[this.active];
    if (chosen) {
      this.input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.key === "ArrowDown" && this.list.hidden) {
      event.preventDefault();
      this.#suggest({ all: true });
    } else if (this.list.hidden) {
      return;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.#move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.#close();
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.#take(this.list.children[this.active]);
    }
  }

  // A label ends the search that is typed and starts it; a field waits for its value.
  #take(option) {
    const text = this.input.value;
    const before = this.typed ? text.slice(0, text.length - this.typed.length) : text;
    const { label, field } = option.dataset;
    this.input.value = before + (label ?? field.split(":")[0] + ":");
    this.#close();
    if (label) this.input.form.requestSubmit();
  }

  #close() {
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.list.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
    this.#activate(-1);
  }
}

customElements.define("search-box", SearchBox);
