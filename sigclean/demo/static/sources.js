// Ways to open a picture: a chosen file, the camera, an example.
const file = find("#file");
file.addEventListener("change", () => {
  if (file.files[0]) open({ file: file.files[0] });
  file.value = "";
});

let camera = null;
const video = find("video");
async function startCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    return say("This browser gives the camera only to pages with https: choose a file.");
  }
  try {
    camera = await navigator.mediaDevices.getUserMedia({ audio: false, video: {
      facingMode: { ideal: "environment" }, width: { ideal: 3840 }, height: { ideal: 2160 } } });
    video.srcObject = camera;
    await video.play();
    studio.dataset.state = "camera";
    find(".camera").hidden = false;
  } catch (error) {
    endCamera();
    say(error.name === "NotAllowedError"
      ? "The browser does not let this page use the camera: allow it, or choose a file."
      : "No camera was found: choose a file.");
  }
}
function endCamera() {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  video.srcObject = null;
  find(".camera").hidden = true;
  if (studio.dataset.state === "camera") studio.dataset.state = work ? "open" : "empty";
}
async function shoot() {
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [video.videoWidth, video.videoHeight];
  sheet.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => sheet.toBlob(done, "image/png"));
  open({ file: new File([blob], "photo.png", { type: "image/png" }) });
}

const ACTIONS = {
  browse: () => file.click(), camera: startCamera, stop: endCamera, shoot, another: close,
  whole: () => change({ box: WHOLE, angle: 0 }, 0), left: () => turn(false), right: () => turn(true),
  find: () => search(true), earlier: () => turnTo(work.page - 1), later: () => turnTo(work.page + 1),
  undo, redo, in: () => zoomEditorTo(1), out: () => zoomEditorTo(-1), larger: () => zoomTo(1), smaller: () => zoomTo(-1),
};
element.addEventListener("click", (event) => {
  ACTIONS[event.target.closest("[data-do]")?.dataset.do]?.();
  const example = event.target.closest("[data-example]");
  if (example) open({ example: Number(example.dataset.example) });
});
find(".page").addEventListener("change", (event) => turnTo(Number(event.target.value)));
find("#all").onclick = (event) => downloadAll(event.currentTarget);

const models = props.value?.models ?? [];
find("#model").append(...models.map((name) => new Option(name, name)));
find(".models").hidden = models.length < 2;
find("#model").addEventListener("change", () => { if (work) { strip.reset(); anew(); } });

document.addEventListener("sigclean:open", (event) => { event.preventDefault(); open({ file: event.detail }); });
new ResizeObserver(() => { draw(); fit(); }).observe(find(".editor .stage"));
new ResizeObserver(() => fit()).observe(viewer.querySelector(".stage"));
mark("");
