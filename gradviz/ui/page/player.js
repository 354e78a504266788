// A run is played by its slider: once by itself, then whenever the reader asks.

const REPLAY = "replay_step"; // see gradviz/charts/parts/handles.py
const RUN = "replay_run";
const SECONDS = 4; // for a whole run
const PAUSE = 50; // milliseconds between two pictures, at least
const IN_VIEW = 0.6; // of the picture, or of the window
const ICONS = { play: "M5 3.2v13.6L16.5 10z", pause: "M5 3h3.6v14H5zM11.4 3H15v14h-3.6z" };

let words = { play: "Play", pause: "Pause", set: "", read: "", now: "", and: "; " }; // see browser.py
const players = new Set();
const played = new Set();

class Player {
  constructor(slider) {
    this.slider = slider;
    this.opens = Number(slider.value);
    this.frame = null;
    this.moving = false; // whether the event that is heard is the player's own
    this.untouched = true; // whether the reader has not moved the slider yet
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "gradviz-play";
    this.button.addEventListener("click", () => (this.frame ? this.stop() : this.resume()));
    slider.closest(".vega-bind").prepend(this.button);
    for (const touch of ["pointerdown", "keydown", "input"])
      slider.addEventListener(touch, () => this.moving || this.taken());
    this.label();
  }

  taken() {
    this.untouched = false;
    this.stop();
  }

  label() {
    const state = this.frame ? "pause" : "play";
    this.button.setAttribute("aria-label", words[state]);
    this.button.title = words[state];
    this.button.replaceChildren(icon(ICONS[state]));
  }

  // From where the reader is to the end; at the end, the whole run.
  resume() {
    const [low, high] = [Number(this.slider.min), Number(this.slider.max)];
    const now = Number(this.slider.value);
    this.play(now < high ? now : low, high);
  }

  // Unless a question about the run waits for its answer.
  once() {
    const key = runOf(this.slider);
    if (played.has(key) || openQuestion(figureOf(this.slider))) return;
    played.add(key);
    const low = Number(this.slider.min);
    if (!reducesMotion() && this.opens > low && this.untouched) this.play(low, this.opens);
  }

  // A question about the start of a run keeps it there.
  waitAtStart() {
    if (!played.has(runOf(this.slider))) this.show(Number(this.slider.min));
  }

  play(from, to) {
    const length = Number(this.slider.max) - Number(this.slider.min);
    const duration = 1000 * SECONDS * Math.max(0.25, (to - from) / length);
    let begun = null;
    let drawn = -Infinity;
    const tick = (time) => {
      if (!this.slider.isConnected) return this.stop();
      begun ??= time;
      const share = Math.min(1, (time - begun) / duration);
      if (share === 1 || time - drawn >= PAUSE) {
        drawn = time;
        this.show(from + share * (to - from));
      }
      if (share === 1) return this.stop();
      this.frame = requestAnimationFrame(tick);
    };
    this.stop();
    this.frame = requestAnimationFrame(tick);
    this.label();
  }

  show(step) {
    const before = this.slider.value;
    this.slider.value = step; // the browser rounds it to a step of the slider
    if (this.slider.value === before) return;
    this.moving = true;
    this.slider.dispatchEvent(new Event("input", { bubbles: true }));
    this.moving = false;
  }

  stop() {
    if (!this.frame) return;
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.label();
    takeAlong(this.slider);
  }
}

function icon(outline) {
  const [picture, path] = ["svg", "path"].map((name) =>
    document.createElementNS("http://www.w3.org/2000/svg", name),
  );
  const look = { viewBox: "0 0 20 20", width: 16, height: 16, fill: "currentColor" };
  for (const [name, set] of Object.entries(look)) picture.setAttribute(name, set);
  picture.setAttribute("aria-hidden", "true");
  path.setAttribute("d", outline);
  picture.append(path);
  return picture;
}

// Streamlit may draw the same picture anew at any time: a run is known by what the picture says.
function runOf(slider) {
  const classes = [...(figureOf(slider)?.classList ?? [])];
  const name = classes.find((each) => each.startsWith("st-key-figure_"));
  const run = slider.form?.querySelector(`input[name=${RUN}]`)?.value ?? "";
  return [location.pathname, name, slider.getAttribute("max"), run].join(" ");
}

// Pictures of one run show the same step, but a question keeps what it asks of.
const follows = new Map(); // by slider, the one whose step it takes with the next picture
let leader = null;

function takeAlong(slider) {
  const run = (each) => each.form?.querySelector(`input[name=${RUN}]`)?.value;
  if (slider === leader || !run(slider) || openQuestion(figureOf(slider))) return;
  const plays = [...players].some((player) => player.slider === slider && player.frame);
  for (const { slider: other } of players) {
    if (other === slider || run(other) !== run(slider) || other.max !== slider.max) continue;
    if (openQuestion(figureOf(other)) || (plays && !isNear(other))) continue;
    if (!follows.size) requestAnimationFrame(follow);
    follows.set(other, slider);
  }
}

// What is out of sight is drawn once the run has played: many pictures at once take long.
function isNear(slider) {
  const { top, bottom } = figureOf(slider)?.getBoundingClientRect() ?? { top: 0, bottom: 0 };
  return bottom > 0 && top < innerHeight;
}

function follow() {
  const pairs = [...follows];
  follows.clear();
  for (const [other, slider] of pairs) {
    if (!other.isConnected || other.value === slider.value) continue;
    leader = other; // what it says now is not news to the one it follows
    set(other, slider.value);
    leader = null;
  }
}

const thresholds = Array.from({ length: 11 }, (_, tenth) => tenth / 10);
const views = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const seen = entry.intersectionRect.height / (entry.rootBounds?.height ?? innerHeight);
      if (entry.intersectionRatio < IN_VIEW && seen < IN_VIEW) continue;
      views.unobserve(entry.target);
      for (const player of players) if (entry.target.contains(player.slider)) player.once();
    }
  },
  { threshold: thresholds },
);

function addPlayer(slider) {
  players.add(new Player(slider));
  slider.addEventListener("input", () => takeAlong(slider));
  const picture = slider.closest("[data-testid=stVegaLiteChart]");
  if (!picture) return;
  views.unobserve(picture); // so that a picture with a new slider is looked at anew
  views.observe(picture);
}

function forgetPlayers() {
  for (const player of players)
    if (!player.slider.isConnected) {
      player.stop();
      players.delete(player);
    }
}
