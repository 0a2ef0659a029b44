// The slider shows the grid and the figures of its step; a pointer on a chart shows the values there.
"use strict";
const samples = JSON.parse(document.getElementById("samples").textContent);
const slider = document.getElementById("slider");
const charts = [...document.querySelectorAll(".chart")].map(figure => ({
  figure, ...JSON.parse(figure.dataset.chart), svg: figure.querySelector("svg"),
  cursor: figure.querySelector(".cursor"), keys: [...figure.querySelectorAll(".key b")] }));

function point(chart, step) {
  const x = chart.left + (chart.right - chart.left) * step / chart.steps;
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
    const x = (event.clientX - box.left) / box.width * chart.width;
    const share = Math.min(Math.max((x - chart.left) / (chart.right - chart.left), 0), 1);
    charts.forEach(other => point(other, Math.round(share * chart.steps)));
  });
  chart.svg.addEventListener("pointerleave", () => {
    if (slider) charts.forEach(other => point(other, samples[Number(slider.value)].step));
  });
}
