// Sends a large file in parts, several at a time; goes on after breaks where it had stopped.
// Which parts are there is asked of the library, so a reload or another day loses nothing.
import { BROKEN, failure, parse, SendFailed, speedometer } from "./send.js";
import { sha256Hex } from "./sha256.js";

const AT_ONCE = 4;
const ADDRESSES_AT_ONCE = 20;
const MOST_TRIES = 8;
const LONGEST_MS = 30_000;
const EDGE = 1024 * 1024;

// Lets parts through or holds them back.
export class Gate {
  #waiting = [];
  isOpen = true;

  set(isOpen) {
    this.isOpen = isOpen;
    if (isOpen) this.#waiting.splice(0).forEach((resume) => resume());
  }

  pass() {
    return this.isOpen ? Promise.resolve() : new Promise((resume) => this.#waiting.push(resume));
  }
}

export async function fingerprint(file) {
  const edges = new Blob([String(file.size), file.slice(0, EDGE), file.slice(Math.max(0, file.size - EDGE))]);
  try {
    return await sha256Hex(await edges.arrayBuffer());
  } catch {
    throw new SendFailed("This file can't be read. Was it moved or changed?");
  }
}

export async function sendInParts(file, how) {
  const sender = new Sender(file, how);
  try {
    return await sender.run();
  } catch (error) {
    if (how.signal.aborted) {
      await sender.giveUp();
      throw new SendFailed("Cancelled.", { canRetry: true });
    }
    throw error;
  }
}

class Sender {
  constructor(file, { uploads, token, fields, force, signal, gate, onProgress }) {
    Object.assign(this, { file, uploads, token, fields, force, signal, gate, onProgress });
    this.addresses = new Map();
    this.flying = new Map();
    this.speed = speedometer();
  }

  async run() {
    this.upload = await this.#find();
    this.address = `${this.uploads}${this.upload.id}/`;
    const there = new Set(this.upload.arrived);
    this.arrived = this.upload.arrived_bytes;
    this.todo = [];
    for (let number = 1; number <= this.upload.part_count; number++) if (!there.has(number)) this.todo.push(number);
    this.#tell();
    const stop = new AbortController();
    const ended = AbortSignal.any([this.signal, stop.signal]);
    const lanes = Array.from({ length: AT_ONCE }, () => this.#lane(ended));
    try {
      await Promise.all(lanes);
    } catch (error) {
      stop.abort();
      await Promise.allSettled(lanes);
      throw error;
    }
    return this.#ask("POST", `${this.address}complete/`);
  }

  // An upload of this very file that was begun before is gone on with.
  async #find() {
    const mark = await fingerprint(this.file);
    const open = await this.#ask("GET", `${this.uploads}?fingerprint=${mark}`);
    const same = open.results.find((upload) => upload.size === this.file.size);
    if (same) return same;
    const keywords = (this.fields.keywords ?? "").split(",").map((word) => word.trim()).filter(Boolean);
    const said = Object.fromEntries(Object.entries(this.fields).filter(([, value]) => value));
    const begun = {
      ...said, keywords, fingerprint: mark,
      filename: this.file.name, size: this.file.size, content_type: this.file.type,
    };
    // Who cancels now waits for the answer: an upload that nobody knows could not be discarded.
    const url = this.force ? `${this.uploads}?force=true` : this.uploads;
    return this.#ask("POST", url, begun, { signal: null });
  }

  async #lane(signal) {
    while (this.todo.length) {
      await this.gate.pass();
      if (signal.aborted) return;
      const number = this.todo.shift();
      if (number) await this.#deliver(number, signal);
    }
  }

  async #deliver(number, signal) {
    const start = (number - 1) * this.upload.part_size;
    const part = this.file.slice(start, start + this.upload.part_size);
    for (let tries = 1; ; tries++) {
      const status = await this.#put(await this.#addressOf(number), { part, number, signal });
      this.flying.delete(number);
      if (status >= 200 && status < 300) break;
      if (signal.aborted) throw new SendFailed("Cancelled.", { canRetry: true });
      if (status === 404) throw new SendFailed("This upload has ended; send the file again.", { canRetry: true });
      if (tries >= MOST_TRIES) throw new SendFailed(BROKEN, { canRetry: true });
      // It may have expired: the next try asks for a new one.
      this.addresses.delete(number);
      await pause(Math.min(2 ** tries * 500, LONGEST_MS) * (0.5 + Math.random() / 2), signal);
    }
    this.arrived += part.size;
    this.#tell();
  }

  async #addressOf(number) {
    if (!this.addresses.has(number)) {
      const numbers = [number, ...this.todo.slice(0, ADDRESSES_AT_ONCE - 1)];
      const fresh = await this.#ask("POST", `${this.address}parts/`, { numbers });
      for (const { number: one, url } of fresh) this.addresses.set(one, url);
    }
    return this.addresses.get(number);
  }

  // Gives the status, 0 for a connection that broke.
  #put(url, { part, number, signal }) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      const stop = () => request.abort();
      request.open("PUT", url);
      request.upload.addEventListener("progress", (event) => {
        this.flying.set(number, event.loaded);
        this.#tell();
      });
      request.addEventListener("loadend", () => {
        signal.removeEventListener("abort", stop);
        resolve(request.status);
      });
      signal.addEventListener("abort", stop, { once: true });
      request.send(part);
    });
  }

  #tell() {
    const loaded = [...this.flying.values()].reduce((sum, bytes) => sum + bytes, this.arrived);
    const total = this.file.size;
    this.onProgress({ share: Math.min(loaded / total, 1), ...this.speed({ loaded, total }) });
  }

  async #ask(method, url, body, { signal = this.signal } = {}) {
    const headers = { Accept: "application/json", "X-CSRFToken": this.token };
    if (body) headers["Content-Type"] = "application/json";
    for (let tries = 1; ; tries++) {
      const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body), signal }).catch(() => null);
      const read = answer && parse(await answer.text());
      if (answer?.ok) return read;
      if (this.signal.aborted) throw new SendFailed("Cancelled.", { canRetry: true });
      const isAway = !answer || answer.status >= 502 || answer.status === 429;
      if (!isAway || tries >= MOST_TRIES) throw answer ? failure(answer.status, read) : new SendFailed(BROKEN, { canRetry: true });
      const asked = Number(answer?.headers.get("Retry-After") ?? 0) * 1000;
      await pause(Math.max(asked, Math.min(2 ** tries * 500, LONGEST_MS)), this.signal);
    }
  }

  async giveUp() {
    if (!this.address) return;
    await fetch(this.address, { method: "DELETE", headers: { "X-CSRFToken": this.token } }).catch(() => null);
  }
}

function pause(ms, signal) {
  return new Promise((resume) => {
    const clock = setTimeout(resume, ms);
    signal.addEventListener("abort", () => (clearTimeout(clock), resume()), { once: true });
  });
}
