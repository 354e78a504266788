// Terms: links such as #term-delta. Their definitions stand at the foot of the page, see
// gradviz/ui/glossary.py; here one of them comes to the term that is pointed at.

const TERM = 'a[href^="#term-"]';
const GLOSSARY = ".st-key-glossary";
const LINGER = 250; // milliseconds in which the pointer may cross over to the definition
const EDGE = 8; // pixels between the definition and the edge of the window, at least

const card = document.createElement("div");
card.className = "gradviz-term";
card.setAttribute("role", "tooltip");
card.popover = "manual";
document.body.append(card);

let defined = null; // the term that the card stands at
let leaving = null;

const isTerm = (element) => element?.closest?.(GLOSSARY) === null && element.matches(TERM);
const definitionOf = (term) =>
  document.querySelector(`${GLOSSARY} li > a[href="${term.getAttribute("href")}"]`)?.closest("li");

function define(term) {
  clearTimeout(leaving);
  if (defined === term) return;
  const definition = definitionOf(term);
  if (!definition) return;
  defined = term;
  card.replaceChildren(...[...definition.childNodes].map((node) => node.cloneNode(true)));
  for (const link of card.querySelectorAll("a")) {
    const plain = document.createElement("strong");
    plain.append(...link.childNodes);
    link.replaceWith(plain);
  }
  // It stands outside of what has the theme.
  const { colorScheme, fontFamily } = getComputedStyle(term);
  Object.assign(card.style, { colorScheme, fontFamily });
  card.showPopover();
  place();
}

function place() {
  const at = defined.getClientRects()[0];
  const { width, height } = card.getBoundingClientRect();
  const left = Math.min(at.left, innerWidth - width - EDGE);
  const below = at.bottom + EDGE;
  const top = below + height > innerHeight ? at.top - height - EDGE : below;
  card.style.left = `${Math.max(EDGE, left)}px`;
  card.style.top = `${Math.max(EDGE, top)}px`;
}

function undefine() {
  clearTimeout(leaving);
  if (defined) card.hidePopover();
  defined = null;
}

function leave() {
  clearTimeout(leaving);
  if (defined && document.activeElement !== defined) leaving = setTimeout(undefine, LINGER);
}

// A screen reader reads the definition where it stands.
function discoverTerms() {
  for (const name of document.querySelectorAll(`${GLOSSARY} ${TERM}`)) name.tabIndex = -1;
  for (const term of document.querySelectorAll(TERM)) {
    if (!isTerm(term) || term.hasAttribute("aria-describedby")) continue;
    term.setAttribute("role", "button");
    const definition = definitionOf(term);
    if (!definition) continue;
    definition.id = `gradviz-${term.getAttribute("href").slice(1)}`;
    term.setAttribute("aria-describedby", definition.id);
  }
  if (defined && !defined.isConnected) undefine();
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  const term = event.target.closest?.(TERM);
  if (isTerm(term)) define(term);
  else if (card.contains(event.target)) clearTimeout(leaving);
  else leave();
});
document.addEventListener("focusin", (event) => {
  if (isTerm(event.target)) define(event.target);
  else undefine();
});
document.addEventListener("focusout", (event) => isTerm(event.target) && undefine());

document.addEventListener("click", (event) => {
  const term = event.target.closest?.(TERM);
  if (term) event.preventDefault();
  if (isTerm(term)) define(term);
  else if (!card.contains(event.target)) undefine();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") undefine();
  if (event.key !== " " || !isTerm(event.target)) return;
  event.preventDefault();
  define(event.target);
});
for (const moved of ["scroll", "resize"])
  addEventListener(moved, () => defined && place(), { capture: true, passive: true });
