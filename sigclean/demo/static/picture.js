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

let work = null; // the open file: { source, key, name, pages, page, width, height, ... }
let area = { turns: 0, box: WHOLE, angle: 0 };
let regions = [];
let results = new Map(); // keys of results by the area they belong to
let touches = new Map(); // by page: { done: [], undone: [] }, in pixels of the turned page
let shown = null; // the last answer, which is what the result shows
let latest = 0; // number of the last wish
let opening = 0; // number of the last file that was to be opened
let stop = null; // ends the requests of the last wish
let failed = false; // a message says why the last wish came to nothing
let fresh = false; // what is shown is what is chosen
let files = new Set(); // keys of files that the server made, for "Delete now"

// --- Wishes ---------------------------------------------------------------------------------------
const model = () => find("#model").value || null;
const place = () => JSON.stringify([work.page, area, model()]);
const touched = () => {
  if (!touches.has(work.page)) touches.set(work.page, { done: [], undone: [] });
  return touches.get(work.page);
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
    if (mine !== latest) return;
    await display(answer);
    if (mine !== latest) return;
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

const asked = () => {
  const { pen, dropped, strokes } = edits();
  return { work: work.key, page: work.page, area, model: model(), look: look(), pen, dropped, strokes };
};

async function result(wanted, options) {
  const key = JSON.stringify([wanted.page, wanted.area, wanted.model]);
  const known = results.get(key);
  if (known) return ask("show", { ...wanted, result: known }, options);
  const answer = await ask("clean", wanted, options);
  results.set(key, answer.result);
  return answer;
}

async function revived(act, signal) { // the server deletes files after a while: open them again
  try {
    return await act();
  } catch (error) {
    if (error.status !== 410 || !work) throw error;
    const again = await openOn(work.source, { signal, preview: false });
    work.key = again.work;
    work.until = deadline(again.keep_seconds);
    results = new Map();
    return act();
  }
}

const openOn = (source, options) => source.example === undefined
  ? send(source.file, options) : ask("example", { number: source.example }, options);
const deadline = (seconds) => new Date(Date.now() + seconds * 1100);
const keyOf = (address) => address?.split("/")[2];

async function display(answer) {
  const images = { ".before img": answer.before, ".after img": answer.view, ".removed img": answer.removed,
    ".slider .under": answer.before, ".slider .over img": answer.view };
  const alts = { before: "The picture as it was", after: "The clean signature",
    removed: "What was removed is red; what was kept is as it was" };
  const loaded = new Image(); // decoded before anything is shown, so that nothing flickers
  loaded.src = own(answer.view);
  await loaded.decode().catch(() => {});
  for (const [selector, address] of Object.entries(images)) {
    const image = find(`#result ${selector}`);
    image.alt = alts[selector.includes("removed") ? "removed" : selector.match(/before|under/) ? "before" : "after"];
    if (address) image.src = own(address); else image.removeAttribute("src");
  }
  const first = !shown;
  shown = answer;
  for (const address of [answer.png.url, answer.view, answer.before, answer.removed]) if (address) files.add(keyOf(address));
  find("#result").removeAttribute("data-empty");
  find("#result").toggleAttribute("data-transparent", look().paper === "transparent");
  note();
  fit();
  clearInk();
  if (first) reveal();
}

function note() {
  const blank = shown.blank && !edits().strokes.length;
  const size = `${shown.width} × ${shown.height} pixels, ${bytes(shown.png.bytes)}, cleaned in ${shown.milliseconds} ms`;
  const until = work.until.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  find("#note").textContent = [
    blank ? "No signature was found here: the result is blank." : size,
    ...shown.warnings, `Deleted from the server by ${until}.`,
  ].join(" · ");
}

function reveal() { // on narrow screens the result lies below the picture
  const top = find("#result").getBoundingClientRect().top;
  if (top > innerHeight * 0.6) find("#result").scrollIntoView({ block: "start" });
}

// --- Opening --------------------------------------------------------------------------------------
async function open(source) {
  const most = props.value?.megabytes;
  if (source.file && most && source.file.size > most * 1024 * 1024) {
    return say(`${source.file.name} has more than ${most} megabytes.`);
  }
  const mine = ++opening;
  latest++;
  stop?.abort();
  endCamera();
  say("");
  studio.setAttribute("aria-busy", "true");
  mark(work ? "Opening the next picture …" : "Opening …");
  let opened;
  try {
    opened = await openOn(source);
  } catch (error) {
    if (mine !== opening) return;
    studio.removeAttribute("aria-busy");
    if (work) wish(); else mark("");
    say(error.message, error.status === 0 || error.status >= 500 ? () => open(source) : null);
    return;
  }
  if (mine !== opening) {
    ask("forget", { keys: [opened.work, keyOf(opened.preview)] }).catch(() => {});
    return;
  }
  const { work: key, name, pages, keep_seconds: seconds } = opened;
  work = { source, key, name, pages, until: deadline(seconds) };
  touches = new Map();
  results = new Map();
  files = new Set();
  clearResult();
  studio.dataset.state = "open";
  studio.removeAttribute("aria-busy");
  find(".name").textContent = name;
  find(".pages").hidden = pages < 2;
  find(".of").textContent = pages;
  find(".page").max = pages;
  await take(opened, mine);
}

async function take(page, mine) { // show a page, find its signatures, clean the best
  Object.assign(work, { page: page.page, width: page.width, height: page.height, preview: page.preview });
  files.add(keyOf(page.preview));
  area = { turns: 0, box: WHOLE, angle: 0 };
  regions = [];
  strip.reset();
  find(".page").value = page.page;
  zoomEditor = 1;
  picture.onload = draw;
  picture.src = own(page.preview);
  draw();
  if (page.search) await search(mine);
  else wish();
}

async function search(mine = opening, told = false) {
  const number = ++latest;
  stop?.abort();
  stop = new AbortController();
  mark("Looking for signatures …");
  try {
    const { signal } = stop;
    const found = await revived(() => ask("find", { work: work.key, page: work.page, area, model: model() }, { signal }), signal);
    if (mine !== opening || number !== latest) return;
    regions = found.regions;
    change({ box: found.regions.length && told ? found.regions[0] : found.best, angle: 0 }, 0);
    if (!regions.length && told) say("No signature was found on this page. Draw a box around it yourself.");
  } catch (error) {
    if (mine !== opening || number !== latest || error.name === "AbortError") return;
    mark("Not done");
    say(error.message, () => search(mine, told));
  }
}

async function turnTo(number) {
  if (!work || !(number >= 1 && number <= work.pages) || number === work.page) {
    find(".page").value = work?.page ?? 1;
    return;
  }
  const mine = ++opening;
  latest++;
  stop?.abort();
  mark("Opening the page …");
  try {
    const page = await revived(() => ask("page", { work: work.key, page: number }));
    if (mine !== opening) return;
    clearResult();
    await take(page, mine);
  } catch (error) {
    if (mine !== opening) return;
    find(".page").value = work.page;
    wish();
    say(error.message);
  }
}

function clearResult() {
  shown = null;
  find("#result").setAttribute("data-empty", "");
  for (const image of element.querySelectorAll("#result img")) image.removeAttribute("src");
  find("#note").textContent = "";
  zoomResult = 1;
  clearInk();
  mark("");
}

function close() {
  latest++;
  opening++;
  stop?.abort();
  work = null;
  regions = [];
  strip.reset();
  clearResult();
  studio.dataset.state = "empty";
  studio.removeAttribute("aria-busy");
}

async function forget() {
  const keys = [work.key, ...results.values(), ...files].filter(Boolean);
  close();
  try {
    await ask("forget", { keys });
    say("Deleted: the picture and its results are no longer on the server.");
  } catch (error) { say(error.message, () => ask("forget", { keys }).then(() => say("Deleted."), () => {})); }
}

// --- The region editor ----------------------------------------------------------------------------
const [stage, frame, box, hints] = [".editor .stage", ".editor .frame", ".editor .box", ".editor .hints"].map(find);
const canvas = find(".editor canvas");
const [straight, degrees, size] = [".straighten input", ".degrees", ".editor .size"].map(find);
const picture = new Image();
let zoomEditor = 1;
let drag = null;

const sideways = () => area.turns % 2 === 1;
const pixels = () => sideways() ? [work.height, work.width] : [work.width, work.height];

function draw() {
  if (!work || !stage.clientWidth) return;
  const [width, height] = pixels();
  const scale = Math.min((stage.offsetWidth - 2) / width, (stage.offsetHeight - 2) / height, MOST) * zoomEditor;
  const [w, h] = [Math.max(1, width * scale), Math.max(1, height * scale)];
  Object.assign(frame.style, { width: `${w}px`, height: `${h}px` });
  if (picture.naturalWidth) paint(w, h);
  putBox();
}

function paint(width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 4000 / Math.max(width, height));
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const [w, h] = sideways() ? [canvas.height, canvas.width] : [canvas.width, canvas.height];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((area.turns * Math.PI) / 2);
  context.drawImage(picture, -w / 2, -h / 2, w, h);
}

