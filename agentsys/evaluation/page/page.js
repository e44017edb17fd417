// Draws the page's plots: for the width there is, in the colours of the reader's theme.
const drawings = JSON.parse(document.getElementById("drawings").textContent);
const themes = JSON.parse(document.getElementById("themes").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const shown = new Map();

async function draw(place) {
  const layouts = drawings[place.dataset.plot];
  const layout = layouts.find((each) => place.clientWidth >= each.least) ?? layouts.at(-1);
  const theme = dark.matches ? "dark" : "light";
  const columns = Math.max(1, Math.floor((place.clientWidth - 60) / 205)); // of the legend
  const before = shown.get(place);
  if (before?.layout === layout && before.theme === theme && before.columns === columns) return;
  before?.result?.finalize();
  const entry = { layout, theme, columns };
  shown.set(place, entry);
  place.dataset.layout = layout.least;
  entry.result = await vegaEmbed(place, layout.spec, {
    config: { ...themes[theme], legend: { ...themes[theme].legend, columns } },
    renderer: "svg",
    actions: false,
    ast: true, // expressions are interpreted: the page's policy forbids making code of text
    tooltip: { theme },
  });
}

// One round after the other: two drawings of one plot would both stay in its place.
let round = Promise.resolve();

// A table that is wider than the page is laid out as a list for each row.
function fitTable() {
  const table = document.querySelector("table.report");
  table.classList.remove("stacked");
  const wide = table.scrollWidth > table.parentElement.clientWidth;
  table.classList.toggle("stacked", wide || window.innerWidth <= 700);
}

function drawAll() {
  delete document.documentElement.dataset.drawn;
  const every = () => [...document.querySelectorAll("[data-plot]")].map(draw);
  const mine = round.catch(() => {}).then(() => Promise.all(every()));
  round = mine;
  mine.then(() => {
    if (mine === round) document.documentElement.dataset.drawn = String(shown.size);
  });
}

dark.addEventListener("change", drawAll);
window.addEventListener("resize", fitTable);
window.addEventListener("resize", drawAll);
fitTable();
drawAll();
