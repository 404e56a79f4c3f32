// Tables of many rows: a click on a heading sorts them, words typed above leave those that have them.
const LEAST = 12;
for (const table of document.querySelectorAll(".wide table")) {
  const body = table.tBodies[0], groups = []; // a row, and the sentence under it
  for (const row of body.rows) {
    if (row.classList.contains("because") && groups.length) groups.at(-1).push(row);
    else groups.push([row]);
  }
  if (groups.length < LEAST) continue;
  const headings = [...table.tHead.rows[0].cells], given = [...groups];
  const text = (group, k) => group[0].cells[k]?.textContent.trim().replaceAll("−", "-") ?? "";
  const number = words => Number(words.replace(/[\s,]/g, "").match(/^[-+]?\d*\.?\d+(e[-+]?\d+)?/i)?.[0] ?? NaN);
  const show = order => body.append(...order.flat());
  headings.forEach((heading, k) => {
    heading.tabIndex = 0;
    heading.title = "sort by this column";
    const sort = () => {
      const next = {none: "ascending", ascending: "descending", descending: "none"}[heading.ariaSort ?? "none"];
      for (const other of headings) other.removeAttribute("aria-sort");
      if (next === "none") return show(given);
      heading.setAttribute("aria-sort", next);
      const numeric = heading.classList.contains("n"), sign = next === "ascending" ? 1 : -1;
      show([...given].sort((a, b) => {
        const [one, two] = [text(a, k), text(b, k)].map(words => numeric ? number(words) : words);
        const lacks = value => numeric ? Number.isNaN(value) : value === "–";
        if (lacks(one) || lacks(two)) return lacks(one) - lacks(two); // what is missing comes last
        return sign * (numeric ? one - two : one.localeCompare(two, "en", {numeric: true}));
      }));
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", event => event.key === "Enter" && sort());
  });
  const filter = Object.assign(document.createElement("input"), {
    type: "search", className: "filter", placeholder: `Filter ${groups.length} rows`, ariaLabel: "Filter rows",
  });
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().replaceAll("−", "-").split(/\s+/).filter(Boolean);
    for (const group of groups) {
      const all = group.map(row => row.textContent).join(" ").toLowerCase().replaceAll("−", "-");
      const hidden = !words.every(word => all.includes(word));
      for (const row of group) row.hidden = hidden;
    }
  });
  table.parentElement.before(filter);
}