const inPercent = ([left, top, right, bottom]) => ({
  left: `${left * 100}%`, top: `${top * 100}%`,
  width: `${(right - left) * 100}%`, height: `${(bottom - top) * 100}%`,
});
const same = (one, other) => one.every((side, index) => Math.abs(side - other[index]) < 1e-6);

function putBox() {
  Object.assign(box.style, inPercent(area.box), { transform: `rotate(${area.angle}deg)` });
  box.classList.toggle("all", same(area.box, WHOLE) && area.angle === 0);
  box.classList.toggle("small", Math.min(box.offsetWidth, box.offsetHeight) < 70); // handles would hide it
  straight.value = area.angle;
  degrees.textContent = `${area.angle}°`;
  straight.setAttribute("aria-valuetext", `${area.angle} degrees`);
  const [width, height] = pixels();
  const [left, top, right, bottom] = area.box;
  size.textContent = `Region: ${Math.round((right - left) * width)} × ` +
    `${Math.round((bottom - top) * height)} of ${width} × ${height} pixels`;
  hints.replaceChildren(...regions.map(hint));
}

function hint(region, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.innerHTML = `<b>${index + 1}</b>`; // the number can be pressed, the area stays free to draw
  button.setAttribute("aria-label", `Signature ${index + 1}`);
  button.setAttribute("aria-pressed", String(same(region, area.box)));
  button.classList.toggle("low", region[1] < 0.05);
  Object.assign(button.style, inPercent(region));
  button.onclick = () => change({ box: region, angle: 0 }, 0);
  return button;
}

