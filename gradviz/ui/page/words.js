// Words that drive pictures: links in the prose such as #scalar?layers=10. See gradviz/ui/words.py.
//
// What is a slider inside the picture is set here, as if by the reader's hand: at once, without the
// server, and so in a page that has none. For all else the figure's unseen button is pressed.

const WORD = 'a[href^="#"][href*="?"]';
const GLIDE = 400; // milliseconds
const MARGIN = 64; // pixels; the header lies over the top of the page
const MARK = 1200; // milliseconds in which the figure shows that it was set

function wordOf(link) {
  const [figure, settings] = link.getAttribute("href").slice(1).split("?");
  return { figure, target: `${figure}?${settings}`, settings: [...new URLSearchParams(settings)] };
}

// Streamlit names an element by its key in this way.
const keyed = (key) => `.st-key-${key.replaceAll(/[^a-zA-Z0-9_-]/g, "-")}`;

function press(link) {
  const word = wordOf(link);
  const figure = figureCalled(word.figure);
  if (!figure) return;
  // Words below a figure say what it shows: an answer still covered would make them drive nothing.
  const question = openQuestion(figure);
  const below = figure.compareDocumentPosition(link) & Node.DOCUMENT_POSITION_FOLLOWING;
  if (question && below) keep(question, SKIPPED);
  const { sliders, state } = JSON.parse(
    figure.querySelector(".gradviz-driven")?.dataset.known ?? '{"sliders":{},"state":{}}',
  );
  const moves = [];
  for (const [key, text] of word.settings) {
    const slider = key in sliders ? inputsOf(figure, sliders[key])[0] : null;
    if (slider) moves.push([slider, Number(text)]);
    else if (state[key] !== text) moves.push(null);
  }
  if (moves.every(Boolean)) glide(moves);
  else figure.querySelector(`${keyed(`word_${word.target}`)} button`)?.click();
  bringIntoView(figure);
  mark(figure);
}

// A word that is pressed while another still glides takes over.
let gliding = null;

function glide(moves) {
  cancelAnimationFrame(gliding);
  const from = moves.map(([slider]) => Number(slider.value));
  const show = (share) =>
    moves.forEach(([slider, to], place) => {
      const at = share === 1 ? to : from[place] + share * (to - from[place]);
      set(slider, at); // the browser rounds it to a step of the slider
      if (share === 1) setTimeout(() => checkPreset(figureOf(slider)), 60);
    });
  if (reducesMotion()) return show(1);
  const begun = performance.now();
  let drawn = -Infinity;
  const tick = (time) => {
    const share = Math.min(1, Math.max(0, time - begun) / GLIDE);
    if (share === 1 || time - drawn >= PAUSE) {
      drawn = time;
      show(share * share * (3 - 2 * share));
    }
    if (share < 1) gliding = requestAnimationFrame(tick);
  };
  gliding = requestAnimationFrame(tick);
}

// All of the figure if the window has room for it, else its picture.
function bringIntoView(figure) {
  const height = document.querySelector("[data-testid=stMain]")?.clientHeight ?? innerHeight;
  const picture = figure.querySelector("[data-testid=stVegaLiteChart]") ?? figure;
  const shown = figure.offsetHeight + 2 * MARGIN <= height ? figure : picture;
  const { top, bottom } = shown.getBoundingClientRect();
  if (top >= MARGIN && bottom <= innerHeight) return;
  const block = bottom - top > height - 2 * MARGIN ? "start" : "nearest";
  shown.style.scrollMargin = `${MARGIN}px 0px 12px`;
  shown.scrollIntoView({ block, behavior: reducesMotion() ? "instant" : "smooth" });
}



function mark(figure) {
  const ring = (width) => ({ boxShadow: `0 0 0 ${width}px var(--ink)` });
  const easing = reducesMotion() ? "step-end" : "linear";
  figure.animate([ring(2), { ...ring(2), offset: 0.5 }, ring(0)], { duration: MARK, easing });
  const title = figure.querySelector("h5")?.textContent ?? "";
  const said = words.set.replace("{title}", title);
  announcer.textContent = announcer.textContent === said ? `${said} ` : said;
}

// Read aloud, not seen.
const announcer = document.createElement("div");
announcer.className = "gradviz-unseen";
announcer.setAttribute("role", "status");
document.body.append(announcer);

function discoverWords() {
  for (const link of document.querySelectorAll(`[data-testid=stMain] ${WORD}`))
    if (link.getAttribute("role") !== "button") link.setAttribute("role", "button");
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(WORD);
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  press(link);
});

// Enter presses a link, Space too what can be pressed.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches?.(WORD)) return;
  event.preventDefault();
  event.target.click();
});
