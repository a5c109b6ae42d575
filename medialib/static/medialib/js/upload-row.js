// One file on the upload page: its row, and its way from "ready" to "searchable".
import { icon, make } from "./elements.js";
import { fingerprint, Gate, sendInParts } from "./send-parts.js";
import { send, SendFailed } from "./send.js";
import { size, span } from "./sizes.js";
import { describe, isEnded, watch } from "./status.js";

export class UploadRow extends EventTarget {
  constructor(file, { api, uploads, partBytes, token, maxBytes }) {
    super();
    Object.assign(this, { file, api, uploads, token, share: 0, phase: "ready", force: false });
    this.isLarge = file.size > partBytes;
    this.#build();
    if (file.size > maxBytes) this.#refuse(`Larger than the limit of ${size(maxBytes)}.`);
    else this.#say("Ready to send.");
  }

  #build() {
    this.state = make("span", { class: "upload-state" });
    this.bar = make("progress", { class: "progress", max: 1, value: 0, "aria-label": `${this.file.name}, progress` });
    this.bar.hidden = true;
    this.acts = make("span", { class: "upload-acts" });
    const name = make("bdi", { class: "upload-name", title: this.file.name }, this.file.name);
    const words = make("div", { class: "upload-words" }, name, this.state, this.bar);
    this.element = make("li", { class: "upload-row" }, this.#picture(), words, this.acts);
    this.#offer("Remove", () => this.#leave());
  }

  #picture() {
    const place = make("span", { class: "upload-picture" });
    const isPhoto = this.file.type.startsWith("image/");
    place.append(icon(isPhoto ? "photo" : "video"));
    // A large photo would be decoded whole for a picture of 64 pixels.
    if (!isPhoto || this.file.size > 30e6) return place;
    const address = URL.createObjectURL(this.file);
    const image = make("img", { alt: "", width: 64, height: 40 });
    image.addEventListener("load", () => {
      place.replaceChildren(image);
      URL.revokeObjectURL(address);
    });
    image.addEventListener("error", () => URL.revokeObjectURL(address));
    image.src = address;
    return place;
  }

  get isDone() {
    return !["ready", "sending"].includes(this.phase);
  }

  async start(fields) {
    this.phase = "sending";
    this.bar.hidden = false;
    const stop = new AbortController();
    this.#say("Sending…");
    this.gate = new Gate();
    this.stop = () => stop.abort();
    this.#offerWhileSending();
    try {
      this.#kept(await this.#send(fields, stop.signal));
    } catch (error) {
      if (!(error instanceof SendFailed)) throw error;
      this.#failed(error);
    }
    this.#changed();
  }

  async #send(fields, signal) {
    const how = { token: this.token, fields, signal, onProgress: (so) => this.#sending(so) };
    if (this.isLarge) return sendInParts(this.file, { ...how, uploads: this.uploads, force: this.force, gate: this.gate });
    if (!this.force) await this.#refuseKnown();
    return send(this.file, { ...how, url: this.force ? `${this.api}?force=true` : this.api });
  }

  // What is there already is recognised by size, beginning and end, before a byte of it is sent;
  // an upload in parts asks the same when it begins.
  async #refuseKnown() {
    const mark = await fingerprint(this.file);
    const options = { headers: { Accept: "application/json" } };
    const answer = await fetch(`${this.api}?fingerprint=${mark}`, options).catch(() => null);
    const [known] = answer?.ok ? (await answer.json()).results : [];
    if (!known) return;
    throw new SendFailed(`You have this file already, as “${known.title || known.original_filename}”.`, {
      assetUrl: known.url,
      isDuplicate: true,
    });
  }

  // Parts that are on their way arrive; no others follow until it goes on.
  #offerWhileSending() {
    this.acts.replaceChildren();
    const words = this.gate.isOpen ? "Pause" : "Go on";
    const toggle = this.isLarge && this.#addButton(words, () => this.#pause(!this.gate.isOpen));
    this.#addButton("Cancel", () => this.#cancel());
    return toggle;
  }

  #pause(isOpen) {
    this.gate.set(isOpen);
    this.#offerWhileSending().focus();
    this.#say(isOpen ? "Sending…" : "Paused.");
  }

  #cancel() {
    this.stop();
    this.gate.set(true);
  }

  #sending({ share, speed, left }) {
    this.share = share;
    this.speed = speed;
    this.bar.value = share;
    if (!this.gate.isOpen) return;
    const pace = speed ? ` · ${size(Math.round(speed))}/s · ${span(left)} left` : "";
    const words = share < 1 ? `Sending ${Math.floor(share * 100)} %${pace}` : "Sent; it is being kept…";
    this.#say(words, { aloud: false });
    this.#changed();
  }

  #kept(asset) {
    this.phase = "kept";
    this.share = 1;
    this.dispatchEvent(new CustomEvent("kept", { detail: asset }));
    const page = new URL(asset.url, window.location.href).pathname;
    this.#offerLink("Open", page);
    watch(`${this.api}${asset.id}/`, (fresh) => this.#follow(fresh.status));
  }

  #follow(status) {
    const { word, sentence, tone } = describe(status);
    this.element.dataset.tone = tone;
    this.bar.hidden = isEnded(status);
    this.bar.value = status.progress ?? 0;
    const ends = { "": sentence, ok: `${capital(word)}.` };
    this.#say(ends[tone] ?? `${capital(word)} · ${sentence}`, { aloud: word !== this.word });
    this.word = word;
    if (isEnded(status)) this.phase = "ended";
    this.#changed();
  }

  #failed({ message, assetUrl, canRetry, isDuplicate }) {
    this.phase = "failed";
    this.bar.hidden = true;
    this.element.dataset.tone = isDuplicate ? "warn" : "bad";
    this.#say(message);
    this.acts.replaceChildren();
    if (assetUrl) this.#addLink("Open it", new URL(assetUrl, window.location.href).pathname);
    if (isDuplicate) this.#addButton("Keep it twice", () => this.#again({ force: true }));
    if (canRetry) this.#addButton("Try again", () => this.#again({ force: this.force }));
    this.#addButton("Remove", () => this.#leave());
  }

  #again({ force }) {
    this.force = force;
    this.phase = "ready";
    this.share = 0;
    delete this.element.dataset.tone;
    this.#say("Waiting for its turn.");
    this.dispatchEvent(new Event("again"));
  }

  #refuse(sentence) {
    this.phase = "failed";
    this.element.dataset.tone = "bad";
    this.#say(sentence);
  }

  #leave() {
    this.element.remove();
    this.dispatchEvent(new Event("leave"));
  }

  #say(words, { aloud = true } = {}) {
    this.state.textContent = `${size(this.file.size)} · ${words}`;
    if (aloud) this.dispatchEvent(new CustomEvent("say", { detail: `${this.file.name}: ${words}` }));
  }

  #offer(words, action) {
    this.acts.replaceChildren();
    this.#addButton(words, action);
  }

  #offerLink(words, href) {
    this.acts.replaceChildren();
    this.#addLink(words, href);
  }

  #addButton(words, action) {
    const button = make("button", { class: "button button-plain", type: "button" }, words);
    button.append(make("span", { class: "unseen" }, ` ${this.file.name}`));
    button.addEventListener("click", action);
    this.acts.append(button);
    return button;
  }

  #addLink(words, href) {
    const link = make("a", { class: "button", href }, words);
    link.append(make("span", { class: "unseen" }, ` ${this.file.name}`));
    this.acts.append(link);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
