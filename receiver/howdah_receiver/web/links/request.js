/* Sends the files of a request's page: chunk by chunk, each with its SHA-256, as docs/protocol.md says.

   What comes from people (names of files) and from the receiver is only ever put in as text. */
"use strict";

const AT_ONCE = 3;                       // chunks of one file on their way
const PAUSES = [1, 2, 5, 15, 30];        // seconds before another try
const MOST_TRIES = 40;                   // of one chunk in a row: some 20 minutes
const FRAME = document.getElementById("request");
const BASE = FRAME.dataset.base;
const encoder = new TextEncoder();

/* -- SHA-256. Browsers have it only where the page came over TLS or from this machine. */

const K = new Uint32Array(64);
const FIRST = new Uint32Array(8);
{
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (found < 8) FIRST[found] = (Math.sqrt(n) % 1) * 0x100000000;
    K[found++] = (Math.cbrt(n) % 1) * 0x100000000;
  }
}

function plainSha256(bytes) {
  const length = bytes.length;
  const padded = new Uint8Array(((length + 8) >> 6 << 6) + 64);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(padded.length - 4, length << 3);
  const h = FIRST.slice();
  const w = new Uint32Array(64);
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
      const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
    for (let i = 0; i < 64; i++) {
      const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
      const t1 = (k + s1 + (e & f ^ ~e & g) + K[i] + w[i]) | 0;
      const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
      const t2 = (s0 + (a & b ^ a & c ^ b & c)) | 0;
      k = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += k;
  }
  const digest = new DataView(new ArrayBuffer(32));
  h.forEach((word, i) => digest.setUint32(4 * i, word));
  return new Uint8Array(digest.buffer);
}

async function sha256(bytes) {
  if (window.crypto && crypto.subtle) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }
  return plainSha256(bytes);
}

const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const newId = () => hex(crypto.getRandomValues(new Uint8Array(16)));

async function manifestDigest(size, chunkBytes, digests) {
  const head = encoder.encode("howdah-manifest-1\0sha-256\0");
  const bytes = new Uint8Array(head.length + 16 + 32 * digests.length);
  const view = new DataView(bytes.buffer);
  bytes.set(head);
  view.setBigUint64(head.length, BigInt(size));
  view.setBigUint64(head.length + 8, BigInt(chunkBytes));
  digests.forEach((digest, n) => bytes.set(digest, head.length + 16 + 32 * n));
  return hex(await sha256(bytes));
}

/* -- asking the receiver */

class Refused extends Error {
  constructor(status, problem) {
    super([problem.title || "The receiver does not take it.", problem.remedy || ""].join(" ").trim());
    this.status = status;
    this.code = problem.code || "";
  }
  get passes() {
    return [408, 429, 503, 507].includes(this.status) || this.status >= 500 ||
      ["chunk_mismatch", "chunk_superseded"].includes(this.code);
  }
}

async function ask(method, path, options, signal) {
  const answer = await fetch(BASE + path, { method, signal, redirect: "error", cache: "no-store", ...options });
  if (answer.ok) return answer;
  let problem = {};
  try { problem = await answer.json(); } catch { /* not one of ours: the status tells enough */ }
  const refused = new Refused(answer.status, problem);
  refused.after = Number(answer.headers.get("Retry-After")) || 0;
  throw refused;
}

const json = (text) => ({ headers: { "Content-Type": "application/json" }, body: text });

function pause(seconds, signal) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, 1000 * seconds * (0.9 + 0.2 * Math.random()));
    signal.addEventListener("abort", () => { clearTimeout(timer); fail(signal.reason); }, { once: true });
    window.addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });
}

/* -- one file */

class Sending {
  constructor(file, path, sender) {
    this.file = file;
    this.path = path;
    this.sender = sender;
    this.sent = 0;
    this.state = "waiting";
    this.stop = new AbortController();
    this.upload = null;
    this.row = new Row(this);
  }

