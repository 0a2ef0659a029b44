// Opening a file or another page of it, finding its signatures, closing and deleting it.
async function open(source) {
  const most = props.value?.megabytes;
  if (source.file && most && source.file.size > most * 1024 * 1024) {
    return say(`${source.file.name} has more than ${most} megabytes.`);
  }
  const [mine, seeking] = [++opening, searching()];
  latest++;
  stop?.abort();
  endCamera();
  find(".password").close();
  say("");
  studio.setAttribute("aria-busy", "true");
  mark(work ? "Opening the next picture …" : "Opening …");
  let opened;
  try {
    opened = await openOn(source);
  } catch (error) {
    if (mine !== opening) return;
    studio.removeAttribute("aria-busy");
    if (work) anew(seeking); else mark("");
    if (error.needs === "password") return unlock(source, error.message);
    say(error.message, error.status === 0 || error.status >= 500 ? () => open(source) : null);
    return;
  }
  if (mine !== opening) {
    forgotten(keysOf(opened));
    return;
  }
  const { work: key, name, pages, keep_seconds: seconds } = opened;
  work = { source, key, name, pages, seconds };
  touches = new Map();
  results = new Map();
  files = new Set(keysOf(opened));
  clearResult();
  studio.dataset.state = "open";
  studio.removeAttribute("aria-busy");
  find(".name").textContent = name;
  find(".pages").hidden = pages < 2;
  find(".of").textContent = pages;
  find(".page").max = pages;
  await take(opened);
}

async function unlock(source, said) { // asks for a password until it is right, or none is given
  const mine = opening;
  const password = await passwordOf(studio, said);
  if (mine !== opening) return;
  if (password) open({ ...source, password }); else say(said);
}

function adopt(page) { // a page's size and picture
  const { width, height, preview, drawn } = page;
  Object.assign(work, { page: page.page, width, height, preview, drawn });
  find(".dpi").hidden = !drawn;
  picture.onload = draw;
  picture.src = own(preview);
  draw();
}

async function redraw() { // the page at another resolution: the region and the strokes stay
  if (!work?.drawn) return;
  const [mine, seeking] = [++opening, searching()];
  latest++;
  stop?.abort();
  mark("Opening the page …");
  try {
    const answer = await revived(() => produced("page", pageNow()));
    if (mine !== opening) return;
    adopt(answer);
    strip.reset();
    anew(seeking);
  } catch (error) {
    if (mine !== opening) return;
    mark("Not done");
    say(error.message, redraw);
  }
}

async function take(page) { // show a page, find its signatures, clean the best
  adopt(page);
  area = { turns: touched().turns, box: WHOLE, angle: 0 };
  regions = [];
  strip.reset();
  find(".page").value = page.page;
  zoomEditor = 1;
  draw();
  if (page.search) await search();
  else wish();
}

async function search(told = false) {
  const [mine, number] = [opening, ++latest];
  sought = { number, told };
  stop?.abort();
  stop = new AbortController();
  mark("Looking for signatures …");
  try {
    const { signal } = stop;
    const found = await revived(() => ask("find", { ...pageNow(), area }, { signal }), signal);
    if (mine !== opening || number !== latest) return;
    regions = found.regions;
    area = { ...area, box: regions.length && told ? regions[0] : found.best, angle: 0 };
    const lies = found.turned && !touched().looked; // a page that was turned back by hand stays so
    touched().looked = true;
    change(lies ? turned(found.turned === 270) : {}, 0); // 270 is a quarter clockwise
    if (!regions.length && told) say("No signature was found on this page. Draw a box around it yourself.");
  } catch (error) {
    if (mine !== opening || number !== latest || error.name === "AbortError") return;
    sought.number = 0;
    mark("Not done");
    say(error.message, () => search(told));
  }
}

async function turnTo(number) {
  if (!work || !(number >= 1 && number <= work.pages) || number === work.page) {
    find(".page").value = work?.page ?? 1;
    return;
  }
  const [mine, seeking] = [++opening, searching()];
  latest++;
  stop?.abort();
  mark("Opening the page …");
  try {
    const answer = await revived(() => produced("page", { ...pageNow(), page: number }));
    if (mine !== opening) return;
    clearResult();
    await take(answer);
  } catch (error) {
    if (mine !== opening) return;
    find(".page").value = work.page;
    anew(seeking);
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
  const keys = [...files];
  close();
  try {
    await ask("forget", { keys });
    say("Deleted: the picture and its results are no longer on the server.");
  } catch (error) { say(error.message, () => ask("forget", { keys }).then(() => say("Deleted."), () => {})); }
}
