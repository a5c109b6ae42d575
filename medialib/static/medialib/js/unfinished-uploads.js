// <unfinished-uploads>: says which large files were begun and not finished, and lets them go.
import { make } from "./elements.js";
import { size } from "./sizes.js";

class UnfinishedUploads extends HTMLElement {
  async connectedCallback() {
    this.token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const answer = await fetch(this.dataset.api, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const { results } = await answer.json();
    if (!results.length) return;
    this.append(make("ul", { class: "notices", "aria-label": "Unfinished uploads" }, ...results.map((row) => this.#row(row))));
  }

  #row(upload) {
    const share = Math.floor((upload.arrived_bytes / upload.size) * 100);
    const name = make("b", {}, make("bdi", {}, upload.filename));
    const words = make("p", { class: "grow" }, name, ` · ${share} % of ${size(upload.size)} is here. Choose the same file again to go on.`);
    const button = make("button", { class: "button", type: "button" }, "Discard");
    const row = make("li", { class: "notice notice-warn" }, words, button);
    button.addEventListener("click", async () => {
      button.disabled = true;
      const headers = { "X-CSRFToken": this.token };
      const answer = await fetch(`${this.dataset.api}${upload.id}/`, { method: "DELETE", headers }).catch(() => null);
      if (answer?.ok || answer?.status === 404) row.remove();
      else button.disabled = false;
    });
    return row;
  }
}

customElements.define("unfinished-uploads", UnfinishedUploads);
