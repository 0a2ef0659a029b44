// The region editor: the page with the box that is cleaned.
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

function edit(part) { // a change by hand, which is asked about before the page is left
  work.edited = true;
  change(part);
}

function turned(clockwise) { // by a quarter, with the strokes and the regions; returns what the area becomes
  const [width, height] = pixels();
  const around = ([left, top, right, bottom]) =>
    clockwise ? [1 - bottom, left, 1 - top, right] : [top, 1 - right, bottom, 1 - left];
  const spot = ([x, y, p]) => clockwise ? [height - y, x, p] : [y, width - x, p];
  for (const list of [touched().done, touched().undone]) {
    for (const one of list) if (one.points) one.points = one.points.map(spot);
  }
  regions = regions.map(around);
  strip.reset();
  touched().turns = (area.turns + (clockwise ? 1 : 3)) % 4;
  return { turns: touched().turns, box: around(area.box) };
}
const turn = (clockwise) => edit(turned(clockwise));

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
  if (!same(area.box, before)) edit({});
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
  edit({ box: event.shiftKey ? resized(by) : moved(by) });
});
straight.addEventListener("input", () => edit({ angle: Number(straight.value) }));