  /* What tells a file again after the page was loaded anew; kept for this tab alone. */
  get key() {
    return `howdah ${BASE.slice(-8)} ${this.file.size} ${this.file.lastModified} ${this.sender} ${this.path}`;
  }

  async run() {
    this.state = "sending";
    this.row.say("");
    try {
      await this.whole();
      this.state = "done";
      sessionStorage.removeItem(this.key);
      this.row.say("Arrived, and checked.");
    } catch (problem) {
      if (this.stop.signal.aborted) return;
      this.state = "failed";
      this.row.say(this.words(problem), true);
    }
  }

  words(problem) {
    if (problem instanceof Refused) return problem.message;
    if (problem && problem.name === "NotReadableError") return "The file cannot be read any more. Choose it again.";
    return "The receiver cannot be reached. Check the line, then try again.";
  }

  async whole() {
    for (let round = 0; ; round++) {
      try {
        const upload = await this.patiently(() => this.start());
        this.upload = upload.id;
        if (upload.state !== "published") {
          await this.send(upload);
        }
        return;
      } catch (problem) {
        const lost = ["client_id_conflict", "upload_not_found", "upload_not_open", "chunk_conflict",
                      "manifest_mismatch", "completion_conflict", "upload_incomplete"];
        if (!(problem instanceof Refused) || !lost.includes(problem.code) || round >= 3) throw problem;
        if (problem.code !== "upload_incomplete") sessionStorage.removeItem(this.key);  // begin anew
        this.sent = 0;
      }
    }
  }

  async start() {
    let id = sessionStorage.getItem(this.key);
    if (!id) {
      id = newId();
      sessionStorage.setItem(this.key, id);
    }
    // Nanoseconds do not fit a number of this language: they are put in as digits.
    const message = JSON.stringify({
      client_id: id, path: this.path, size: this.file.size, modified_ns: 0,
      digest_algorithm: "sha-256", name: this.sender,
    }).replace('"modified_ns":0', `"modified_ns":${BigInt(Math.trunc(this.file.lastModified)) * 1000000n}`);
    return (await ask("POST", "/uploads", json(message), this.stop.signal)).json();
  }