function change(part, delay = QUIET) {
  area = { ...area, ...part };
  draw();
  strip.choose();
  wish(shown ? "Old: the region was changed" : "Working …", delay);
}

function turn(clockwise) {
  const [width, height] = pixels();
  const turned = ([left, top, right, bottom]) =>
    clockwise ? [1 - bottom, left, 1 - top, right] : [top, 1 - right, bottom, 1 - left];
  const spot = ([x, y, p]) => clockwise ? [height - y, x, p] : [y, width - x, p];
  for (const list of [touched().done, touched().undone]) {
    for (const one of list) if (one.points) one.points = one.points.map(spot);
  }
  regions = regions.map(turned);
  strip.reset();
  change({ turns: (area.turns + (clockwise ? 1 : 3)) % 4, box: turned(area.box) });
}

function moved(by, from = area.box) {
  const [left, top, right, bottom] = from;
  const x = clamp(by[0], -left, 1 - right);
  const y = clamp(by[1], -top, 1 - bottom);
  return [left + x, top + y, right + x, bottom + y].map((side) => clamp(side, 0, 1));
}

function resized(by) {
  const [left, top, right, bottom] = area.box;
  return [left, top, clamp(right + by[0], left + LEAST, 1), clamp(bottom + by[1], top + LEAST, 1)];
}

// A corner or side follows the pointer in the box's own turned axes, the opposite one stays where it
// is; on the picture itself the pointer draws a new box.
const rotated = ([x, y], angle) => {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [x * c - y * s, x * s + y * c];
};

function pulled(handle, point) {
  const [w, h] = [frame.clientWidth, frame.clientHeight];
  const angle = (area.angle * Math.PI) / 180;
  const [left, top, right, bottom] = drag.box;
  const half = [((right - left) * w) / 2, ((bottom - top) * h) / 2];
  const middle = [((left + right) * w) / 2, ((top + bottom) * h) / 2];
  const back = rotated([-handle[0] * half[0], -handle[1] * half[1]], angle);
  const fixed = [middle[0] + back[0], middle[1] + back[1]];
  const reached = rotated([point[0] * w - fixed[0], point[1] * h - fixed[1]], -angle);
  const length = [w, h].map((side, axis) => handle[axis] === 0
    ? half[axis] * 2
    : Math.max(side * LEAST, handle[axis] * reached[axis]));
  const out = rotated([(handle[0] * length[0]) / 2, (handle[1] * length[1]) / 2], angle);
  const [x, y] = [fixed[0] + out[0], fixed[1] + out[1]];
  return [(x - length[0] / 2) / w, (y - length[1] / 2) / h,
    (x + length[0] / 2) / w, (y + length[1] / 2) / h].map((side) => clamp(side, 0, 1));
}

