// The numbers that the pictures of a figure show now, as tables. Vega keeps with each mark what its
// tooltip says: names and numbers in the page's language.

const MOST_ROWS = 200; // in sight, of each table

// The marks that stand for numbers, what was measured before what lies around it.
const KINDS = ["symbol", "rect", "arc", "shape", "line", "trail", "area"];

const BACKGROUNDS = ["rect", "area"]; // a single one of them is no number

// A number that nobody has shortened.
const LONG_NUMBER = /^[-−]?\d*\.?\d+(e[-+−]?\d+)?$/;

function shortened(said) {
  if (said.length < 9 || !LONG_NUMBER.test(said)) return said;
  const number = Number(said.replaceAll("−", "-"));
  return String(Number(number.toPrecision(4))).replaceAll("-", "−");
}

// The marks that a group of the picture was drawn from.
const marksOf = (group) => [...group.children].map((child) => child.__data__).find(Boolean)?.mark;

// What a mark says that means something: what the picture only needs for its layout has no name.
function rowOf(tooltip, columns) {
  if (!tooltip || typeof tooltip !== "object") return null;
  const told = Object.entries(tooltip).filter(([key]) => key in columns);
  return new Map(told.map(([key, said]) => [columns[key], String(said)]));
}

// Some marks are there for the pointer only: they count if the picture says what to tell of them.
const isUnseen = ({ opacity, fillOpacity, strokeOpacity }) =>
  opacity === 0 || (fillOpacity === 0 && strokeOpacity === 0);

// The axes of the view that a group of marks belongs to say what the table is about.
function axesOf(group) {
  let view = group.parentNode;
  while (!view.matches("svg") && !view.querySelector(":scope > .role-axis")) view = view.parentNode;
  const axes = [...view.children].filter((part) => part.matches(".role-axis"));
  const titles = axes.map((axis) => axis.querySelector(".role-axis-title")?.textContent.trim());
  return [...new Set(titles.filter(Boolean))].join(" · ");
}

const tooltipOf = (mark) => mark.tooltip;
const datumOf = (mark) => mark.datum;

// What the marks of these `kinds` say, as `said` finds it and `columns` call it, as {name, columns, rows}, one table for each view and sort of
// row. What the picture itself says of its marks comes first.
function tablesOfKinds(kinds, said, columns, form, figure) {
  const [told, words] = [JSON.parse(form.dataset.told), saidBy(form)];
  const found = new Map();
  for (const group of figure.querySelectorAll(`${PICTURE} g.role-mark`)) {
    const marks = marksOf(group);
    if (!kinds.includes(marks?.marktype)) continue;
    const about = axesOf(group);
    for (const mark of marks.items) {
      const row = rowOf(said(mark), columns);
      if (!row || row.size < 2) continue;
      const isTold = told.includes(Object.keys(said(mark)).join("\n"));
      if (!isTold && isUnseen(mark)) continue;
      const heads = [...row.keys()];
      const key = [about, ...heads].join("\n");
      if (!found.has(key)) {
        const place = kinds.indexOf(marks.marktype) - (isTold ? kinds.length : 0);
        const name = [words[marks.marktype], about].filter(Boolean).join(" · ");
        found.set(key, { place, name, columns: heads, rows: new Map() });
      }
      const values = [...row.values()];
      found.get(key).rows.set(values.join("\n"), values);
    }
  }
  return [...found.values()]
    .filter(({ place, rows }) => place < 0 || rows.size > 1 || !BACKGROUNDS.includes(kinds[place]))
    .sort((one, other) => one.place - other.place)
    .map((table) => ({ ...table, rows: [...table.rows.values()] }));
}

function tablesOf(form, figure) {
  const [columns, fields] = [form.dataset.columns, form.dataset.fields].map((text) => JSON.parse(text));
  // A picture that says nothing of its marks has words beside them, or else their data.
  const ways = [
    [KINDS, tooltipOf, columns],
    [["text"], tooltipOf, columns],
    [KINDS, datumOf, fields],
  ];
  for (const way of ways) {
    const tables = tablesOfKinds(...way, form, figure);
    if (tables.length) return tables;
  }
  return [];
}

function made(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, said] of Object.entries(attributes)) element.setAttribute(name, said);
  return element;
}

function drawnTable({ name, columns, rows }, words) {
  const table = made("table");
  table.append(made("caption", name));
  const head = made("tr");
  head.append(...columns.map((column) => made("th", column, { scope: "col" })));
  table.createTHead().append(head);
  const body = table.createTBody();
  for (const row of rows.slice(0, MOST_ROWS)) {
    const line = made("tr");
    line.append(...row.map((said) => made("td", shortened(said))));
    body.append(line);
  }
  if (rows.length <= MOST_ROWS) return [table];
  const most = words.most.replace("{shown}", MOST_ROWS).replace("{all}", rows.length);
  return [table, made("p", most)];
}

function showTable(form, figure) {
  const words = saidBy(form);
  const dialog = made("dialog", "", { class: "gradviz-data", "aria-label": words.title });
  const close = made("button", words.close, { type: "button" });
  const csv = made("button", words.csv, { type: "button" });
  const bar = made("div", "", { class: "gradviz-row" });
  const tables = openQuestion(figure) ? [] : tablesOf(form, figure);
  const said = openQuestion(figure) ? words.covered : words.none;
  bar.append(made("strong", words.title), ...(tables.length ? [csv] : []), close);
  const inside = made("div", "", { class: "gradviz-tables", tabindex: "0" });
  inside.append(...tables.flatMap((table) => drawnTable(table, words)));
  if (!tables.length) inside.append(made("p", said));
  dialog.append(bar, inside);
  csv.addEventListener("click", () => saveTable(form, figure));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  // The menu would close on Escape, and the table with it.
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    dialog.close();
  });
  dialog.style.background = paper();
  // Inside the menu, which keeps the focus within itself.
  form.append(dialog);
  dialog.showModal();
}

const quoted = (said) => (/[",\n]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said);

// One file for all tables: the first column says which, if there are several.
function saveTable(form, figure) {
  const words = saidBy(form);
  const tables = openQuestion(figure) ? [] : tablesOf(form, figure);
  if (!tables.length) return showTable(form, figure);
  const columns = [...new Set(tables.flatMap((table) => table.columns))];
  const several = tables.length > 1;
  const lines = [several ? [words.part, ...columns] : columns];
  tables.forEach((table, place) => {
    for (const row of table.rows) {
      const line = columns.map((column) => row[table.columns.indexOf(column)] ?? "");
      lines.push(several ? [`${place + 1} ${table.name}`, ...line] : line);
    }
  });
  const text = lines.map((line) => line.map(quoted).join(",")).join("\n");
  // The mark at the beginning tells spreadsheets that it is UTF-8.
  saveFile(fileName(form.dataset.figure, "csv"), `\ufeff${text}\n`, "text/csv");
}
