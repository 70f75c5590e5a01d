"use strict";
// Sorting, filtering, comparing, copying and turning pages. Without it every table and text stands there all the same.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function made(tag, text, facts = {}) {
  const element = Object.assign(document.createElement(tag), facts);
  element.textContent = text;
  return element;
}

// Where a page stands is kept behind the #, so that it can be sent: words without a value lead to a place on the page.
const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

function remember(values) {
  for (const [name, value] of Object.entries(values)) {
    if (value === "" || value === null) state.delete(name);
    else state.set(name, value);
  }
  const text = state.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

// A board of many rows brings them as data, said in packed.py: they become what the others are from the start.

function makeRows(data) {
  const { names, tables } = JSON.parse(data.textContent);
  all("section.ranks table.sort").forEach((table, at) => {
    const { href } = table.closest("section").querySelector("h3 a");
    const headings = [...table.tHead.rows[0].cells];
    const name = headings.findIndex((heading) => heading.classList.contains("t"));
    table.tBodies[0].append(...tables[at].map((row) => madeRow(row, names, { href, headings, name })));
  });
}

function madeRow([key, kind, ...cells], names, { href, headings, name }) {
  const [text, place] = names[key];
  const row = made("tr", "", { className: kind.replace("v", "") });
  for (const [at, cell] of cells.toSpliced(name, 0, "").entries()) {
    const [words, best] = Array.isArray(cell) ? [cell[0], " b"] : [cell, ""];
    row.append(at === name ? madeName(text, `${href}#${place}`, kind.includes("v")) : made("td", words, { className: headings[at].className + best }));
  }
  return row;
}

function madeName(text, href, verified) {
  const cell = made("th", "", { scope: "row", className: text.length > 30 ? "w" : "" });
  cell.append(made("a", text, { href }));
  if (verified) cell.append(" ", made("abbr", "✓", { title: "verified: a maintainer ran every record again and signed" }));
  return cell;
}

// Tables: a heading sorts every table of the page that has one of its name.

function value(cell, number) {
  const text = cell.textContent.trim();
  if (!number) return text.toLowerCase();
  return parseFloat(text.replace("\u2212", "-").replace("\u221e", "Infinity"));
}

function sortTable(table, at, turn) {
  const body = table.tBodies[0];
  const number = !table.tHead.rows[0].cells[at].classList.contains("t");
  const rows = [...body.rows].map((row) => [value(row.cells[at], number), row]);
  const known = rows.filter(([key]) => !Number.isNaN(key));
  const none = rows.filter(([key]) => Number.isNaN(key));
  known.sort(([a], [b]) => (a < b ? -turn : a > b ? turn : 0));
  body.append(...[...known, ...none].map(([, row]) => row));
  for (const heading of table.tHead.rows[0].cells) heading.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[at].setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
}

function sortAll(title, turn) {
  for (const table of all("table.sort")) {
    const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === title);
    if (at >= 0) sortTable(table, at, turn);
  }
}

function makeSortable() {
  for (const heading of all("table.sort thead th")) {
    const button = made("button", heading.textContent.trim(), { type: "button" });
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const turn = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      sortAll(button.textContent, turn);
      remember({ sort: `${turn < 0 ? "-" : ""}${button.textContent}` });
    });
  }
  const asked = state.get("sort");
  if (asked) sortAll(asked.replace(/^-/, ""), asked.startsWith("-") ? -1 : 1);
}

// The page of a board: which of its tables and rows are shown.