function drawn(point) {
  const [x, y] = drag.start;
  const [left, right] = [Math.min(x, point[0]), Math.max(x, point[0])];
  const [top, bottom] = [Math.min(y, point[1]), Math.max(y, point[1])];
  return right - left < LEAST || bottom - top < LEAST ? drag.box : [left, top, right, bottom];
}

function position(event) {
  const around = frame.getBoundingClientRect();
  return [clamp((event.clientX - around.left) / around.width, 0, 1),
    clamp((event.clientY - around.top) / around.height, 0, 1)];
}

frame.addEventListener("pointerdown", (event) => {
  if (!work || event.button !== 0 || !event.isPrimary || event.target.closest(".hints button")) return;
  const whole = same(area.box, WHOLE) && area.angle === 0;
  const handle = event.target.dataset.x === undefined
    ? null : [Number(event.target.dataset.x), Number(event.target.dataset.y)];
  const inside = event.target.closest(".box") && !(whole && !handle);
  drag = { kind: handle ? "pull" : inside ? "move" : "draw", handle, start: position(event), box: area.box };
  frame.setPointerCapture(event.pointerId);
  event.preventDefault();
  box.focus({ preventScroll: true });
});
frame.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const point = position(event);
  const by = [point[0] - drag.start[0], point[1] - drag.start[1]];
  if (drag.kind === "draw") area = { ...area, angle: same(drawn(point), drag.box) ? area.angle : 0, box: drawn(point) };
  else area = { ...area, box: drag.kind === "move" ? moved(by, drag.box) : pulled(drag.handle, point) };
  if (shown && !same(area.box, drag.box)) { latest++; mark("Old: the region was changed"); }
  putBox();
});
function drop(event) {
  if (!drag) return;
  const before = drag.box;
  drag = null;
  if (event.type === "pointercancel") { change({ box: before }); return; }
  if (!same(area.box, before)) change({});
}
frame.addEventListener("pointerup", drop);
frame.addEventListener("pointercancel", drop);

const ARROWS = {
  ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
};
box.addEventListener("keydown", (event) => {
  const by = ARROWS[event.key];
  if (!by || !work) return;
  event.preventDefault();
  change({ box: event.shiftKey ? resized(by) : moved(by) });
});
straight.addEventListener("input", () => change({ angle: Number(straight.value) }));

// --- All signatures of the page -------------------------------------------------------------------
const strip = {
  run: 0, done: false, filled: "",
  reset() {
    this.run++;
    this.done = false;
    this.filled = "";
    find("#strip").hidden = true;
    find("#strip ul").replaceChildren();
  },
  choose() {
    [...find("#strip ul").children].forEach((one, index) => {
      const chosen = Boolean(regions[index]) && same(regions[index], area.box);
      one.firstChild.setAttribute("aria-pressed", String(chosen));
    });
  },
};
const areaOf = (region) => ({ turns: area.turns, box: region, angle: 0 });

async function fillStrip() {
  const wanted = JSON.stringify([work.page, regions, area.turns, model(), look(), edits()]);
  if (regions.length < 2 || strip.filled === wanted) return;
  strip.filled = wanted;
  strip.done = false;
  const run = ++strip.run;
  const list = find("#strip ul");
  find("#strip").hidden = false;
  if (list.children.length !== regions.length) list.replaceChildren(...regions.map((region, index) => {
    const item = document.createElement("li");
    item.innerHTML = `<button type="button"><img alt=""><span>${index + 1}</span></button>`;
    item.firstChild.setAttribute("aria-label", `Show signature ${index + 1}`);
    item.firstChild.onclick = () => change({ box: region, angle: 0 }, 0);
    return item;
  }));
  strip.choose();
  try {
    for (const [index, region] of regions.entries()) {
      const answer = await revived(() => result({ ...asked(), ...within(areaOf(region)), area: areaOf(region) }));
      if (run !== strip.run) return;
      files.add(keyOf(answer.png.url));
      list.children[index].querySelector("img").src = own(answer.view);
      list.children[index].toggleAttribute("data-white", look().paper === "white");
    }
    strip.done = true;
    find("#all").disabled = !fresh;
  } catch (error) {
    if (run !== strip.run) return;
    strip.filled = "";
    say(error.message, fillStrip);
  }
}

