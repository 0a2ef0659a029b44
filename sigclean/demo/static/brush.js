// The brush.
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
    const { colour } = await revived(async () => ask("pick", { result: await resultKey(asked()), x, y }));
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
  if (name === "restore" && view() === "after") showView("removed"); // where what can come back is seen
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
