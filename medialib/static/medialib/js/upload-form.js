// <upload-form>: collects files by choice or drop and sends them, two at a time.
import { dropped, sift } from "./dropped-files.js";
import { size, span } from "./sizes.js";
import { UploadCost } from "./upload-cost.js";
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
    this.#bindFolder();
    if (this.dataset.minuteUsd) this.cost = new UploadCost(this.dataset);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
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
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      dropped(event.dataTransfer).then((found) => this.#addSifted(found));
    });
  }

  // A folder is chosen by an input of its own; without modules there is none.
  #bindFolder() {
    const folder = this.querySelector("[data-folder]");
    const input = Object.assign(document.createElement("input"), { type: "file", webkitdirectory: true });
    folder.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#addSifted(sift(input.files));
      input.value = "";
    });
  }

  #addSifted({ files, left }) {
    this.#add(files);
    this.left = left;
    this.#showTotal();
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
    this.started = false;
    this.left = 0;
    this.#show();
    this.#say(`${this.#count("ready")} files ready to send.`);
  }

  // What is said is said of all that wait now; a title of several files is numbered.
  #begin() {
    const rows = this.#waiting();
    const names = ["title", "description", "keywords", "visibility"];
    const said = Object.fromEntries(names.map((name) => [name, this.form.elements[name]?.value ?? ""]));
    for (const [number, row] of rows.entries()) {
      const title = said.title && rows.length > 1 ? `${said.title} ${number + 1}` : said.title;
      row.fields = { ...said, title };
    }
    this.started = true;
    this.#next();
  }

  #waiting() {
    return this.rows.filter((row) => row.phase === "ready");
  }

  #count(phase) {
    return this.rows.filter((row) => row.phase === phase).length;
  }

  // A row goes with what was said when it was sent first, also when it is tried again.
  #next() {
    for (const row of this.#waiting()) {
      if (this.#count("sending") >= AT_ONCE) break;
      if (row.fields) row.start(row.fields);
    }
    this.#show();
  }

  #changed() {
    this.#next();
  }

  #show() {
    const ready = this.#waiting();
    this.querySelector("[data-table]").hidden = this.rows.length === 0;
    const button = this.querySelector("[data-send]");
    button.disabled = ready.length === 0 || this.started;
    button.hidden = this.started && ready.length === 0;
    const bytes = ready.reduce((sum, row) => sum + row.file.size, 0);
    const files = `${ready.length} file${ready.length === 1 ? "" : "s"}`;
    button.textContent = ready.length && !this.started ? `Upload ${files}, ${size(bytes)}` : "Upload";
    this.#showTotal();
    this.#showCost(ready);
  }

  async #showCost(ready) {
    if (!this.cost) return;
    const asked = (this.asked ?? 0) + 1;
    this.asked = asked;
    const sentence = await this.cost.say(ready.map((row) => row.file));
    if (asked === this.asked) this.querySelector("[data-cost]").textContent = sentence;
  }

  #showTotal() {
    const total = this.rows.reduce((sum, row) => sum + row.file.size, 0);
    const through = this.rows.reduce((sum, row) => sum + row.file.size * (row.isDone ? 1 : row.share), 0);
    const refused = this.#count("failed");
    const kept = this.#count("kept") + this.#count("ended");
    this.querySelector("[data-total]").value = total ? through / total : 0;
    this.querySelector("[data-summary]").textContent =
      `${kept} of ${this.rows.length} kept` +
      (refused ? ` · ${refused} not taken` : "") +
      (this.left ? ` · ${this.left} other file${this.left === 1 ? "" : "s"} of the folder left out` : "") +
      this.#pace() +
      this.#advice();
  }

  // What to do once all that was sent has ended.
  #advice() {
    const found = this.rows.filter((row) => row.element.dataset.tone === "ok").length;
    if (!found || this.rows.some((row) => !["ended", "failed"].includes(row.phase))) return "";
    return ` · ${found === this.rows.length ? "all" : found} searchable: type above what you look for`;
  }

  // All files together: bytes a second and the time that is left.
  #pace() {
    const sending = this.rows.filter((row) => row.phase === "sending" && row.speed);
    const speed = sending.reduce((sum, row) => sum + row.speed, 0);
    const open = this.rows.filter((row) => !row.isDone);
    const bytes = open.reduce((sum, row) => sum + row.file.size * (1 - row.share), 0);
    return speed && open.length > 1 ? ` · ${size(Math.round(speed))}/s · ${span(bytes / speed)} left` : "";
  }

  #say(words) {
    this.querySelector("[data-live]").textContent = words;
  }
}

customElements.define("upload-form", UploadForm);