async function downloadAll(button) {
  const items = regions.map((region, index) => {
    const key = JSON.stringify([work.page, areaOf(region), model()]);
    return { result: results.get(key), number: index + 1, ...within(areaOf(region)) };
  });
  await busy(button, async () => {
    const made = await ask("zip", { items, look: look() });
    files.add(keyOf(made.url));
    store(await load(made.url), made.name);
  });
}

// --- The result -----------------------------------------------------------------------------------
const viewer = find("#result");
const panes = [...viewer.querySelectorAll("figure")];
const slider = viewer.querySelector(".slider .frame");
const range = slider.querySelector("input");
let zoomResult = 1;
const view = () => viewer.dataset.view;
const group = Math.random().toString(36).slice(2);
for (const radio of viewer.querySelectorAll("[data-name=view], [data-name=tool]")) radio.name = `${radio.dataset.name}-${group}`;

function fit() { // give the frames their size: as large as there is room for, times the zoom
  if (!shown) return;
  const room = find("#result .stage");
  let [w, h] = [room.clientWidth, room.clientHeight];
  const ratio = shown.width / shown.height;
  const scale = (width, height) => Math.min(width / shown.width, height / shown.height);
  const below = scale(w, (h - 8) / 2) > scale((w - 8) / 2, h);
  viewer.toggleAttribute("data-below", below);
  if (view() === "side") [w, h] = below ? [w, (h - 8) / 2] : [(w - 8) / 2, h];
  const times = Math.min(scale(w, h), MOST) * zoomResult;
  for (const pane of panes) {
    Object.assign(pane.firstElementChild.style, { width: `${shown.width * times}px`, height: `${shown.height * times}px` });
  }
  viewer.toggleAttribute("data-zoomed", zoomResult > 1);
  for (const pane of panes) pane.tabIndex = zoomResult > 1 ? 0 : -1; // arrow keys scroll it
}

function showView(name) {
  const radio = viewer.querySelector(`[data-name=view][value=${name}]`);
  radio.checked = true;
  viewer.dataset.view = name;
  fit();
  clearInk();
  if (name === "removed" && shown && !shown.removed && fresh) wish();
}

function slide(percent) {
  range.value = percent;
  slider.style.setProperty("--at", `${percent}%`);
}
range.addEventListener("input", () => slide(range.value));
const follow = (event) => {
  const around = slider.getBoundingClientRect();
  slide(Math.round(clamp(((event.clientX - around.left) / around.width) * 100, 0, 100)));
};
slider.addEventListener("pointerdown", (event) => {
  slider.setPointerCapture(event.pointerId);
  follow(event);
  range.focus({ preventScroll: true });
  event.preventDefault();
});
slider.addEventListener("pointermove", (event) => {
  if (slider.hasPointerCapture(event.pointerId)) follow(event);
});
for (const pane of panes) pane.addEventListener("scroll", () => {
  if (view() !== "side") return;
  for (const other of panes) if (other !== pane) {
    other.scrollLeft = pane.scrollLeft;
    other.scrollTop = pane.scrollTop;
  }
});

function zoomTo(step, at = null) {
  const next = ZOOMS[clamp(ZOOMS.indexOf(zoomResult) + step, 0, ZOOMS.length - 1)];
  const grown = next / zoomResult;
  zoomResult = next;
  const middles = panes.map((pane) => [pane.scrollLeft + pane.clientWidth / 2, pane.scrollTop + pane.clientHeight / 2]);
  fit();
  panes.forEach((pane, index) => {
    pane.scrollLeft = middles[index][0] * grown - pane.clientWidth / 2;
    pane.scrollTop = middles[index][1] * grown - pane.clientHeight / 2;
  });
}
function zoomEditorTo(step) {
  const next = ZOOMS[clamp(ZOOMS.indexOf(zoomEditor) + step, 0, ZOOMS.length - 1)];
  const grown = next / zoomEditor;
  const middle = [stage.scrollLeft + stage.clientWidth / 2, stage.scrollTop + stage.clientHeight / 2];
  zoomEditor = next;
  draw();
  stage.scrollLeft = middle[0] * grown - stage.clientWidth / 2;
  stage.scrollTop = middle[1] * grown - stage.clientHeight / 2;
}
viewer.addEventListener("wheel", (event) => {
  if (!event.ctrlKey || !shown) return;
  event.preventDefault();
  zoomTo(event.deltaY < 0 ? 1 : -1);
}, { passive: false });
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey || !work) return;
  event.preventDefault();
  zoomEditorTo(event.deltaY < 0 ? 1 : -1);
}, { passive: false });

