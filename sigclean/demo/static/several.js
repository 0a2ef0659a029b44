// Several pictures: each is sent and cleaned by itself, two at a time, so that nobody else waits for
// all of them; a zip is packed from those that are done, in the look that is chosen.
const AT_ONCE = 2;
const MOST = props.value?.most ?? 50;
const find = (selector) => element.querySelector(selector);
const say = messages(find(".message"));
const grid = find("#grid");
let items = []; // { source, page, name, result, made, state: waiting | working | done | blank | failed, busy, card }
// The pages of a document have one source: { file, password, key, sending, opened }
let latest = 0; // number of the last choice
let cleanings = 0; // how often all pictures were to be cleaned again
let working = 0;
let saved = true; // all results were downloaded in a zip

const model = () => find(".model").value || null;
const look = lookChoices(find(".look"), () => {
  latest++;
  for (const item of items) if (item.result) item.state = "waiting";
  begin();
});

const reading = readingChoices(find(".reading"), afterAll);

function afterAll() { // all pictures are cleaned again
  latest++;
  cleanings++;
  for (const item of items) {
    item.result = null;
    if (item.state !== "failed" || item.source.key) item.state = "waiting";
  }
  begin();
}

function add(files) {
  const room = MOST - items.length;
  if (files.length > room) say(`At most ${MOST} pictures at once: ${files.length - Math.max(room, 0)} were left out.`);
  for (const file of files.slice(0, Math.max(room, 0))) append({ source: { file }, page: 1, name: file.name });
  begin();
}

function append(given, after = null) {
  const card = document.createElement("li");
  card.innerHTML = `<div class="pair"><div class="pic"><img class="before" alt="Before"></div><div class="pic checks"><img class="after" alt="After"></div></div>
    <p class="title"></p><p class="said"></p>
    <div class="row"><button type="button" class="get" disabled>Download</button><button type="button" class="unlock" hidden>Password</button><button type="button" class="drop">Remove</button></div>`;
  const item = { state: "waiting", made: [], card, ...given };
  card.querySelector(".title").textContent = item.name;
  card.querySelector(".get").setAttribute("aria-label", `Download ${item.name}`);
  card.querySelector(".drop").setAttribute("aria-label", `Remove ${item.name}`);
  card.querySelector(".unlock").setAttribute("aria-label", `Password of ${item.name}`);
  card.querySelector(".unlock").onclick = () => unlock(item);
  card.querySelector(".get").onclick = (event) => get(item, event.currentTarget);
  card.querySelector(".drop").onclick = () => remove(item);
  if (after) { items.splice(items.indexOf(after) + 1, 0, item); after.card.after(card); } else { items.push(item); grid.append(card); }
  return item;
}

async function unlock(item) {
  const password = await passwordOf(element, item.error);
  if (!password || !items.includes(item)) return;
  item.source.password = password;
  item.state = "waiting";
  begin();
}

function remove(item) {
  items = items.filter((one) => one !== item);
  item.card.remove();
  forgotten([...item.made, isListed(item.source) ? null : item.source.key].filter(Boolean));
  tell();
}

const isListed = (source) => items.some((item) => item.source === source);

function tell() {
  for (const item of items) {
    item.card.dataset.state = item.state;
    item.card.querySelector(".get").disabled = item.state !== "done";
    item.card.querySelector(".unlock").hidden = item.state !== "failed" || item.needs !== "password";
    item.card.querySelector(".said").textContent = {
      waiting: "Waiting …", working: "Cleaning …", blank: "No signature was found.", failed: item.error,
      done: item.answer && [`${item.answer.width} × ${item.answer.height} pixels, ${bytes(item.answer.png.bytes)}`, ...item.answer.warnings].join(" · "),
    }[item.state] ?? "";
  }
  const count = (state) => items.filter((item) => item.state === state).length;
  const left = count("waiting") + count("working");
  const number = (amount, one, many) => `${amount} ${amount === 1 ? one : many}`;
  const parts = [`${number(count("done"), "picture", "pictures")} cleaned`];
  if (count("blank")) parts.push(`${count("blank")} without a signature`);
  if (count("failed")) parts.push(`${count("failed")} not cleaned`);
  if (left) parts.push(`${left} to go`);
  find("#report").textContent = items.length ? `${parts.join(", ")}.` : "No pictures yet.";
  find("#zip").disabled = left > 0 || !count("done");
  find("[data-do=clear]").disabled = !items.length;
  element.firstElementChild.dataset.state = items.length ? "open" : "empty";
}

