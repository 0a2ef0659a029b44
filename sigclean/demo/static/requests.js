// Requests to the server. A lost one is tried again; what fails in the end is said in words, and
// nothing on the page is lost.
const PAUSES = [400, 1500, 3000]; // milliseconds before a lost request is sent again
const SLOW = 1200; // milliseconds after which the place in the queue is asked for
const LOST = "The server does not answer. Your work is kept: try again.";
const BUSY = "The server is busy. Your work is kept: try again in a moment.";

class Refused extends Error {
  constructor(sentence, status, needs) { super(sentence); Object.assign(this, { status, needs }); }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const own = (path) => new URL(path, document.baseURI).href;

async function refused(answer, status = answer.status) {
  try {
    const said = await answer.json();
    return new Refused(said.error || said.detail || BUSY, status, said.needs);
  } catch { return new Refused(BUSY, status); }
}

async function reach(path, options, signal) { // a response, whatever its status
  for (let tries = 0; ; tries++) {
    try {
      const answer = await fetch(own(path), { ...options, signal });
      const again = [429, 502, 503, 504].includes(answer.status);
      if (!again || tries >= PAUSES.length) return answer;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (tries >= PAUSES.length) throw new Refused(LOST, 0);
    }
    await pause(PAUSES[tries]);
    if (signal?.aborted) throw new DOMException("", "AbortError");
  }
}

async function post(path, body, headers = {}, { signal, waiting } = {}) {
  const ticket = Math.random().toString(36).slice(2);
  let done = false;
  const watching = (async () => {
    await pause(SLOW);
    while (!done && waiting) {
      const { place } = await fetch(own(`page/place/${ticket}`)).then((got) => got.json(), () => ({}));
      if (!done && place) waiting(place);
      await pause(1000);
    }
  })();
  watching.catch(() => {});
  try {
    const answer = await reach(path, { method: "POST", body, headers: { "X-Ticket": ticket, ...headers } }, signal);
    if (!answer.ok) throw await refused(answer);
    return await answer.json();
  } catch (error) {
    if (error instanceof Refused || error.name === "AbortError") throw error;
    throw new Refused(LOST, 0);
  } finally { done = true; }
}

const ask = (verb, asked, options) =>
  post(`page/${verb}`, JSON.stringify(asked), { "Content-Type": "application/json" }, options);

const send = (file, options = {}) => post(
  `page/upload?name=${encodeURIComponent(file.name || "picture")}${options.preview === false ? "&preview=no" : ""}${options.dpi ? `&dpi=${options.dpi}` : ""}`,
  file, { "Content-Type": "application/octet-stream",
    ...(options.password ? { "X-Password": encodeURIComponent(options.password) } : {}) }, options);

const forgotten = (keys) => ask("forget", { keys }).catch(() => {}); // whatever becomes of it
const keyOf = (address) => address?.split("/")[2];
const keysOf = (answer) => // of the folders that the server made for an answer
  [answer.work, answer.result, ...[answer.url, answer.png?.url, answer.preview, answer.view, answer.before, answer.removed].map(keyOf)].filter(Boolean);

async function load(url) { // the bytes of a file that the server made
  const answer = await reach(url, {});
  if (!answer.ok) throw await refused(answer, answer.status === 404 ? 410 : answer.status);
  return answer.blob();
}

function store(blob, name) { // hand a file to the browser's downloads
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const bytes = (count) => count < 1024 ? `${count} bytes` : count < 1024 * 1024
  ? `${Math.round(count / 1024)} KB` : `${(count / 1024 / 1024).toFixed(1)} MB`;

// The choices of paper, size, ink, height, margin and weight; `change` is called after each.
function lookChoices(root, change) {
  const part = (selector) => root.querySelector(selector);
  const group = Math.random().toString(36).slice(2);
  for (const radio of root.querySelectorAll("[data-name]")) radio.name = `${radio.dataset.name}-${group}`;
  const chosen = (name) => part(`[data-name=${name}]:checked`).value;
  const number = (selector) => {
    const input = part(selector);
    return input.value === "" || !input.checkValidity() ? null : Number(input.value);
  };
  const weight = part(".weight");
  const weigh = () => {
    part(".percent").textContent = `${weight.value > 0 ? "+" : ""}${weight.value} %`;
    weight.setAttribute("aria-valuetext", weight.value === "0" ? "as it is" : part(".percent").textContent);
  };
  weight.addEventListener("input", weigh);
  weigh();
  root.addEventListener("change", (event) => {
    if (event.target.matches(".own")) part("[data-name=ink][value=own]").checked = true;
    if (event.target.matches("[type=number]")) event.target.reportValidity();
    change();
  });
  return () => {
    const margin = number(".margin");
    return {
      paper: chosen("paper"), size: chosen("size"),
      ink: chosen("ink") === "own" ? part(".own").value : chosen("ink"),
      height: number(".height"), margin: margin === null ? null : margin / 100,
      weight: Number(weight.value) / 100,
    };
  };
}

// How files are read: whether bright ink is inverted, and the resolution of a PDF's pages.
function readingChoices(root, change) {
  const [invert, dpi] = [".invert", ".dpi input"].map((one) => root.querySelector(one));
  root.addEventListener("change", (event) => {
    if (event.target === invert) change("invert");
    if (event.target === dpi && dpi.reportValidity()) change("dpi");
  });
  return () => ({ invert: invert.value, dpi: dpi.value && dpi.checkValidity() ? Number(dpi.value) : null });
}

// Ask for the password of an encrypted PDF; the answer is null if none is given.
function passwordOf(root, said) {
  const box = root.querySelector(".password");
  const input = box.querySelector("input");
  box.querySelector("p").textContent = said;
  input.value = "";
  box.returnValue = "";
  box.showModal();
  input.focus();
  return new Promise((done) => box.addEventListener("close", () => {
    done(box.returnValue === "open" && input.value ? input.value : null);
    input.value = "";
  }, { once: true }));
}

// Messages at the foot of the page, with a button that tries again where there is something to try.
function messages(root) {
  const [text, again, close] = ["p", ".again", ".close"].map((one) => root.querySelector(one));
  let retry = null;
  close.onclick = () => { root.hidden = true; };
  again.onclick = () => { root.hidden = true; retry?.(); };
  return (said, then = null) => {
    text.textContent = said || "";
    retry = then;
    again.hidden = !then;
    root.hidden = !said;
  };
}