// --- The brush ------------------------------------------------------------------------------------
// Strokes are kept in pixels of the turned page, so that they stay in place when the region moves.
const width = find(".brush .width input");
const tip = find(".tip");
const tool = () => viewer.querySelector("[data-name=tool]:checked").value;
const INK = { erase: "rgba(214, 40, 70, .35)", restore: "rgba(20, 130, 70, .4)" };
let stroke = null;

const measures = (given = area) => { // of an area, in pixels of the turned page
  const [w, h] = pixels();
  const [left, top, right, bottom] = given.box;
  return { middle: [((left + right) / 2) * w, ((top + bottom) / 2) * h],
    sides: [(right - left) * w, (bottom - top) * h], angle: (given.angle * Math.PI) / 180 };
};
const toPage = ([x, y]) => {
  const { middle, sides, angle } = measures();
  const out = rotated([(x - 0.5) * sides[0], (y - 0.5) * sides[1]], angle);
  return [middle[0] + out[0], middle[1] + out[1]];
};
const toArea = ([x, y, pressure], { middle, sides, angle }) => {
  const inner = rotated([x - middle[0], y - middle[1]], -angle);
  return [inner[0] / sides[0] + 0.5, inner[1] / sides[1] + 0.5, pressure];
};

function within(given) { // the corrections as the server takes them, for an area
  const measured = measures(given);
  const longest = Math.max(...measured.sides);
  const strokes = [], dropped = [];
  let pen = null;
  for (const one of touched().done) {
    if (one.kind === "keep") pen = one.colour;
    else if (one.kind === "drop") dropped.push(one.colour);
    else {
      const points = one.points.map((point) => toArea(point, measured));
      const near = points.some(([x, y]) => Math.abs(x - 0.5) < 1 && Math.abs(y - 0.5) < 1);
      const radius = one.radius / longest;
      if (near) strokes.push({ kind: one.kind, radius: Math.min(radius, 0.5),
        points: points.map(([x, y, p]) => [clamp(x, -9, 9), clamp(y, -9, 9), p]) });
    }
  }
  return { pen, dropped, strokes };
}
const edits = () => work ? within(area) : { pen: null, dropped: [], strokes: [] };

function spot(event, shape) { // where a pointer is: fractions of the area's sides
  const around = shape.getBoundingClientRect();
  const [left, top, right, bottom] = shown.frame;
  return [left + ((event.clientX - around.left) / around.width) * (right - left),
    top + ((event.clientY - around.top) / around.height) * (bottom - top)];
}
const radius = () => (width.value / 1000) * Math.max(...measures().sides); // pixels of the page
const scale = (shape) => shape.clientWidth / (shown.frame[2] - shown.frame[0]) / measures().sides[0];

function clearInk() {
  for (const one of viewer.querySelectorAll("figure canvas")) one.width = one.height = 0;
  if (stroke) ink(stroke);
}

function ink({ shape, seen, kind, wide }) {
  const sheet = shape.querySelector("canvas");
  if (!sheet) return;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [shape.clientWidth, shape.clientHeight];
  [sheet.width, sheet.height] = [Math.round(w * ratio), Math.round(h * ratio)];
  const context = sheet.getContext("2d");
  context.scale(ratio, ratio);
  Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: INK[kind], lineWidth: wide });
  context.beginPath();
  seen.forEach(([x, y], index) => index ? context.lineTo(x, y) : context.moveTo(x, y));
  if (seen.length === 1) context.lineTo(seen[0][0] + 0.01, seen[0][1]);
  context.stroke();
}

const pressure = (event) => event.pointerType === "pen" && event.pressure ? event.pressure : 1;

function point(event) {
  const around = stroke.shape.getBoundingClientRect();
  stroke.points.push([...toPage(spot(event, stroke.shape)), pressure(event)]);
  stroke.seen.push([event.clientX - around.left, event.clientY - around.top]);
}

