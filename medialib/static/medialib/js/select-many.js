// <select-many>: a bar for what is selected. Shift selects a whole range, Ctrl+A all, Esc none;
// boxes are plain checkboxes, so that Tab and the space bar select as well.

class SelectMany extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.count = this.querySelector("[data-count]");
    document.addEventListener("click", (event) => {
      if (event.target.matches?.(".pick input")) this.#picked(event.target, event.shiftKey);
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    this.querySelector("[data-none]").addEventListener("click", () => this.#all(false));
    // A browser may bring selected boxes back with the page.
    this.#show();
  }

  get boxes() {
    return [...document.querySelectorAll(".pick input")];
  }

  #picked(box, range) {
    const boxes = this.boxes;
    const [from, to] = [boxes.indexOf(this.last), boxes.indexOf(box)].sort((a, b) => a - b);
    if (range && from >= 0) for (const other of boxes.slice(from, to + 1)) other.checked = box.checked;
    this.last = box;
    this.#show();
  }

  #key(event) {
    const among = event.target.matches?.(".pick input");
    if (event.key === "Escape" && (among || this.contains(event.target))) this.#all(false);
    if (event.key === "a" && (event.ctrlKey || event.metaKey) && among) {
      event.preventDefault();
      this.#all(true);
    }
  }

  #all(checked) {
    for (const box of this.boxes) box.checked = checked;
    this.#show();
  }

  #show() {
    const count = this.boxes.filter((box) => box.checked).length;
    this.toggleAttribute("data-some", count > 0);
    this.count.textContent = `${count} selected`;
  }
}

customElements.define("select-many", SelectMany);
