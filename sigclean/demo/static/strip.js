// All signatures of the page, shown below, with one download.
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
  const wanted = JSON.stringify([pageNow(), regions, area.turns, look(), edits()]);
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
    return { result: results.get(place(areaOf(region))), number: index + 1, ...within(areaOf(region)) };
  });
  await busy(button, async () => {
    const made = await produced("zip", { items, look: look() });
    store(await load(made.url), made.name);
  });
}
