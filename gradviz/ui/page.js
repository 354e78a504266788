// What every page does in the browser by itself: no word of it goes to the server.
//
// Streamlit runs this script again whenever its element comes anew, so all of it stands behind
// `window.gradviz`, and what it finds on the page it marks. It reaches only for what Streamlit and
// Vega name on purpose: data-testid, `st-key-…`, `.vega-bind`, and the names of inputs.
// Streamlit drops a script in which something looks like a tag, so no markup is written here.
window.gradviz ??= (() => {
  const SLIDER = ".vega-bind input[type=range]";
  const REPLAY = "replay_step"; // see gradviz/charts/parts/handles.py
  const RUN = "replay_run";
  const SECONDS = 4; // for a whole run
  const PAUSE = 50; // milliseconds between two pictures, at least
  const IN_VIEW = 0.6; // of the picture, or of the window

  const ICONS = { play: "M5 3.2v13.6L16.5 10z", pause: "M5 3h3.6v14H5zM11.4 3H15v14h-3.6z" };
  let words = { play: "Play", pause: "Pause" };
  const players = new Set();
  const known = new WeakSet();
  const played = new Set();

  // --- A slider's fill follows its thumb, whoever moved it. Streamlit hears only the reader.

  const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");

  function fill(slider) {
    const [low, high] = [Number(slider.min), Number(slider.max)];
    const share = high > low ? (Number(value.get.call(slider)) - low) / (high - low) : 0;
    const percent = 100 * Math.min(1, Math.max(0, share));
    slider.style.setProperty("--vega-range-progress", `${percent}%`);
  }

  function keepFilled(slider) {
    Object.defineProperty(slider, "value", {
      configurable: true,
      get() {
        return value.get.call(this);
      },
      set(number) {
        value.set.call(this, number);
        fill(this);
      },
    });
    slider.addEventListener("input", () => fill(slider));
    fill(slider);
  }

  // --- A run is played by its slider: once by itself, then whenever the reader asks.

  class Player {
    constructor(slider) {
      this.slider = slider;
      this.opens = Number(slider.value);
      this.frame = null;
      this.moving = false; // whether the event that is heard is the player's own
      this.button = document.createElement("button");
      this.button.type = "button";
      this.button.className = "gradviz-play";
      this.button.addEventListener("click", () => (this.frame ? this.stop() : this.resume()));
      slider.closest(".vega-bind").prepend(this.button);
      for (const touch of ["pointerdown", "keydown", "input"])
        slider.addEventListener(touch, () => this.moving || this.stop());
      this.label();
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

    once() {
      const key = runOf(this.slider);
      if (played.has(key)) return;
      played.add(key);
      const low = Number(this.slider.min);
      if (!reducesMotion() && this.opens > low && Number(this.slider.value) === this.opens)
        this.play(low, this.opens);
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
    const figure = slider.closest("[class*=st-key-figure_]");
    const name = [...(figure?.classList ?? [])].find((each) => each.startsWith("st-key-figure_"));
    const run = slider.form?.querySelector(`input[name=${RUN}]`)?.value ?? "";
    return [location.pathname, name, slider.getAttribute("max"), run].join(" ");
  }

  const reducesMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  const thresholds = Array.from({ length: 11 }, (_, tenth) => tenth / 10);
  const views = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const seen = entry.intersectionRect.height / (entry.rootBounds?.height ?? innerHeight);
        if (entry.intersectionRatio < IN_VIEW && seen < IN_VIEW) continue;
        views.unobserve(entry.target);
        for (const player of players)
          if (entry.target.contains(player.slider)) player.once();
      }
    },
    { threshold: thresholds },
  );

  function discover() {
    for (const player of players)
      if (!player.slider.isConnected) {
        player.stop();
        players.delete(player);
      }
    for (const slider of document.querySelectorAll(SLIDER)) {
      if (known.has(slider)) continue;
      known.add(slider);
      keepFilled(slider);
      if (slider.name !== REPLAY) continue;
      players.add(new Player(slider));
      const picture = slider.closest("[data-testid=stVegaLiteChart]");
      if (!picture) continue;
      views.unobserve(picture); // so that a picture with a new slider is looked at anew
      views.observe(picture);
    }
  }

  let awaited = false;
  new MutationObserver(() => {
    if (awaited) return;
    awaited = true;
    setTimeout(() => {
      awaited = false;
      discover();
    }, 100);
  }).observe(document.body, { childList: true, subtree: true });
  discover();

  // --- On a phone the navigation is a drawer over the page; Streamlit leaves it open after a choice.

  document.addEventListener("click", (event) => {
    if (innerWidth > 768) return;
    const drawer = event.target.closest?.("[data-testid=stSidebar]");
    if (drawer && event.target.closest("a"))
      drawer.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  });

  return {
    // The words of the page's language, for what is read aloud.
    speak(translated) {
      words = translated;
      for (const player of players) player.label();
    },
  };
})();
