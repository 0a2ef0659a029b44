"""The frame of samples.html: its style, for light and dark and from 360 pixels on, and its script.

Everything is in the one file, so that it opens from a disk, without a server or a network.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --line: #e1e4ea; --text: #1b1f27; --soft: #5c6473;
  --accent: #2458c5; --c0: #2458c5; --c1: #c2501a; --c2: #12805c; --c3: #8a3fb0; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12151b; --card: #1b1f27; --line: #2f3541; --text: #e8eaf0; --soft: #9ba4b5;
  --accent: #84adff; --c0: #84adff; --c1: #ff9d66; --c2: #5ed1a5; --c3: #d094f2; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 1200px; margin: 0 auto; padding: 24px 16px 64px }
h1 { margin: 0; font-size: 24px; line-height: 1.25; overflow-wrap: anywhere }
h2 { margin: 40px 0 12px; font-size: 17px }
p { margin: 4px 0 }
.soft, figcaption { color: var(--soft) }
.card, .chart, .tiles div { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px }
.progress { height: 6px; margin: 14px 0 20px; background: var(--line); border-radius: 3px;
  overflow: hidden }
.progress i { display: block; height: 100%; background: var(--accent) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 10px;
  margin: 0 }
.tiles div { padding: 10px 14px }
.tiles dt { color: var(--soft); font-size: 13px }
.tiles dd { margin: 0; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums }
.tiles small { font-size: 13px; font-weight: 400; color: var(--soft) }
.viewer { padding: 14px }
.viewer img { display: block; height: auto; max-width: min(100%, 1000px); margin: 0 auto;
  border-radius: 6px }
.controls { display: flex; align-items: center; gap: 10px; margin-bottom: 10px }
.controls input { flex: 1; min-width: 0; accent-color: var(--accent); height: 32px }
button { font: inherit; width: 40px; height: 36px; color: var(--text); background: var(--page);
  border: 1px solid var(--line); border-radius: 8px; cursor: pointer }
button:disabled { opacity: .4; cursor: default }
output { display: block; margin-bottom: 12px; font-variant-numeric: tabular-nums }
output b { margin-right: 10px }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.charts { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)) }
.chart { margin: 0; padding: 12px 14px 8px; min-width: 0 }
.chart svg { display: block; width: 100%; height: auto; touch-action: pan-y }
.chart figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 12px;
  margin-bottom: 6px; font-size: 13px; font-weight: 600; color: var(--text) }
.key { margin-left: 10px; font-weight: 400; color: var(--soft); white-space: nowrap }
.key::before { content: ""; display: inline-block; width: 10px; height: 3px; margin-right: 5px;
  vertical-align: middle; border-radius: 2px; background: var(--c) }
.key b { color: var(--text); font-variant-numeric: tabular-nums }
.c0 { --c: var(--c0) } .c1 { --c: var(--c1) } .c2 { --c: var(--c2) } .c3 { --c: var(--c3) }
.axes path { stroke: var(--line) }
.axes text { fill: var(--soft); font-size: 10px }
polyline { fill: none; stroke: var(--c); stroke-width: 1.6; stroke-linejoin: round }
polygon { fill: var(--c); opacity: .16 }
circle { fill: var(--c) }
.cursor { stroke: var(--soft); stroke-dasharray: 3 3 }
.cursor[hidden] { display: none }
.scroll { overflow: auto; max-height: 340px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: 6px 14px; text-align: right; border-bottom: 1px solid var(--line) }
th { position: sticky; top: 0; background: var(--card); font-size: 13px; color: var(--soft) }
tr:last-child td { border-bottom: 0 }
.best td { font-weight: 600; color: var(--accent) }
.all { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)) }
.all figure { margin: 0 }
.all img { display: block; width: 100%; height: auto;
  border: 1px solid var(--line); border-radius: 8px }
details { padding: 0 14px }
summary { padding: 12px 0; cursor: pointer; font-weight: 600 }
.options td { text-align: left; overflow-wrap: anywhere; vertical-align: top }
.options td:first-child { color: var(--soft); white-space: nowrap; padding-left: 0 }
@media (max-width: 480px) { .options td { display: block; padding: 6px 0; border: 0 }
  .options td + td { padding-top: 0; border-bottom: 1px solid var(--line) }
  .charts, .all { grid-template-columns: 1fr } th, td { padding: 6px 8px } }
"""

# The slider shows the grid and the values of its step; a pointer on a chart, those of its place.
SCRIPT = """
"use strict";
const samples = JSON.parse(document.getElementById("samples").textContent);
const slider = document.getElementById("slider");
const charts = [...document.querySelectorAll(".chart")].map(figure => ({
  figure, ...JSON.parse(figure.dataset.chart), svg: figure.querySelector("svg"),
  cursor: figure.querySelector(".cursor"), keys: [...figure.querySelectorAll(".key b")] }));
const [left, right, wide] = [LEFT, RIGHT, WIDTH];

function point(chart, step) {
  const x = left + (wide - left - right) * step / chart.steps;
  chart.cursor.setAttribute("x1", x);
  chart.cursor.setAttribute("x2", x);
  chart.cursor.removeAttribute("hidden");
  chart.curves.forEach((curve, index) => {
    const near = curve.reduce((best, one) =>
      Math.abs(one[0] - step) < Math.abs(best[0] - step) ? one : best);
    chart.keys[index].textContent = near[1];
  });
}

function show(index) {
  const sample = samples[index];
  slider.value = index;
  slider.setAttribute("aria-valuetext", sample.title);
  const image = document.getElementById("grid");
  image.src = sample.src;
  image.alt = "Samples at " + sample.title;
  document.getElementById("full").href = sample.src;
  document.getElementById("at").textContent = sample.title;
  document.getElementById("figures").textContent = sample.figures;
  document.getElementById("before").disabled = index === 0;
  document.getElementById("after").disabled = index === samples.length - 1;
  for (const near of [index - 1, index + 1])
    if (samples[near]) new Image().src = samples[near].src;
  charts.forEach(chart => point(chart, sample.step));
}

if (slider) {
  slider.addEventListener("input", () => show(Number(slider.value)));
  document.getElementById("before").addEventListener("click", () => show(Number(slider.value) - 1));
  document.getElementById("after").addEventListener("click", () => show(Number(slider.value) + 1));
  show(samples.length - 1);
}
for (const chart of charts) {
  chart.svg.addEventListener("pointermove", event => {
    const box = chart.svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * wide;
    const share = Math.min(Math.max((x - left) / (wide - left - right), 0), 1);
    charts.forEach(other => point(other, Math.round(share * chart.steps)));
  });
  chart.svg.addEventListener("pointerleave", () => {
    if (slider) charts.forEach(other => point(other, samples[Number(slider.value)].step));
  });
}
"""
