"use strict";
const study = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const rows = [["study", "rater", "item", "position", "score", "milliseconds"]];
let rater = "", order = [], position = 0, shownAt = 0;

by("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = by("code").value.trim().toLowerCase();
  if (!Object.hasOwn(study.orders, rater)) {
    by("wrong").textContent = "This page does not know that code. Look at it once more.";
    return;
  }
  order = study.orders[rater];
  by("start").hidden = true;
  by("ask").hidden = false;
  window.addEventListener("beforeunload", keep);
  show();
});

by("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const score = new FormData(by("ask")).get("score");
  if (score === null || position >= order.length) return;
  const taken = Math.round(performance.now() - shownAt);
  rows.push([study.study, rater, study.items[order[position]].id, position + 1, score, taken]);
  position += 1;
  if (position < order.length) show(); else end();
});

function show() {
  const item = study.items[order[position]];
  by("ask").reset();
  by("pair").hidden = item.wanted !== null;
  by("text").textContent = item.wanted === null ? study.question : "A check: please choose " + item.wanted + " here.";
  by("progress").textContent = (position + 1) + " of " + order.length;
  for (const side of ["source", "result"]) {
    if (item.wanted === null) by(side).src = study.pictures[item[side]]; else by(side).removeAttribute("src");
  }
  by("text").focus();
  shownAt = performance.now();
}

function end() {
  by("ask").hidden = true;
  by("end").hidden = false;
  const text = rows.map((row) => row.join(",") + "\r\n").join("");
  by("save").href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  by("save").download = "answers-" + rater + ".csv";
  by("save").addEventListener("click", () => window.removeEventListener("beforeunload", keep));
  by("thanks").focus();
}

function keep(event) {
  event.preventDefault();
}