  async send(upload) {
    const chunkBytes = upload.chunk_bytes, total = upload.total_chunks;
    const digests = new Array(total);
    const there = (n) => upload.received.some(([first, last]) => first <= n && n <= last);
    let next = 0;
    this.sent = 0;
    const work = async () => {
      while (next < total) {
        const n = next++;
        const bytes = new Uint8Array(
          await this.file.slice(n * chunkBytes, (n + 1) * chunkBytes).arrayBuffer());
        digests[n] = await sha256(bytes);
        if (!there(n)) await this.patiently(() => this.put(upload.id, n, bytes, digests[n]));
        this.sent += bytes.length;
        this.row.draw();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const completion = JSON.stringify({
      size: this.file.size, manifest_digest: await manifestDigest(this.file.size, chunkBytes, digests),
    });
    this.row.say("Being put in place");
    for (;;) {
      const answer = await this.patiently(
        () => ask("POST", `/uploads/${upload.id}/complete`, json(completion), this.stop.signal));
      if (answer.status !== 202) return;
      await pause(2, this.stop.signal);
    }
  }

  put(upload, n, bytes, digest) {
    const headers = { "Content-Digest": `sha-256=:${base64(digest)}:` };
    return ask("PUT", `/uploads/${upload}/chunks/${n}`, { headers, body: bytes }, this.stop.signal);
  }

  /* Again and again while it may pass by itself. */
  async patiently(work) {
    for (let tries = 0; ;) {
      try {
        const done = await work();
        if (tries) this.row.say("");
        return done;
      } catch (problem) {
        const passes = problem instanceof Refused ? problem.passes : problem instanceof TypeError;
        if (this.stop.signal.aborted || !passes || tries >= MOST_TRIES) throw problem;
        const seconds = Math.max(problem.after || 0, PAUSES[Math.min(tries++, PAUSES.length - 1)]);
        this.row.say(`${this.words(problem)} Next try in ${seconds} s.`, true);
        await pause(seconds, this.stop.signal);
      }
    }
  }

  async cancel() {
    this.stop.abort();
    this.state = "cancelled";
    this.row.remove();
    sessionStorage.removeItem(this.key);
    if (this.upload) {
      try { await ask("DELETE", `/uploads/${this.upload}`, {}); } catch { /* it expires by itself */ }
    }
    run();
  }
}

/* -- what is seen */

const list = document.getElementById("list");

class Row {
  constructor(sending) {
    this.sending = sending;
    this.item = document.createElement("li");
    const name = document.createElement("bdi");
    name.className = "name";
    name.textContent = sending.path;
    this.acts = document.createElement("span");
    this.acts.className = "acts";
    this.retry = this.act("Try again", () => { sending.state = "waiting"; this.say(""); run(); });
    this.stop = this.act("Cancel", () => sending.cancel());
    this.bar = document.createElement("progress");
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", sending.path);
    this.words = document.createElement("span");
    this.words.className = "quiet";
    this.item.append(name, this.acts, this.bar, this.words);
    list.append(this.item);
    this.say("");
  }

  act(word, work) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word;
    button.addEventListener("click", work);
    this.acts.append(button);
    return button;
  }

  say(words, problem = false) {
    this.said = words;
    this.words.classList.toggle("problem", problem);
    this.draw();
  }

  draw() {
    const { file, sent, state } = this.sending;
    this.item.dataset.state = state;
    this.bar.value = state === "done" ? 1 : file.size ? sent / file.size : 0;
    this.retry.hidden = state !== "failed";
    this.stop.hidden = state === "done";
    this.words.textContent = this.said ||
      (state === "waiting" ? `${size(file.size)}, waits for its turn` : `${size(sent)} of ${size(file.size)}`);
    sums();
  }

  remove() { this.item.remove(); sums(); }
}

function size(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 999.5 && unit < units.length - 1) { count /= 1000; unit++; }
  return `${unit && count < 99.5 ? count.toPrecision(3) : Math.round(count)} ${units[unit]}`;
}

function sums() {
  const done = all.filter((one) => one.state === "done").length;
  const kept = all.filter((one) => one.state !== "cancelled").length;
  document.getElementById("sums").hidden = !kept;
  document.getElementById("sum").textContent = done === kept
    ? `${kept === 1 ? "It has" : `All ${kept} have`} arrived. You may close this page.`
    : `${done} of ${kept} arrived`;
}

/* -- the queue */

const all = [];
let running = false;

async function run() {
  if (running) return;
  running = true;
  for (;;) {
    const next = all.find((one) => one.state === "waiting");
    if (!next) break;
    await next.run();
  }
  running = false;
}

function add(file, path) {
  const field = document.getElementById("name");
  all.push(new Sending(file, path, field ? field.value.trim() : ""));
  run();
}

function nameIsThere() {
  const field = document.getElementById("name");
  return !field || field.reportValidity();
}

/* A dropped folder, with all that is in it. */
async function addEntry(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    add(file, entry.fullPath.replace(/^\/+/, ""));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return;
    for (const one of some) await addEntry(one);
  }
}

const drop = document.getElementById("drop");
const choose = document.getElementById("files");
choose.addEventListener("click", (event) => { if (!nameIsThere()) event.preventDefault(); });
choose.addEventListener("change", () => {
  if (nameIsThere()) for (const file of choose.files) add(file, file.name);
  choose.value = "";
});
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  drop.addEventListener(kind, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!nameIsThere()) return;
  // Asked for at once: what was dropped is gone after the first wait.
  const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
  const files = Array.from(event.dataTransfer.files);
  if (entries.some(Boolean)) entries.filter(Boolean).forEach((entry) => addEntry(entry).catch(() => undefined));
  else files.forEach((file) => add(file, file.name));
});
window.addEventListener("beforeunload", (event) => {
  if (all.some((one) => ["sending", "waiting"].includes(one.state))) event.preventDefault();
});
document.getElementById("send").hidden = false;
list.classList.add("sending");
