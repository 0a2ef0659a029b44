// The result in four views of one height: nothing on the page moves when they change.
const viewer = element.querySelector(".viewer");
const slider = viewer.querySelector(".slider .frame");
const range = slider.querySelector("input");
const MOST = 3; // largest enlargement of small pictures
const group = `view-${Math.random().toString(36).slice(2)}`;

const IMAGES = {
  ".before img": ["before", "The picture as it was"],
  ".after img": ["after", "The clean signature"],
  ".removed img": ["removed", "What was removed, tinted red; what was kept, as it was"],
  ".slider .under": ["before", "The picture as it was"],
  ".slider .over img": ["after", "The clean signature"],
};

function take() {
  const value = props.value;
  viewer.toggleAttribute("data-empty", !value);
  viewer.toggleAttribute("data-transparent", Boolean(value && value.transparent));
  for (const [selector, [key, text]] of Object.entries(IMAGES)) {
    const image = viewer.querySelector(selector);
    if (!value) { image.removeAttribute("src"); continue; }
    image.alt = text;
    image.src = value[key].url;
  }
  if (!value) return;
  viewer.style.setProperty("--ratio", value.width / value.height);
  viewer.style.setProperty("--most", `${value.width * MOST}px`);
  slide(50);
}

function slide(percent) {
  range.value = percent;
  slider.style.setProperty("--at", `${percent}%`);
}

for (const radio of viewer.querySelectorAll("[type=radio]")) {
  radio.name = group;
  radio.addEventListener("change", () => { viewer.dataset.view = radio.value; });
}
range.addEventListener("input", () => slide(range.value));
const follow = (event) => {
  const around = slider.getBoundingClientRect();
  slide(Math.min(100, Math.max(0, ((event.clientX - around.left) / around.width) * 100)));
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
watch("value", take);
take();
