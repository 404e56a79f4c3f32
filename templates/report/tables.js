// Tables of many rows: sorted by a heading that is chosen, filtered by what is typed. What is said of
// a row below it moves with it.
const MANY = 12, FILTERED = 30;

function value(row, column) {
  const text = row.cells[column].textContent.trim().replaceAll("−", "-");
  const number = parseFloat(text);
  return {text, number: /^[-+]?[\d.]/.test(text) && !Number.isNaN(number) ? number : null};
}

// Numbers before words, and what is missing last, whichever way round.
function order(one, other, way) {
  const missing = each => each.text === "–" || each.text === "";
  if (missing(one) !== missing(other)) return missing(one) ? 1 : -1;
  if (one.number !== null && other.number !== null) return way * (one.number - other.number);
  if ((one.number === null) !== (other.number === null)) return one.number === null ? 1 : -1;
  return way * one.text.localeCompare(other.text, "en", {numeric: true});
}

for (const table of document.querySelectorAll(".wide table")) {
  const body = table.tBodies[0], headings = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].filter(row => !row.classList.contains("because"));
  if (rows.length < MANY) continue;
  const below = new Map(rows.map(row => [row, row.nextElementSibling?.classList.contains("because")
    ? [row, row.nextElementSibling] : [row]]));
  headings.forEach((heading, column) => {
    heading.ariaSort = "none";
    heading.tabIndex = 0;
    const sort = () => {
      const way = heading.ariaSort === "ascending" ? -1 : 1;
      for (const each of headings) each.ariaSort = "none";
      heading.ariaSort = way === 1 ? "ascending" : "descending";
      const values = new Map(rows.map(row => [row, value(row, column)]));
      rows.sort((one, other) => order(values.get(one), values.get(other), way));
      body.append(...rows.flatMap(row => below.get(row)));
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      sort();
    });
  });
  if (rows.length < FILTERED) continue;
  const filter = document.createElement("input");
  Object.assign(filter, {type: "search", placeholder: "only rows with ...", className: "filter",
    ariaLabel: "show only rows with this text"});
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const [row, group] of below) {
      const text = group.map(each => each.textContent.toLowerCase()).join(" ");
      for (const each of group) each.hidden = !text.includes(wanted);
    }
  });
  table.parentElement.before(filter);
}
