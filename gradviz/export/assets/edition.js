// The static edition: what Streamlit does in the app, on a page without a server.
//
// It draws the pictures when they come near, typesets formulas, and swaps a figure for the same one
// in another state when a preset, a word or a small choice is pressed. All else is the app's own
// script, which finds the same names here (see gradviz/export/elements.py).

// A browser may forbid its store, above all inside another page: then it is forgotten at the end.
for (const store of ["localStorage", "sessionStorage"]) {
  try {
    window[store].getItem("");
  } catch {
    const kept = new Map();
    const instead = {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, text) => kept.set(key, String(text)),
      removeItem: (key) => kept.delete(key),
    };
    Object.defineProperty(window, store, { value: instead });
  }
}

window.gradvizEdition = (() => {
  const NEAR = "800px"; // to the window, when a figure is drawn
  const BOTTOM = 20; // pixels below a picture, as Streamlit leaves them
  const SETTLED = 150; // milliseconds after which a new width is taken
  const cards = new Map(); // by the name of the figure on this page
  const awaited = new Map(); // by figure and lesson, who takes its data

  // --- Data: they come as scripts, since a page from a file may not fetch.

  function load(key, source) {
    return new Promise((take, fail) => {
      awaited.set(key, take);
      const script = document.createElement("script");
      script.src = source;
      script.onerror = () => fail(new Error(`no ${source}`));
      document.head.append(script);
    }).then(unpacked);
  }

  async function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = JSON.parse(await new Response(stream).text());
    data.tables = data.tables.map(rows);
    return data;
  }

  const INFINITE = { Infinity, "-Infinity": -Infinity };

  function rows(columns) {
    const names = Object.keys(columns);
    const length = names.length ? columns[names[0]].length : 0;
    return Array.from({ length }, (_, place) => {
      const row = {};
      for (const name of names) row[name] = INFINITE[columns[name][place]] ?? columns[name][place];
      return row;
    });
  }

  // --- Formulas.

  function typeset(root) {
    for (const formula of root.querySelectorAll("[data-tex]:not([data-set])")) {
      const displayMode = formula.dataset.tex === "display";
      formula.dataset.set = "";
      katex.render(formula.textContent, formula, { displayMode, throwOnError: false });
    }
  }

  // --- Pictures, as Streamlit has them drawn.

  // Streamlit's own look of charts, as far as the app's charts leave it open.
  const words = { labelFontWeight: 400, titleFontWeight: 400, labelFontStyle: "normal" };
  const LOOK = {
    autosize: { type: "fit", contains: "padding" },
    fieldTitle: "verbal",
    title: { align: "left", anchor: "start", fontSize: 16, fontWeight: 600, offset: 26, color: "currentColor" },
    header: { ...words, labelFontSize: 12, titleFontSize: 16, labelColor: "currentColor", titleColor: "currentColor" },
    axis: {
      ...words,
      domainWidth: 1,
      labelBound: false,
      labelFlush: true,
      labelFlushOffset: 1,
      labelLimit: 100,
      labelOverlap: true,
      labelSeparation: 4,
      titlePadding: 16,
    },
    axisBand: { grid: false },
    axisDiscrete: { grid: false },
    axisXPoint: { grid: false },
    axisTemporal: { grid: false },
    axisXBand: { grid: false },
    bar: { binSpacing: 4, discreteBandSize: { band: 0.85 } },
    legend: { ...words, labelPadding: 16, padding: 8, titlePadding: 8, symbolStrokeWidth: 4 },
    concat: { columns: 1 },
    view: { strokeWidth: 0, stroke: "transparent" },
    mark: { tooltip: { content: "encoding" } },
  };

  function merged(under, over) {
    const both = { ...under };
    for (const [name, own] of Object.entries(over ?? {})) {
      const known = both[name];
      const deep = [own, known].every((each) => each && typeof each === "object" && !Array.isArray(each));
      both[name] = deep ? merged(known, own) : own;
    }
    return both;
  }

  function prepared({ spec, tables }, data, width, font) {
    const sets = Object.fromEntries(Object.entries(tables).map(([name, at]) => [name, data.tables[at]]));
    const look = { font, ...LOOK };
    const ready = { ...spec, width, config: merged(look, spec.config) };
    ready.datasets = { ...spec.datasets, ...sets };
    ready.padding = { bottom: BOTTOM, ...spec.padding };
    if (spec.vconcat) {
      ready.vconcat = spec.vconcat.map((each) =>
        ["hconcat", "vconcat", "concat", "facet", "repeat"].some((kind) => kind in each)
          ? each
          : { ...each, width },
      );
    }
    return structuredClone(ready);
  }

  const inputs = (place) => [...place.querySelectorAll(".vega-bind input")];

  function put(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function draw(place, picture, data) {
    const width = place.clientWidth;
    if (!width) return;
    const before = place.view ? inputs(place).map(({ name, value }) => [name, value]) : [];
    place.drawnAt = width;
    const font = getComputedStyle(place).fontFamily;
    const inner = document.createElement("div");
    place.style.minHeight = `${place.offsetHeight}px`;
    const { view } = await vegaEmbed(inner, prepared(picture, data, width, font), {
      actions: false,
      renderer: "svg",
      tooltip: { disableDefaultStyle: true },
    });
    place.view?.finalize();
    place.view = view;
    place.replaceChildren(inner);
    place.style.minHeight = "";
    for (const [name, value] of before) {
      const input = inputs(place).find((each) => each.name === name);
      if (input && input.value !== value) put(input, value);
    }
  }

  // One after the other, so that the page answers between two of them.
  let last = Promise.resolve();
  function inTurn(act) {
    last = last.then(() => new Promise(requestAnimationFrame)).then(act).catch(reportError);
    return last;
  }

  class Card {
    constructor(element) {
      this.element = element;
      [this.lesson, this.name] = element.dataset.figure.split("/");
      this.state = 0;
      this.shown = 0; // the state whose card is on the page
      this.resized = new ResizeObserver(() => this.fit());
    }

    data() {
      this.loaded ??= load(this.element.dataset.figure, this.element.dataset.source);
      return this.loaded;
    }

    places() {
      return [...this.element.querySelectorAll("[data-picture]")];
    }

    async come() {
      if (this.came) return;
      this.came = true;
      const data = await this.data();
      if (this.state !== this.shown) this.swap(data);
      else this.draw(data);
    }

    draw(data) {
      for (const place of this.places()) {
        inTurn(() => this.drawOne(place, data));
        this.resized.observe(place);
      }
      inTurn(() => this.element.toggleAttribute("data-drawn", true));
    }

    fit() {
      clearTimeout(this.fitting);
      this.fitting = setTimeout(async () => {
        const data = await this.data();
        for (const place of this.places())
          if (place.view && place.clientWidth !== place.drawnAt)
            inTurn(() => this.drawOne(place, data));
      }, SETTLED);
    }

    async drawOne(place, data) {
      if (!place.isConnected) return;
      const picture = data.specs[place.dataset.picture];
      await draw(place, picture, data);
      const pressed = picture.spec.usermeta?.press;
      if (!pressed || !place.view) return;
      place.view.addDataListener(`${pressed.selection}_store`, (_, [mark]) => {
        if (mark) this.pressMark(data, pressed.sets, mark);
      });
    }

    // A mark that sets controls: the state is shown if it is recorded, else who computes it is named.
    pressMark(data, sets, { fields, values }) {
      const chosen = fields.map(({ field }, place) => [sets[field], String(values[place])]);
      const wanted = { ...data.settings[this.state], ...Object.fromEntries(chosen) };
      const same = (settings) =>
        Object.entries(wanted).every(([key, text]) => key in data.sliders || settings[key] === text);
      const state = data.settings.findIndex(same);
      if (state >= 0) return void this.press(state);
      this.note(data, data.absent, wanted);
    }

    // A word under the figure, with the way to the app in the state that is `wanted`.
    note(data, text, wanted) {
      const note = document.createElement("p");
      note.className = "gradviz-note";
      note.setAttribute("role", "status");
      note.textContent = text;
      if (data.live) {
        const link = document.createElement("a");
        link.href = `${data.live}&${new URLSearchParams(wanted)}`;
        link.textContent = data.open;
        note.append(" ", link);
      }
      this.element.querySelector(".gradviz-note")?.remove();
      this.element.append(note);
    }

    // A press of a button: this figure and those that have controls in common with it.
    async press(state) {
      this.state = state;
      this.came = true;
      const data = await this.data();
      if (this.state !== state) return;
      this.swap(data);
      for (const name of data.takes) cards.get(name)?.follow(state);
    }

    async follow(state) {
      this.state = state;
      if (!this.came) return; // it comes in that state
      const data = await this.data();
      if (this.state === state && data.of[state] !== data.of[this.shown]) this.swap(data);
    }

    swap(data) {
      const focused = document.activeElement?.closest("[class*=st-key-]");
      const key = this.element.contains(focused) ? focused.className : null;
      const heights = this.places().map((place) => place.offsetHeight);
      for (const place of this.places()) {
        place.view?.finalize();
        this.resized.unobserve(place);
      }
      const question = this.element.querySelector("form.gradviz-question");
      this.shown = this.state;
      if (parent !== window)
        parent.postMessage({ gradviz: "state", settings: data.settings[this.state] }, "*");
      this.element.removeAttribute("data-drawn");
      this.element.removeAttribute("data-left");
      this.element.innerHTML = data.renderings[data.of[this.state]];
      this.keep(question);
      this.places().forEach((place, at) => {
        if (heights[at]) place.style.minHeight = `${heights[at]}px`;
      });
      typeset(this.element);
      if (key) this.element.querySelector(`[class="${CSS.escape(key)}"] button`)?.focus();
      this.draw(data);
    }

    // The same question keeps what was chosen.
    keep(question) {
      const now = this.element.querySelector("form.gradviz-question");
      const asks = (form) => form?.querySelector(".gradviz-replies").textContent;
      if (now && asks(now) === asks(question)) now.replaceWith(question);
    }
  }

  const coming = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        coming.unobserve(target);
        cards.get(target.dataset.figure.split("/")[1]).come();
      }
    },
    { rootMargin: NEAR },
  );

  for (const element of document.querySelectorAll("[data-figure]")) {
    const card = new Card(element);
    cards.set(card.name, card);
    coming.observe(element);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-goes]");
    const card = button?.closest("[data-figure]");
    if (card) cards.get(card.dataset.figure.split("/")[1]).press(Number(button.dataset.goes));
  });
  typeset(document);

  // --- The navigation of a phone.

  const menu = document.querySelector(".gradviz-menu");
  const drawer = document.querySelector("#navigation");
  const open = (now) => {
    drawer.toggleAttribute("data-open", now);
    menu.setAttribute("aria-expanded", now);
  };
  menu?.addEventListener("click", () => open(true));
  drawer
    ?.querySelector("[data-testid=stSidebarCollapseButton] button")
    .addEventListener("click", () => open(false));

  // A theme that was asked for is kept.
  const { theme } = document.documentElement.dataset;
  if (theme)
    for (const link of document.querySelectorAll("a[href$='.html']")) link.search = `?theme=${theme}`;

  // --- A figure alone: what it opens with, and what of it is hidden.

  const alone = document.querySelector("main.alone");
  if (alone) openAsAsked(cards.values().next().value, new URLSearchParams(location.search));

  // By the number of a preset, or by controls of the page as in a link to the app.
  async function openAsAsked(card, asked) {
    const data = await card.data();
    const presets = card.element.querySelectorAll("[class*=st-key-presets_] button");
    const preset = presets[Number(asked.get("preset")) - 1];
    const wanted = [...asked].filter(([key]) => key in data.settings[0]);
    const fits = (settings) =>
      wanted.every(([key, text]) => key in data.sliders || settings[key] === text);
    const state = preset ? Number(preset.dataset.goes) : data.settings.findIndex(fits);
    hide(card, data, (asked.get("hide") ?? "").split(",").filter(Boolean), data.settings[Math.max(state, 0)]);
    if (state > 0) await card.press(state);
    else await card.come();
    if (state < 0) card.note(data, data.unrecorded, Object.fromEntries(wanted));
    await last;
    for (const [key, text] of wanted)
      for (const input of inputs(card.element)) if (input.name === data.own[key]) put(input, text);
  }

  // What a link hides: controls by their keys, in the picture too, the presets, and those of them
  // that would move what is held.
  function hide(card, { own, settings }, names, now) {
    const rules = names.map((name) =>
      own[name]
        ? `.vega-bind:has(input[name="${CSS.escape(own[name])}"])`
        : `.st-key-${CSS.escape(name === `${card.name}_presets` ? `presets_${card.name}` : name)}`,
    );
    const held = names.filter((name) => name in now);
    settings.forEach((then, state) => {
      if (held.some((name) => then[name] !== now[name]))
        rules.push(`[class*=st-key-presets_] [data-goes="${state}"]`);
    });
    const style = document.createElement("style");
    style.textContent = rules.map((rule) => `${rule} { display: none !important; }`).join("\n");
    document.head.append(style);
  }

  return { receive: (key, packed) => awaited.get(key)(packed) };
})();
