// A picture in the clipboard can be pasted anywhere on the page.
() => {
  const input = () => document.querySelector("#picture input[type=file]");
  const appears = async (tries = 100) => {
    while (!input() && tries-- > 0) await new Promise((done) => setTimeout(done, 20));
    return input();
  };
  document.addEventListener("paste", async (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length || event.target.closest?.("input[type=text], textarea")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!input()) document.querySelector("#another")?.click();
    const target = await appears();
    if (!target) return;
    const transfer = new DataTransfer();
    transfer.items.add(files[0]);
    target.files = transfer.files;
    target.dispatchEvent(new Event("change", { bubbles: true }));
  }, true);
}
