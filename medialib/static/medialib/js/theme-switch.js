// <theme-switch>: as the system says, light, dark; kept in this browser.
import { icon } from "./elements.js";

const ORDER = ["system", "light", "dark"];
const WORDS = { system: "as the system", light: "light", dark: "dark" };

function stored() {
  try {
    return localStorage.getItem("theme") ?? "system";
  } catch {
    return "system";
  }
}

function apply(choice) {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  try {
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    // The choice holds for this page only where nothing may be stored.
  }
}

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "theme-button";
    this.button.append(icon("theme"), document.createElement("span"));
    this.button.addEventListener("click", () => {
      apply(ORDER[(ORDER.indexOf(stored()) + 1) % ORDER.length]);
      this.describe();
    });
    this.replaceChildren(this.button);
    this.describe();
  }

  describe() {
    const words = `Colours: ${WORDS[stored()] ?? WORDS.system}`;
    this.button.lastChild.textContent = words;
    this.button.title = words;
  }
}

customElements.define("theme-switch", ThemeSwitch);
