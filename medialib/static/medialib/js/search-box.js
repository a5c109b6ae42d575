// <search-box>: "/" focuses it from anywhere on the page.
import { isTyping } from "./typing.js";

class SearchBox extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=search]");
    this.onKey = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event)) return;
      event.preventDefault();
      this.input.focus();
      this.input.select();
    };
    document.addEventListener("keydown", this.onKey);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.onKey);
  }
}

customElements.define("search-box", SearchBox);
