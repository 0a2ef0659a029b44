// Opening a file or another page of it, finding its signatures, closing and deleting it.
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
