// What concerns the whole page: its language, and pictures that are dropped or pasted anywhere.
() => {
  const shell = document.documentElement;
  const english = () => { if (shell.lang !== "en") shell.lang = "en"; };
  english(); // Gradio sets the browser's language, but the page's words are English
  new MutationObserver(english).observe(shell, { attributes: true, attributeFilter: ["lang"] });

  const tab = (name) => [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === name);
  const severalIsOpen = () => tab("Several")?.getAttribute("aria-selected") === "true";
  const give = (files) => { // to the tab that is open; several files go to the tab for several
    const several = severalIsOpen() || files.length > 1;
    tab(several ? "Several" : "One picture")?.click();
    const detail = several ? files : files[0];
    let tries = 1200; // a minute: the tab is built when it is opened for the first time
    const hand = () => {
      const event = new CustomEvent(several ? "sigclean:add" : "sigclean:open", { detail, cancelable: true });
      if (document.dispatchEvent(event) && tries-- > 0) setTimeout(hand, 50);
    };
    hand();
  };

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.target.closest?.("input[type=text], input[type=number], textarea")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    give(files);
  }, true);
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let within = 0;
  addEventListener("dragenter", (event) => {
    if (holdsFiles(event) && ++within === 1) document.body.classList.add("dropping");
  }, true);
  addEventListener("dragleave", (event) => {
    if (holdsFiles(event) && --within <= 0) { within = 0; document.body.classList.remove("dropping"); }
  }, true);
  addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); }, true);
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    within = 0;
    document.body.classList.remove("dropping");
    const files = [...event.dataTransfer.files];
    if (files.length) give(files);
  }, true);
  shell.dataset.takes = "files"; // from here on
}
