// <theme-switch>: as the system says, light, dark; kept in this browser.

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

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${new URL("../icons.svg", import.meta.url).pathname}#${name}`);
  svg.append(use);
  return svg;
}

customElements.define("theme-switch", ThemeSwitch);
