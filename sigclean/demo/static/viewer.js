// The result: how it is looked at, and enlarged.
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
