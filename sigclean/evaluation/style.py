"""The frame of a report: style and script in the page itself, so that it opens from a disk."""

from __future__ import annotations

from sigclean.reports.page import STYLE as SHARED

STYLE = (
    SHARED
    + """
.charts { grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); }
.chart .label { fill: var(--text); font-size: 11px }
.chart .join { stroke: var(--soft); stroke-dasharray: 2 3; fill: none }
.plain { --c: var(--soft) }
circle, rect { fill: var(--c); fill-opacity: .75 }
circle.plain { fill: none; stroke: var(--c); stroke-width: 1.2 }
.wide { max-height: none }
.charts > .card { align-self: start }
h1 ~ .tiles { margin-top: 12px }
.figures { border-collapse: separate; border-spacing: 0; white-space: nowrap }
.figures th, .figures td { padding: 3px 8px; border-bottom: 0; font-size: 14px }
.figures thead th { z-index: 2; padding: 8px; border-bottom: 1px solid var(--line) }
.figures tbody tr:last-child > *, .figures tbody [rowspan] { border-bottom: 1px solid var(--line) }
.figures tbody th { position: sticky; left: 88px; top: auto; z-index: 1; text-align: left;
  font-weight: 400 }
.figures tbody [rowspan], .figures thead th:first-child { left: 0; width: 88px; min-width: 88px;
  max-width: 88px; vertical-align: top; text-align: left; font-weight: 600; color: var(--text);
  overflow: hidden; text-overflow: ellipsis }
.figures thead th:first-child { z-index: 3 }
.figures thead th:nth-child(2) { left: 88px; z-index: 3 }
.figures small { display: block; font-weight: 400; color: var(--soft) }
.figures .plain td, .figures .low td { color: var(--soft) }
.figures .main td, .figures .main th[scope=row] { font-weight: 600; color: var(--text) }
abbr { text-decoration: none; cursor: help }
.figures tr .better { color: var(--c2) } .figures tr .worse, .note { color: var(--c1) }
.case { margin: 0 0 14px; padding: 12px 14px }
.case h3 { margin: 0 0 8px; font-size: 15px; overflow-wrap: anywhere }
.case h3 small { font-weight: 400; color: var(--soft) }
.triple { display: grid; gap: 10px;
  grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr)) }
.triple figure { margin: 0; min-width: 0 }
.triple button { display: block; width: 100%; height: auto; padding: 0; overflow: hidden;
  background: #fff; cursor: zoom-in }
.triple img { display: block; width: 100%; height: 220px; object-fit: contain }
dialog { max-width: 96vw; padding: 14px; color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: 10px }
dialog::backdrop { background: rgb(0 0 0 / .6) }
dialog img { display: block; width: min(90vw, 1100px); height: 74vh; object-fit: contain;
  background: #fff; border-radius: 6px }
dialog p { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; margin: 0 0 10px }
dialog b { overflow-wrap: anywhere } .close { margin-left: auto }
@media (max-width: 480px) {
  .figures th, .figures td { padding: 3px 6px; font-size: 12px }
  .figures tbody [rowspan], .figures thead th:first-child { width: 68px; min-width: 68px;
    max-width: 68px; font-size: 11px }
  .figures tbody th, .figures thead th:nth-child(2) { left: 68px }
  .triple img { height: auto } dialog img { height: 60vh } }
"""
)

# A picture opens large; the arrow keys go to the other pictures of its case, at the same place, so
# that differences show, and to the cases before and after.
SCRIPT = """
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
"""
