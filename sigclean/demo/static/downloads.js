// Downloads, and the choices of the look.
async function busy(button, make) { // a button is off while its file is made
  const [mine, file] = [latest, work];
  button.disabled = true;
  try {
    await make(() => mine === latest);
  } catch (error) {
    if (work !== file) return;
    if (error.status === 410) {
      say("The files were deleted from the server, as all are after a while. They are made again …");
      results = new Map();
      await wish();
      if (fresh) say("Ready: press the button again.");
    } else say(error.message, () => button.click());
  } finally { button.disabled = !fresh; }
}

const look = lookChoices(find(".look"), () => { if (work && !searching()) wish(); }); // a search ends in a wish
const reading = readingChoices(find(".reading"), (what) => {
  if (!work) return;
  strip.reset();
  if (what === "dpi") redraw(); else anew();
});
find(".dpi").hidden = true; // until a PDF is open

find("#png").onclick = (event) => busy(event.currentTarget, async (current) => {
  const { png } = shown;
  const blob = await load(png.url);
  if (current()) store(blob, png.name);
});
find("#svg").onclick = (event) => busy(event.currentTarget, async (current) => {
  const made = await revived(async () => produced("svg", { ...asked(), result: await resultKey(asked()) }));
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
addEventListener("beforeunload", (event) => { // regions and strokes by hand are work that would be lost
  if (work && (work.edited || [...touches.values()].some((list) => list.done.length))) event.preventDefault();
});
