// One picture: it is opened, its signatures are found, the best one is cleaned, and touched up.
//
// `wish` asks for the result that fits everything chosen now. Answers to earlier wishes are thrown
// away, and while one is under way nothing can be downloaded: so what can be downloaded is always
// what is shown and chosen.
const find = (selector) => element.querySelector(selector);
const studio = find(".studio");
const say = messages(find(".message"));
const WHOLE = [0, 0, 1, 1];
const LEAST = 0.01; // smallest side of a region, as a share of the page's
const STEP = 0.01; // move by one press of a key, as a share of the page's side
const QUIET = 350; // milliseconds without another change before a moved region is cleaned
const MOST = 3; // largest enlargement of small pictures, without zoom
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

let work = null; // the open file: { source: { file, password }, key, name, pages, page, width, height, seconds, until, ... }
let area = { turns: 0, box: WHOLE, angle: 0 };
let regions = [];
let results = new Map(); // keys of results by the area they belong to
let touches = new Map(); // by page: { done: [], undone: [], turns, width, looked }, in pixels of the turned page
let shown = null; // the last answer, which is what the result shows
let latest = 0; // number of the last wish
let sought = { number: 0, told: false }; // the last search: its number as a wish, and whether it was asked for
let opening = 0; // number of the last file that was to be opened
let stop = null; // ends the requests of the last wish
let failed = false; // a message says why the last wish came to nothing
let fresh = false; // what is shown is what is chosen
let files = new Set(); // keys of all that the server keeps of the file, for "Delete now"

// --- Wishes ---------------------------------------------------------------------------------------
const model = () => find("#model").value || null;
const keyed = (wanted) => JSON.stringify(["page", "area", "model", "invert", "dpi"].map((name) => wanted[name]));
const place = (given = area) => keyed({ ...pageNow(), area: given });
const pageNow = () => ({ work: work.key, page: work.page, password: work.source.password, model: model(), ...reading() });
const touched = () => {
  if (!touches.has(work.page)) touches.set(work.page, { done: [], undone: [], turns: 0, width: work.width });
  const list = touches.get(work.page);
  const grown = work.width / list.width;
  if (grown !== 1) { // the page was drawn at another resolution
    for (const one of [...list.done, ...list.undone]) if (one.points) {
      one.points = one.points.map(([x, y, pressure]) => [x * grown, y * grown, pressure]);
      one.radius *= grown;
    }
    list.width = work.width;
  }
  return list;
};

function mark(state) { // "" where the result fits the choices, else why it does not
  fresh = !state && Boolean(shown);
  find("#result").toggleAttribute("data-old", Boolean(state) && Boolean(shown));
  find("#result").setAttribute("aria-busy", String(Boolean(state)));
  find(".state").textContent = state || "";
  for (const name of ["png", "svg", "copy"]) find(`#${name}`).disabled = !fresh;
  find("#delete").disabled = !work;
  const { done, undone } = work ? touched() : { done: [], undone: [] };
  find("[data-do=undo]").disabled = !done.length;
  find("[data-do=redo]").disabled = !undone.length;
  find("#all").disabled = !fresh || !strip.done;
}

async function wish(why = "Working …", delay = 0) {
  const mine = ++latest;
  stop?.abort();
  stop = new AbortController();
  const { signal } = stop;
  mark(why);
  if (delay) await pause(delay);
  if (mine !== latest || !work) return;
  const waiting = (number) => {
    if (mine === latest) find(".state").textContent = `Waiting: place ${number} in the queue`;
  };
  try {
    const answer = await revived(() => result({ ...asked(), removed: view() === "removed" }, { signal, waiting }), signal);
    await decoded(answer.view); // before anything is shown, so that nothing flickers
    if (mine !== latest) return;
    display(answer);
    if (view() === "removed" && !answer.removed) return wish(); // it was chosen meanwhile
    if (failed) say("");
    failed = false;
    mark("");
    fillStrip();
  } catch (error) {
    if (mine !== latest || error.name === "AbortError") return;
    failed = true;
    mark("Not done");
    say(error.message, () => wish());
  }
}

const searching = () => sought.number === latest;
const anew = (seeking = searching()) => seeking ? search(sought.told) : wish(); // what was under way, as chosen now

const asked = () => {
  const { pen, dropped, strokes } = edits();
  return { ...pageNow(), area, look: look(), pen, dropped, strokes };
};

async function result(wanted, options) {
  const key = keyed(wanted);
  const known = results.get(key);
  if (known) return produced("show", { ...wanted, result: known }, options);
  const answer = await produced("clean", wanted, options);
  results.set(key, answer.result);
  return answer;
}

async function resultKey(wanted) {
  if (!results.has(keyed(wanted))) await result(wanted);
  return results.get(keyed(wanted));
}

async function produced(verb, wanted, options) { // asks for what the server makes files for, and notes them
  const mine = work;
  const answer = await ask(verb, wanted, options);
  if (work !== mine) { // another file is open, or none: "Delete now" no longer finds them
    forgotten(keysOf(answer));
    throw new DOMException("", "AbortError");
  }
  for (const key of keysOf(answer)) files.add(key);
  renew();
  return answer;
}

async function revived(act, signal) { // the server deletes files after a while: open them again
  const mine = work;
  try {
    return await act();
  } catch (error) {
    if (error.status !== 410 || work !== mine) throw error;
    const again = await openOn(mine.source, { signal, preview: false });
    if (work !== mine) { // another file was opened meanwhile
      forgotten(keysOf(again));
      throw error;
    }
    mine.key = again.work;
    for (const key of keysOf(again)) files.add(key);
    results = new Map();
    return act();
  }
}

const openOn = (source, options) => source.example === undefined
  ? send(source.file, { ...options, password: source.password, dpi: reading().dpi })
  : ask("example", { number: source.example }, options);

function decoded(address) {
  const image = new Image();
  image.src = own(address);
  return image.decode().catch(() => {});
}

function display(answer) {
  const images = { ".before img": answer.before, ".after img": answer.view, ".removed img": answer.removed,
    ".slider .under": answer.before, ".slider .over img": answer.view };
  const alts = { before: "The picture as it was", after: "The clean signature",
    removed: "What was removed is red; what was kept is as it was" };
  for (const [selector, address] of Object.entries(images)) {
    const image = find(`#result ${selector}`);
    image.alt = alts[selector.includes("removed") ? "removed" : selector.match(/before|under/) ? "before" : "after"];
    if (address) image.src = own(address); else image.removeAttribute("src");
  }
  const first = !shown;
  shown = answer;
  find("#result").removeAttribute("data-empty");
  find("#result").toggleAttribute("data-transparent", look().paper === "transparent");
  note();
  fit();
  clearInk();
  if (first) reveal();
}

function renew() { // what the server makes later is deleted later
  work.until = new Date(Date.now() + work.seconds * 1100);
  if (shown) note();
}

function note() {
  const blank = shown.blank && !edits().strokes.length;
  const size = `${shown.width} × ${shown.height} pixels, ${bytes(shown.png.bytes)}, cleaned in ${shown.milliseconds} ms`;
  const until = work.until.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  const said = [
    blank ? "No signature was found here: the result is blank." : size,
    ...shown.warnings, `Deleted from the server by ${until}.`,
  ].join(" · ");
  if (find("#note").textContent !== said) find("#note").textContent = said; // which is read aloud
}

function reveal() { // on narrow screens the result lies below the picture
  const top = find("#result").getBoundingClientRect().top;
  if (top > innerHeight * 0.6) find("#result").scrollIntoView({ block: "start" });
}
