// A picture opens large; the arrow keys go to the other pictures of its case, at the same place, so
// that differences show, and to the cases before and after.
"use strict";
const dialog = document.querySelector("dialog");
const cases = [...document.querySelectorAll(".case")].map(one => ({
  title: one.querySelector("h3").textContent, pictures: [...one.querySelectorAll("img")] }));
let [at, which] = [0, 0];

function show(number, picture) {
  at = (number + cases.length) % cases.length;
  which = (picture + cases[at].pictures.length) % cases[at].pictures.length;
  const image = cases[at].pictures[which];
  const large = dialog.querySelector("img");
  large.src = image.src;
  large.alt = image.alt;
  document.getElementById("what").textContent = image.alt;
  document.getElementById("which").textContent = cases[at].title;
  if (!dialog.open) dialog.showModal();
}

const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
function move([down, right]) { show(at + down, which + right); }
cases.forEach((one, number) => one.pictures.forEach((image, picture) =>
  image.closest("button").addEventListener("click", () => show(number, picture))));
if (dialog) {
  dialog.addEventListener("keydown", event => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    move(moves[event.key]);
  });
  for (const button of dialog.querySelectorAll("[data-move]"))
    button.addEventListener("click", () => move(moves[button.dataset.move]));
}
