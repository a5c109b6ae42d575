// <admin-upload>: sends the file of the admin's form as the upload page does, then opens the asset.
import { UploadRow } from "./upload-row.js";

const FIELDS = { title: "title", description: "description", words: "keywords", visibility: "visibility" };

class AdminUpload extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.input = this.form.elements.file;
    this.form.addEventListener("submit", (event) => {
      const [file] = this.input.files;
      // Without a file the form goes the plain way and comes back with its sentence.
      if (!file) return;
      event.preventDefault();
      if (!this.row || this.row.isDone) this.#send(file);
    });
  }

  #send(file) {
    const { api, uploads, maxBytes, partBytes } = this.dataset;
    const token = this.form.elements.csrfmiddlewaretoken.value;
    const limits = { maxBytes: Number(maxBytes), partBytes: Number(partBytes) };
    const row = new UploadRow(file, { api, uploads, token, ...limits });
    row.addEventListener("say", (event) => this.#say(event.detail));
    row.addEventListener("again", () => row.start(this.#said()));
    row.addEventListener("leave", () => (this.row = null));
    row.addEventListener("kept", (event) => window.location.assign(`../${event.detail.id}/change/`));
    this.row = row;
    this.querySelector("[data-rows]").replaceChildren(row.element);
    if (row.phase === "ready") row.start(this.#said());
  }

  #said() {
    const entries = Object.entries(FIELDS).map(([field, name]) => [name, this.form.elements[field]?.value ?? ""]);
    return Object.fromEntries(entries);
  }

  #say(words) {
    this.querySelector("[data-live]").textContent = words;
  }
}

customElements.define("admin-upload", AdminUpload);