viewer.querySelector(".stage").addEventListener("pointerdown", (event) => {
  const shape = event.target.closest(".frame");
  if (!shown || !shape || event.button !== 0 || !event.isPrimary || shape === slider) return;
  const kind = tool();
  const pane = shape.parentElement;
  if (kind === "look") {
    if (zoomResult === 1) return;
    event.preventDefault();
    stroke = { pan: true, pane, from: [event.clientX + pane.scrollLeft, event.clientY + pane.scrollTop] };
  } else if (kind === "keep" || kind === "drop") {
    event.preventDefault();
    pick(kind, spot(event, shape));
    return;
  } else {
    event.preventDefault();
    stroke = { kind, radius: radius(), points: [], seen: [], shape, wide: 2 * radius() * scale(shape) };
    point(event);
    ink(stroke);
  }
  shape.setPointerCapture(event.pointerId);
});
viewer.querySelector(".stage").addEventListener("pointermove", (event) => {
  const shape = event.target.closest(".frame");
  const brushes = shown && ["erase", "restore"].includes(tool()) && shape && shape !== slider;
  tip.hidden = !brushes || event.pointerType === "touch";
  if (brushes && !tip.hidden) {
    const wide = 2 * radius() * scale(shape);
    const around = viewer.querySelector(".stage").getBoundingClientRect();
    Object.assign(tip.style, { width: `${wide}px`, height: `${wide}px`,
      left: `${event.clientX - around.left}px`, top: `${event.clientY - around.top}px` });
  }
  if (!stroke) return;
  if (stroke.pan) {
    stroke.pane.scrollLeft = stroke.from[0] - event.clientX;
    stroke.pane.scrollTop = stroke.from[1] - event.clientY;
    return;
  }
  for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) point(one);
  ink(stroke);
});
viewer.querySelector(".stage").addEventListener("pointerleave", () => { tip.hidden = true; });
const lift = (event) => {
  if (!stroke) return;
  const { pan, kind, points, radius: wide } = stroke;
  const ended = stroke;
  stroke = null;
  if (pan) return;
  if (event.type === "pointercancel") { clearInk(); return; }
  act({ kind, radius: wide, points });
  ink(ended); // stays until the server's picture is there
};
viewer.addEventListener("pointerup", lift);
viewer.addEventListener("pointercancel", lift);

async function pick(kind, [x, y]) {
  const mine = opening;
  try {
    const { colour } = await revived(async () => {
      if (!results.has(place())) await result(asked());
      return ask("pick", { result: results.get(place()), x, y });
    });
    if (mine === opening) act({ kind, colour });
  } catch (error) { if (mine === opening) say(error.message); }
}

function act(one) {
  touched().done.push(one);
  touched().undone = [];
  wish();
}
function undo() {
  const list = touched();
  if (!list.done.length) return;
  list.undone.push(list.done.pop());
  wish();
}
function redo() {
  const list = touched();
  if (!list.undone.length) return;
  list.done.push(list.undone.pop());
  wish();
}
function takeUp(name) {
  const radio = viewer.querySelector(`[data-name=tool][value=${name}]`);
  radio.checked = true;
  viewer.dataset.tool = name;
  if (name === "look" || !shown) return;
  if (view() === "slider") showView(name === "restore" ? "removed" : name === "erase" ? "after" : "side");
}

const typing = (target) => target.matches?.("input[type=text], input[type=number], textarea, select");
document.addEventListener("keydown", (event) => {
  if (!work || !studio.offsetParent || typing(event.target) || event.altKey) return;
  const key = event.key.toLowerCase();
  const control = event.ctrlKey || event.metaKey;
  const actions = control
    ? { z: event.shiftKey ? redo : undo, y: redo }
    : { e: () => takeUp("erase"), r: () => takeUp("restore"), v: () => takeUp("look"),
      "[": () => { width.value = Number(width.value) - 4; }, "]": () => { width.value = Number(width.value) + 4; } };
  if (!actions[key]) return;
  event.preventDefault();
  actions[key]();
});
viewer.addEventListener("change", (event) => {
  if (event.target.dataset.name === "tool") takeUp(event.target.value);
  if (event.target.dataset.name === "view") showView(event.target.value);
});

// --- Downloads ------------------------------------------------------------------------------------
async function busy(button, make) { // a button is off while its file is made
  const mine = latest;
  button.disabled = true;
  try {
    await make(() => mine === latest);
  } catch (error) {
    if (error.status === 410 && work) {
      say("The files were deleted from the server, as all are after a while. They are made again …");
      results = new Map();
      shown.png = null;
      await wish();
      if (fresh) say("Ready: press the button again.");
    } else say(error.message, () => button.click());
  } finally { button.disabled = !fresh; }
}

