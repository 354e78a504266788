// What who does not see the page is told of it: what a picture shows now, what a slider stands at,
// which level a heading has, what a word made of a formula is called.

const DRAWING = "[class*=st-key-figure_] [data-testid=stVegaLiteChart]";
const DESCRIBING = 400; // milliseconds after the last change of a picture
const LONGEST = 700; // characters of what a picture says

// A picture is one image, named by its description, where its sliders stand and the words that are
// drawn in it. Vega puts the description on the element around picture and sliders.
function describe(picture) {
  const image = picture.querySelector("svg.marks");
  if (!image) return;
  const about = picture.getAttribute("aria-label");
  if (about) {
    picture.dataset.about = about;
    for (const name of ["aria-label", "aria-roledescription", "role"]) picture.removeAttribute(name);
  }
  if (!picture.dataset.about) return;
  const base = picture.dataset.about.replace(/[.。]$/, "");
  const state = [...stateOf(picture), ...wordsIn(image)].join(words.and);
  const said = state
    ? words.now.replace("{picture}", () => base).replace("{state}", () => state)
    : base;
  image.setAttribute("role", "img");
  // Vega names each axis and mark, in English only; all of them are parts of the one image.
  for (const part of image.children) part.setAttribute("aria-hidden", "true");
  if (image.getAttribute("aria-label") !== said) image.setAttribute("aria-label", said);
  describeByWords(image);
}

// The sentence on what to see, unless it answers a question that is still open.
function describeByWords(image) {
  const figure = figureOf(image);
  const sentence = figure.querySelector("[class*=st-key-words_]");
  if (!sentence || openQuestion(figure)) return image.removeAttribute("aria-describedby");
  sentence.id ||= [...sentence.classList].find((name) => name.startsWith("st-key-"));
  image.setAttribute("aria-describedby", sentence.id);
}

// The lit preset and the sliders of a picture.
function stateOf(picture) {
  const lit = figureOf(picture)?.querySelector(
    ":scope:not([data-left]) [class*=st-key-presets_] [data-testid=stBaseButton-primary]",
  );
  const sliders = [...picture.querySelectorAll(SLIDER)].map(
    (slider) => `${calledSlider(slider)} ${saidBySlider(slider)}`,
  );
  return [lit?.textContent, ...sliders].filter(Boolean);
}

// Sentences above the picture, names of lines and readouts; a number alone says nothing, and what is
// covered is not said.
function wordsIn(image) {
  const seen = new Set();
  let length = 0;
  for (const part of [".role-title", ".role-mark", ".role-legend-label"])
    for (const text of image.querySelectorAll(`${part} text`)) {
      const covered = ["opacity", "fill-opacity"].some((name) => text.getAttribute(name) === "0");
      const lines = [...text.querySelectorAll("tspan")].map((line) => line.textContent);
      const said = (lines.length ? lines.join(" ") : text.textContent).trim();
      if (covered || seen.has(said) || !/\p{L}{2}|=/u.test(said)) continue;
      length += said.length;
      if (length > LONGEST) return seen;
      seen.add(said);
    }
  return seen;
}

const describing = new Map(); // by picture, the timer

function describeSoon(picture) {
  clearTimeout(describing.get(picture));
  const now = () => {
    describing.delete(picture);
    if (picture.isConnected) describe(picture);
  };
  describing.set(picture, setTimeout(now, DESCRIBING));
}

function describePictures() {
  for (const picture of document.querySelectorAll(DRAWING)) describeSoon(picture);
}

// While a run plays there is nothing to say: it is said where it stops.
for (const act of ["input", "pointerup", "keyup"])
  document.addEventListener(act, (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.matches(SLIDER)) sayValue(event.target);
    for (const picture of figureOf(event.target)?.querySelectorAll(DRAWING) ?? [])
      describeSoon(picture);
  });

// Vega writes "Step: " before a slider and its number behind it, all in one label.
const calledSlider = (slider) =>
  slider.parentNode.querySelector(".vega-bind-name")?.textContent.trim().replace(/[:：]$/, "") ?? "";
const saidBySlider = (slider) => slider.nextElementSibling?.textContent || slider.value;

function nameSlider(slider) {
  slider.setAttribute("aria-label", calledSlider(slider));
  sayValue(slider);
}

// Vega writes the number only after it has heard of it.
function sayValue(slider) {
  setTimeout(() => slider.setAttribute("aria-valuetext", saidBySlider(slider)));
}

// Streamlit's headings have their size by their rank: sections of an article and figures have the
// fourth and the fifth. A figure belongs to the section above it, if there is one.
function levelHeadings() {
  let level = 0;
  for (const heading of document.querySelectorAll("[data-testid=stMain] :is(h1, h2, h3, h4, h5)")) {
    const figure = heading.localName === "h5";
    if (heading.localName === "h1") level = 1;
    else if (!figure) level = 2;
    const own = figure ? level + 1 : level;
    if (heading.ariaLevel !== String(own)) heading.ariaLevel = own;
  }
}

// Some screen readers, and all that list a page's links, know no formulas. Streamlit names the help
// beside a label by the text of the label, with the formula as it was typed.
function nameFormulas() {
  for (const link of document.querySelectorAll("[data-testid=stMain] a:has(.katex):not([aria-label])")) {
    const said = link.cloneNode(true);
    for (const unsaid of said.querySelectorAll("annotation, .katex-html")) unsaid.remove();
    link.setAttribute("aria-label", said.textContent.trim());
  }
  for (const named of document.querySelectorAll('[data-testid=stMain] [aria-label*="$"]'))
    named.ariaLabel = named.ariaLabel.replace(/\$([^$]*)\$/g, (_, typed) =>
      typed.replace(/[\\{}]/g, "").replaceAll("_", " "),
    );
}

// What Streamlit says of its own in English, by the word that the page has for it.
const SAID_IN_ENGLISH = {
  skip: "[data-testid=stSkipToContent]",
  menu: "[data-testid=stMainMenuButton]",
  open: "[data-testid=stExpandSidebarButton]",
  close: "[data-testid=stSidebarCollapseButton] button",
  section: "[data-testid=stHeaderActionElements] a",
  share: "[class*=st-key-share_] [data-testid=stPopoverButton]",
};
const HELP = "Help for ";

// Long code scrolls within its frame: by keyboard too.
function reachCode() {
  for (const code of document.querySelectorAll("[data-testid=stCode] pre"))
    if (code.scrollHeight > code.clientHeight + 1) code.tabIndex = 0;
}

function translateStreamlit() {
  if (!words.help) return;
  for (const [word, selector] of Object.entries(SAID_IN_ENGLISH))
    for (const element of document.querySelectorAll(selector))
      if (element.ariaLabel !== words[word]) element.ariaLabel = words[word];
  for (const button of document.querySelectorAll(`[aria-label^="${HELP}"]`)) {
    const about = button.ariaLabel.slice(HELP.length);
    button.ariaLabel = words.help.replace("{name}", () => about);
  }
}
