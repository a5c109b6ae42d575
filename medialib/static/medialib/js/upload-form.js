// <upload-form>: collects files by choice or drop and sends them, two at a time.
import { size } from "./sizes.js";
import { UploadRow } from "./upload-row.js";

const AT_ONCE = 2;

class UploadForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.input = this.querySelector("input[type=file]");
    this.rows = [];
    this.querySelector("[data-drop]").classList.add("whole");
    // With a list of files the button belongs on top of it, in sight on small screens too.
    this.querySelector("[data-head]").append(this.querySelector("[data-send]"));
    this.input.addEventListener("change", () => {
      this.#add(this.input.files);
      this.input.value = "";
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.started = this.#fields();
      this.#next();
    });
    this.#bindDrop();
    window.addEventListener("beforeunload", (event) => {
      if (this.#count("sending")) event.preventDefault();
    });
    this.#show();
  }

  #bindDrop() {
    const place = this.querySelector("[data-drop]");
    const over = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      place.classList.add("over");
    };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) place.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
      place.classList.remove("over");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.#add(event.dataTransfer.files);
    });
  }

  #add(files) {
    const token = this.form.elements.csrfmiddlewaretoken.value;
    const { api, uploads, maxBytes, partBytes } = this.dataset;
    const limits = { maxBytes: Number(maxBytes), partBytes: Number(partBytes) };
    for (const file of files) {
      const row = new UploadRow(file, { api, uploads, token, ...limits });
      row.addEventListener("change", () => this.#changed());
      row.addEventListener("say", (event) => this.#say(event.detail));
      row.addEventListener("again", () => this.#next());
      row.addEventListener("leave", () => {
        this.rows = this.rows.filter((other) => other !== row);
        this.#changed();
      });
      this.rows.push(row);
      this.querySelector("[data-rows]").append(row.element);
    }
    this.started = null;
    this.#show();
    this.#say(`${this.#count("ready")} files ready to send.`);
  }

  #fields() {
    const names = ["description", "keywords", "visibility"];
    if (this.#waiting().length === 1) names.push("title");
    return Object.fromEntries(names.map((name) => [name, this.form.elements[name]?.value ?? ""]));
  }

  #waiting() {
    return this.rows.filter((row) => row.phase === "ready");
  }

  #count(phase) {
    return this.rows.filter((row) => row.phase === phase).length;
  }

  // A row that is tried again goes with what was said when it was sent first.
  #next() {
    for (const row of this.#waiting()) {
      const fields = row.lastFields ?? this.started;
      if (!fields || this.#count("sending") >= AT_ONCE) break;
      row.start(fields);
    }
    this.#show();
  }

  #changed() {
    this.#next();
  }

  #show() {
    const ready = this.#waiting();
    this.querySelector("[data-table]").hidden = this.rows.length === 0;
    this.querySelector("[data-field=title]").hidden = this.rows.length > 1;
    const button = this.querySelector("[data-send]");
    button.disabled = ready.length === 0 || Boolean(this.started);
    const bytes = ready.reduce((sum, row) => sum + row.file.size, 0);
    const files = `${ready.length} file${ready.length === 1 ? "" : "s"}`;
    button.textContent = ready.length && !this.started ? `Upload ${files}, ${size(bytes)}` : "Upload";
    this.#showTotal();
  }

  #showTotal() {
    const total = this.rows.reduce((sum, row) => sum + row.file.size, 0);
    const through = this.rows.reduce((sum, row) => sum + row.file.size * (row.isDone ? 1 : row.share), 0);
    const refused = this.#count("failed");
    const kept = this.#count("kept") + this.#count("ended");
    this.querySelector("[data-total]").value = total ? through / total : 0;
    this.querySelector("[data-summary]").textContent =
      `${kept} of ${this.rows.length} kept` + (refused ? ` · ${refused} not taken` : "");
  }

  #say(words) {
    this.querySelector("[data-live]").textContent = words;
  }
}

customElements.define("upload-form", UploadForm);