const look = lookChoices(find(".look"), () => { if (work) wish(); });

find("#png").onclick = (event) => busy(event.currentTarget, async (current) => {
  const { png } = shown;
  const blob = await load(png.url);
  if (current()) store(blob, png.name);
});
find("#svg").onclick = (event) => busy(event.currentTarget, async (current) => {
  const made = await revived(async () => {
    if (!results.has(place())) await result(asked());
    return ask("svg", { ...asked(), result: results.get(place()) });
  });
  files.add(keyOf(made.url));
  const blob = await load(made.url);
  if (current()) store(blob, made.name);
});
find("#copy").onclick = (event) => busy(event.currentTarget, async () => {
  if (!navigator.clipboard?.write) throw new Refused("This browser does not let this page copy pictures: download it.", 0);
  const { png } = shown;
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": load(png.url) })]);
    say("Copied: paste it into Word, Pages or a mail.");
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused("The browser did not let this page copy the picture: download it.", 0);
  }
});
find("#delete").onclick = forget;
for (const one of [find("#png"), viewer.querySelector(".after img")]) one.addEventListener("dragstart", (event) => {
  if (!fresh) return event.preventDefault();
  event.dataTransfer.setData("DownloadURL", `image/png:${shown.png.name}:${own(shown.png.url)}`);
});
addEventListener("beforeunload", (event) => { // strokes are work that would be lost
  if (work && [...touches.values()].some((list) => list.done.length)) event.preventDefault();
});

// --- Ways to open a picture -----------------------------------------------------------------------
const file = find("#file");
file.addEventListener("change", () => {
  if (file.files[0]) open({ file: file.files[0] });
  file.value = "";
});

let camera = null;
const video = find("video");
async function startCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    return say("This browser gives the camera only to pages with https: choose a file.");
  }
  try {
    camera = await navigator.mediaDevices.getUserMedia({ audio: false, video: {
      facingMode: { ideal: "environment" }, width: { ideal: 3840 }, height: { ideal: 2160 } } });
    video.srcObject = camera;
    await video.play();
    studio.dataset.state = "camera";
    find(".camera").hidden = false;
  } catch (error) {
    endCamera();
    say(error.name === "NotAllowedError"
      ? "The browser does not let this page use the camera: allow it, or choose a file."
      : "No camera was found: choose a file.");
  }
}
function endCamera() {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  video.srcObject = null;
  find(".camera").hidden = true;
  if (studio.dataset.state === "camera") studio.dataset.state = work ? "open" : "empty";
}
async function shoot() {
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [video.videoWidth, video.videoHeight];
  sheet.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => sheet.toBlob(done, "image/png"));
  open({ file: new File([blob], "photo.png", { type: "image/png" }) });
}

const ACTIONS = {
  browse: () => file.click(), camera: startCamera, stop: endCamera, shoot, another: close,
  whole: () => change({ box: WHOLE, angle: 0 }, 0), left: () => turn(false), right: () => turn(true),
  find: () => search(opening, true), earlier: () => turnTo(work.page - 1), later: () => turnTo(work.page + 1),
  undo, redo, in: () => zoomEditorTo(1), out: () => zoomEditorTo(-1), larger: () => zoomTo(1), smaller: () => zoomTo(-1),
};
element.addEventListener("click", (event) => {
  ACTIONS[event.target.closest("[data-do]")?.dataset.do]?.();
  const example = event.target.closest("[data-example]");
  if (example) open({ example: Number(example.dataset.example) });
});
find(".page").addEventListener("change", (event) => turnTo(Number(event.target.value)));
find("#all").onclick = (event) => downloadAll(event.currentTarget);

const models = props.value?.models ?? [];
find("#model").append(...models.map((name) => new Option(name, name)));
find(".models").hidden = models.length < 2;
find("#model").addEventListener("change", () => { if (work) { strip.reset(); wish(); } });

document.addEventListener("sigclean:open", (event) => { event.preventDefault(); open({ file: event.detail }); });
new ResizeObserver(() => { draw(); fit(); }).observe(find(".editor .stage"));
new ResizeObserver(() => fit()).observe(viewer.querySelector(".stage"));
mark("");