function begin() {
  tell();
  while (working < AT_ONCE) {
    const item = items.find((one) => one.state === "waiting" && !one.busy);
    if (!item) return;
    working++;
    Object.assign(item, { state: "working", busy: true });
    tell();
    treat(item).finally(() => { working--; item.busy = false; begin(); });
  }
}

async function uploaded(item, options) { // the key of the item's file, which is sent once for all its pages
  const { source } = item;
  if (source.key) return source.key;
  source.sending ??= send(source.file, { ...options, preview: false, password: source.password, dpi: reading().dpi });
  try {
    const opened = await source.sending;
    source.key = opened.work;
    if (!isListed(source)) forgotten(keysOf(opened)); // it was removed meanwhile
    else if (!source.opened) addPages(item, opened.pages);
  } finally { source.sending = null; }
  return source.key;
}

function addPages(first, count) { // a card for each further page
  const { source, name } = first;
  source.opened = true;
  const pages = Math.min(count, 1 + MOST - items.length);
  if (pages < count) say(`${name} has ${count} pages: the first ${pages} were taken.`);
  let last = first;
  for (let page = 2; page <= pages; page++) last = append({ source, page, name: `${name}, page ${page}` }, last);
}

async function treat(item, again = true) {
  const [mine, cleaning] = [latest, cleanings];
  const options = { waiting: (place) => { item.card.querySelector(".said").textContent = `Waiting: place ${place} in the queue`; } };
  const { source } = item;
  let key = null;
  try {
    key = await uploaded(item, options);
    if (!items.includes(item)) return;
    const wanted = { look: look(), model: model() };
    const answer = item.result
      ? await ask("show", { ...wanted, result: item.result }, options)
      : await ask("clean", { ...wanted, ...reading(), work: key, page: item.page, password: source.password }, options);
    if (!items.includes(item)) return forgotten(keysOf(answer));
    item.made.push(...keysOf(answer));
    if (cleaning === cleanings) item.result = answer.result ?? item.result;
    if (mine !== latest) { item.state = "waiting"; return; } // something else was chosen meanwhile
    present(item, answer, wanted.look.paper);
  } catch (error) {
    if (error.status === 410 && item.result) { item.result = null; return treat(item, again); }
    if (error.status === 410 && again) {
      if (source.key === key) source.key = null; // else it was sent again for another page
      return treat(item, false);
    }
    Object.assign(item, { error: error.message, needs: error.needs });
    item.state = mine === latest ? "failed" : "waiting";
  }
}

function present(item, answer, paper) {
  item.answer = answer;
  item.state = answer.blank ? "blank" : "done";
  saved = false;
  item.card.querySelector(".before").src = own(answer.before);
  item.card.querySelector(".after").src = own(answer.view);
  item.card.toggleAttribute("data-white", paper === "white");
}

async function afresh(act) { // what was deleted meanwhile is made again
  try { return await act(); } catch (error) {
    if (error.status !== 410) throw error;
    for (const item of items) if (item.result) { item.source.key = item.result = null; item.state = "waiting"; }
    begin();
    throw new Refused("The files were deleted from the server, as all are after a while. They are made again: press the button once more.", 410);
  }
}

async function get(item, button) {
  button.disabled = true;
  try {
    store(await afresh(() => load(item.answer.png.url)), item.answer.png.name);
  } catch (error) { say(error.message); } finally { tell(); }
}

find("#zip").onclick = async (event) => {
  event.currentTarget.disabled = true;
  const mine = latest;
  try {
    const done = items.filter((item) => item.state === "done" || item.state === "blank");
    const made = await afresh(() => ask("zip", { items: done.map(({ result }) => ({ result })), look: look() }));
    const blob = await load(made.url);
    if (mine !== latest) return;
    store(blob, made.name);
    saved = true;
  } catch (error) { say(error.message); } finally { tell(); }
};

const files = find("#files");
files.addEventListener("change", () => { add([...files.files]); files.value = ""; });
element.addEventListener("click", (event) => {
  const wanted = event.target.closest("[data-do]")?.dataset.do;
  if (wanted === "browse") files.click();
  if (wanted === "clear") for (const item of [...items]) remove(item);
});
document.addEventListener("sigclean:add", (event) => { event.preventDefault(); add(event.detail); });
addEventListener("beforeunload", (event) => { if (items.some((item) => ["waiting", "working"].includes(item.state) || (item.state === "done" && !saved))) event.preventDefault(); });

const models = props.value?.models ?? [];
find(".model").append(...models.map((name) => new Option(name, name)));
find(".models").hidden = models.length < 2;
find(".model").addEventListener("change", afterAll);
