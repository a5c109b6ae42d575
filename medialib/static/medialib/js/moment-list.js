// <moment-list>: labels to switch on and off, moments that jump, follow-along, threshold, tabs.
import { toast } from "./elements.js";
import { seconds } from "./times.js";

class MomentList extends HTMLElement {
  connect(state) {
    this.state = state;
    this.scroll = this.querySelector("[data-scroll]");
    this.spans = [...this.querySelectorAll(".span")].map((element) => ({
      element,
      start: Number(element.dataset.start),
      end: Number(element.dataset.end),
      confidence: Number(element.dataset.confidence),
    }));
    this.lit = new Set();
    this.#bindJumps();
    this.#bindLabels();
    this.#bindThreshold();
    this.#bindFilter();
    this.#bindTabs();
    state.addEventListener("change", () => this.#showState());
  }

  // Without modules these links open the bare video; with them they are addresses of this page.
  #bindJumps() {
    for (const { element, start, end } of this.spans) {
      element.href = `#t=${seconds(start)},${seconds(end)}`;
    }
    this.addEventListener("click", (event) => {
      const link = event.target.closest(".span");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const [start, end] = [Number(link.dataset.start), Number(link.dataset.end)];
      // Who goes to a moment wants to see what it is about.
      const { label } = link.closest("[data-label]").dataset;
      if (!this.state.labels.get(label).lane) this.state.toggle(label);
      this.dispatchEvent(new CustomEvent("jump", { detail: { start, end } }));
    });
  }

  #bindLabels() {
    this.addEventListener("click", (event) => {
      const button = event.target.closest(".label-toggle");
      if (!button) return;
      const name = button.closest("[data-label]").dataset.label;
      if (!this.state.toggle(name)) toast("Eight labels are on; switch one off first.");
    });
  }

  #bindThreshold() {
    const field = this.querySelector("[data-threshold]");
    if (!field) return;
    const select = field.querySelector("select");
    select.addEventListener("change", () => this.state.setThreshold(Number(select.value)));
  }

  #bindFilter() {
    this.wanted = "";
    this.querySelector("[data-filter]")?.addEventListener("input", (event) => {
      this.wanted = event.target.value.trim().toLowerCase();
      this.#showState();
    });
  }

  #bindTabs() {
    const list = this.querySelector("[data-tabs]");
    if (!list) return;
    const tabs = [...list.querySelectorAll("[role=tab]")];
    for (const tab of tabs) {
      document.getElementById(tab.dataset.tab).setAttribute("role", "tabpanel");
      tab.addEventListener("click", () => this.#choose(tab, tabs));
    }
    list.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      event.stopPropagation();
      const other = tabs.find((tab) => tab.getAttribute("aria-selected") === "false");
      this.#choose(other, tabs);
      other.focus();
    });
  }

  #choose(chosen, tabs) {
    for (const tab of tabs) {
      const selected = tab === chosen;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(tab.dataset.tab).hidden = !selected;
    }
    this.scroll.scrollTop = 0;
  }

  #showState() {
    for (const row of this.querySelectorAll("[data-label]")) {
      const label = this.state.labels.get(row.dataset.label);
      row.className = row.className.replace(/lane-\d/, `lane-${label.lane}`);
      row.querySelector(".label-toggle")?.setAttribute("aria-pressed", String(label.lane > 0));
      const best = Math.max(...label.moments.map(([, , confidence]) => confidence));
      row.classList.toggle("below", best < this.state.threshold);
      row.hidden = !row.dataset.label.toLowerCase().includes(this.wanted);
    }
    for (const { element, confidence } of this.spans) {
      element.classList.toggle("below", confidence < this.state.threshold);
    }
  }

  follow(ms, { playing }) {
    const now = this.spans.filter(({ start, end }) => start <= ms && ms < end).map(({ element }) => element);
    const next = new Set(now);
    for (const element of this.lit) if (!next.has(element)) element.classList.remove("now");
    const fresh = now.filter((element) => !this.lit.has(element));
    for (const element of fresh) element.classList.add("now");
    this.lit = next;
    const row = fresh.find((element) => element.matches(".time-row"));
    // The list follows the video only while it plays and nobody is at the list.
    if (playing && row && !this.matches(":hover, :focus-within")) this.#reveal(row);
  }

  #reveal(row) {
    if (!row.offsetParent) return;
    const view = this.scroll.getBoundingClientRect();
    const at = row.getBoundingClientRect();
    if (at.top < view.top || at.bottom > view.bottom) this.scroll.scrollTop += at.top - view.top - 80;
  }
}

customElements.define("moment-list", MomentList);