function makeFilters(form) {
  const fields = form.elements;
  const usual = { profile: "", budget: "ranked", defense: "", q: "", controls: true };

  function apply() {
    const asked = fields.q.value.trim().toLowerCase();
    let shown = 0;
    for (const profile of all("section.profile")) {
      const wanted = !fields.profile.value || profile.dataset.profile === fields.profile.value;
      profile.hidden = !wanted;
      for (const section of all("section.ranks", profile)) {
        const { budget, ranked, defense } = section.dataset;
        const met = !fields.defense.value || defense === fields.defense.value;
        const bought = fields.budget.value === "ranked" ? ranked === "yes" : !fields.budget.value || budget === fields.budget.value;
        let some = 0;
        for (const row of section.querySelector("tbody").rows) {
          const named = row.querySelector("th").textContent.toLowerCase().includes(asked);
          row.hidden = !named || (row.className === "c" && !fields.controls.checked);
          some += row.hidden ? 0 : 1;
        }
        section.hidden = !met || !bought || !some;
        shown += wanted && !section.hidden ? some : 0;
      }
    }
    form.querySelector("output").textContent = shown === 1 ? "1 row" : `${shown} rows`;
  }

  function changed() {
    const now = {};
    for (const [name, standard] of Object.entries(usual)) {
      const is = typeof standard === "boolean" ? fields[name].checked : fields[name].value;
      now[name] = is === standard ? "" : typeof is === "boolean" ? Number(is) : is || "any";
    }
    remember(now);
    apply();
  }

  for (const [name, standard] of Object.entries(usual)) {
    const asked = state.get(name);
    if (typeof standard === "boolean") fields[name].checked = asked === null ? standard : asked === "1";
    else fields[name].value = asked === null ? standard : asked === "any" ? "" : asked;
  }
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}

// Columns beyond the few that everybody wants.
function makeColumns(box) {
  const apply = () => document.body.classList.toggle("few", !box.checked);
  box.checked = state.get("all") === "1";
  box.addEventListener("input", () => {
    apply();
    remember({ all: box.checked ? "1" : "" });
  });
  box.closest("form").hidden = false;
  apply();
}

// The page of a table: what the test says of two of its rows.

function makeComparison(form) {
  const data = JSON.parse(document.getElementById("pairs").textContent);
  const place = document.getElementById("found");
  const { a, b } = form.elements;

  function show() {
    const [low, high] = [Number(a.value), Number(b.value)].sort((x, y) => x - y);
    const pair = data.pairs.find(([one, other]) => one === low && other === high);
    if (!pair) {
      place.replaceChildren(made("p", low === high ? "Choose two rows." : "These two have no number in common."));
      return;
    }
    const list = document.createElement("dl");
    list.append(made("dt", "A"), made("dd", data.rows[low]), made("dt", "B"), made("dd", data.rows[high]));
    data.titles.forEach((title, at) => list.append(made("dt", title), made("dd", data.texts[pair[at + 2]])));
    place.replaceChildren(list);
  }

  const asked = (state.get("compare") || "").split("~").map((name) => data.rows.indexOf(name));
  a.value = String(Math.max(asked[0], 0));
  b.value = String(asked[1] >= 0 ? asked[1] : Math.min(1, data.rows.length - 1));
  form.addEventListener("input", () => {
    show();
    remember({ compare: `${data.rows[a.value]}~${data.rows[b.value]}` });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
}

// Contact sheets: buttons and arrow keys turn them.

function makeTurning(strip) {
  const pages = all("figure", strip);
  const turn = (by) => {
    const now = Math.round(strip.scrollLeft / strip.clientWidth);
    const next = (now + by + pages.length) % pages.length;
    strip.scrollTo({ left: next * (strip.clientWidth + 16) });
  };
  const bar = made("div", "", { className: "turn" });
  for (const [text, by] of [["← previous", -1], ["next →", 1]]) {
    const button = made("button", text, { type: "button" });
    button.addEventListener("click", () => turn(by));
    bar.append(button);
  }
  strip.before(bar);
  strip.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      event.preventDefault();
      turn(by);
    }
  });
}

// Texts to take along.

function makeCopyable(block) {
  const button = made("button", "Copy", { type: "button" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block);
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  const place = made("div", "", { className: "copyable" });
  block.replaceWith(place);
  place.append(block, button);
  block.tabIndex = 0;
}

// A link to what lies in a folded part opens it.
function openTarget() {
  const name = location.hash.slice(1).replace(/%20/g, " ");
  const target = name && document.getElementById(name);
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
}

all("#rows").forEach(makeRows);
makeSortable();
all("form.board").forEach(makeFilters);
all("input[name=all]").forEach(makeColumns);
all("form.pair").forEach(makeComparison);
all(".flick").forEach(makeTurning);
all("pre.copy").forEach(makeCopyable);
addEventListener("hashchange", openTarget);
openTarget();
