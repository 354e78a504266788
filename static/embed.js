// A figure of gradviz on any page: this script, and a line such as
//
//   <gradviz-figure figure="depth/training" lang="zh" theme="dark" preset="2"></gradviz-figure>
//
// The app serves the script, and the static edition has it. Where there is an edition, beside the
// script or at `edition`, the recorded figure of it is shown at once, and a press connects to the
// app at `live`. Without an edition the figure is the app's own, `live` or the one that serves the
// script. Either way it has the height of its figure, and a word stands there if nothing answers.
// `theme` is "light" or "dark", by default the reader's; `preset` is the number of one of a recorded
// figure; `state` says controls as a link to the app does, "depth=40&activation=tanh". What stands
// inside the element, a link say, is shown where the script does not come.

(() => {
  const SCRIPT = document.currentScript.src;
  // Streamlit serves files of an app there; on its cloud the app runs in a frame of its own.
  const [, APP] = /^(https?:.*?\/)(?:~\/\+\/)?app\/static\/[^/]+$/.exec(SCRIPT) ?? [];
  const EDITION = !APP && URL.canParse(".", SCRIPT) ? new URL(".", SCRIPT).href : undefined;
  const HEIGHT = 640; // pixels, until the figure has said its own
  const PATIENCE = 20_000; // milliseconds for the app to answer, which may have to start
  const LOADED = 8_000; // milliseconds for a recorded figure to say its height once it is loaded
  const NEAR = "400px"; // to the window, when the app is asked for its figure
  const WORDS = {
    en: {
      live: "Train it live",
      recorded: "Back to the recording",
      connecting: "Connecting to the app…",
      again: "Try again",
      silent: "The app does not answer. It may be asleep: open it in a tab of its own, where it wakes up, then come back and press again.",
      lost: "The recorded figure does not come from where it should stand.",
      open: "Open the app",
    },
    zh: {
      live: "现场训练",
      recorded: "回到录制的图",
      connecting: "正在连接应用……",
      again: "重试",
      silent: "应用没有响应，可能正在休眠：请在新标签页中打开它，等它醒来，再回到这里重试。",
      lost: "未能从指定的地址取得录制的图。",
      open: "打开应用",
    },
  };
  const STYLE = `
    :host { display: block; position: relative; }
    iframe { display: block; width: 100%; border: 0; color-scheme: normal; }
    .waits { position: absolute; inset: 0; visibility: hidden; }
    .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; padding: 0.5rem 0.875rem; font: 0.9375rem/1.5 system-ui, sans-serif; }
    button { min-height: 40px; padding: 0 0.875rem; font: inherit; color: inherit; background: none; border: 1px solid; border-radius: 0.5rem; cursor: pointer; }
    button:disabled { opacity: 0.5; cursor: default; }
    p { flex: 1 1 16rem; margin: 0; }
    p:empty { display: none; }
    a { color: inherit; }
    [hidden] { display: none !important; }`;

  const made = (tag, set = {}) => Object.assign(document.createElement(tag), set);
  const folder = (address) => address && new URL(address.replace(/\/*$/, "/"), document.baseURI);

  // On its cloud Streamlit puts a page of its own between ours and the app.
  function comesFrom(frame, source) {
    for (let at = source; at; at = at === at.parent ? null : at.parent)
      if (at === frame?.contentWindow) return true;
    return false;
  }

  class GradvizFigure extends HTMLElement {
    connectedCallback() {
      this.edition = folder(this.getAttribute("edition") ?? EDITION);
      this.app = folder(this.getAttribute("live") ?? APP);
      if (!(this.edition || this.app)) return; // what stands inside says all that we know
      this.listen = (event) => this.hear(event);
      addEventListener("message", this.listen);
      if (!this.shadowRoot) this.build();
    }

    disconnectedCallback() {
      removeEventListener("message", this.listen);
    }

    build() {
      this.words = WORDS[this.language()];
      this.settings = Object.fromEntries(new URLSearchParams(this.getAttribute("state") ?? ""));
      this.button = made("button", { type: "button", hidden: !this.app });
      this.said = made("p");
      this.said.setAttribute("role", "status");
      this.bar = made("div", { className: "bar" });
      this.bar.append(this.button, this.said);
      this.button.addEventListener("click", () => (this.live ? this.showRecorded() : this.connect()));
      this.attachShadow({ mode: "open" });
      this.shadowRoot.append(made("style", { textContent: STYLE }));
      if (this.edition) this.buildRecorded();
      this.shadowRoot.append(this.bar);
      if (!this.edition) this.connectWhenNear();
    }

    height() {
      return `${this.getAttribute("height") ?? HEIGHT}px`;
    }

    language() {
      const said = this.getAttribute("lang") ?? document.documentElement.lang;
      return said.startsWith("zh") ? "zh" : "en";
    }

    frame(src) {
      const frame = made("iframe", { src, title: this.textContent.trim() || this.getAttribute("figure") });
      frame.allow = "clipboard-write; fullscreen";
      frame.style.height = this.height();
      return frame;
    }

    // --- The recorded figure.

    buildRecorded() {
      this.button.textContent = this.words.live;
      this.recorded = this.frame(this.recordedAddress());
      this.recorded.loading = "lazy";
      this.recorded.addEventListener("load", () => {
        if (!this.fitted) this.missing = setTimeout(() => this.tell(this.words.lost), LOADED);
      });
      this.shadowRoot.append(this.recorded);
    }

    recordedAddress() {
      const figure = this.getAttribute("figure");
      const address = new URL(`${this.language()}/figure/${figure}.html`, this.edition);
      for (const name of ["theme", "preset"])
        if (this.hasAttribute(name)) address.searchParams.set(name, this.getAttribute(name));
      for (const [name, text] of Object.entries(this.settings)) address.searchParams.set(name, text);
      if (this.app) address.searchParams.set("live", "around");
      return address.href;
    }

    // --- The figure of the app.

    liveAddress(frame = true) {
      const [lesson, figure] = this.getAttribute("figure").split("/");
      const address = new URL(lesson === "home" ? "." : lesson, this.app);
      const query = { ...this.settings, lang: this.language(), figure };
      const theme = this.getAttribute("theme");
      if (frame) query.embed = "true";
      if (frame && theme) query.embed_options = `${theme}_theme`;
      for (const [name, text] of Object.entries(query)) address.searchParams.set(name, text);
      return address.href;
    }

    connectWhenNear() {
      this.style.minHeight = this.height();
      this.say(this.words.connecting);
      this.button.hidden = true;
      const near = new IntersectionObserver(
        ([entry]) => {
          if (!entry.isIntersecting) return;
          near.disconnect();
          this.connect();
        },
        { rootMargin: NEAR },
      );
      near.observe(this);
    }

    connect() {
      this.button.disabled = true;
      this.say(this.words.connecting);
      this.live = this.frame(this.liveAddress());
      this.live.className = "waits";
      this.bar.before(this.live);
      this.waiting = setTimeout(() => this.give(), PATIENCE);
      // An address at which there is nothing is known at once.
      const health = new URL("_stcore/health", this.app);
      fetch(health, { mode: "no-cors" }).catch(() => this.give());
    }

    hear({ source, data }) {
      if (comesFrom(this.recorded, source)) {
        if (data?.gradviz === "height") this.fit(this.recorded, data.height);
        if (data?.gradviz === "state") Object.assign(this.settings, data.settings);
      } else if (comesFrom(this.live, source) && data?.gradviz === "height") {
        this.fit(this.live, data.height);
        if (this.live.className) this.showLive();
      }
    }

    fit(frame, height) {
      clearTimeout(this.missing);
      this.fitted = true;
      frame.style.height = `${Math.ceil(height)}px`;
    }

    showLive() {
      this.rest();
      this.live.className = "";
      this.style.minHeight = "";
      if (this.recorded) this.recorded.hidden = true;
      else this.bar.hidden = true;
      this.button.textContent = this.words.recorded;
      this.say("");
    }

    showRecorded() {
      this.rest();
      this.style.minHeight = "";
      this.live?.remove();
      this.live = null;
      if (this.recorded) this.recorded.hidden = false;
      this.button.hidden = false;
      this.button.textContent = this.recorded ? this.words.live : this.words.again;
    }

    // No answer: the recording stays, if there is one, with a word on what to do.
    give() {
      if (!this.live?.className) return;
      this.showRecorded();
      this.tell(this.words.silent);
    }

    tell(words) {
      this.say(words);
      if (!this.app) return;
      const address = this.liveAddress(false);
      this.said.append(" ", made("a", { href: address, target: "_blank", textContent: this.words.open }));
    }

    say(words) {
      this.said.textContent = words;
    }

    rest() {
      clearTimeout(this.waiting);
      this.button.disabled = false;
    }
  }

  if (!customElements.get("gradviz-figure")) customElements.define("gradviz-figure", GradvizFigure);
})();
