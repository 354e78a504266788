// A figure of gradviz on any page: this script, and a line such as
//
//   <gradviz-figure figure="depth/training" lang="zh" theme="dark" preset="2" live="https://…">
//
// It shows the recorded figure of the static edition beside which this script stands, fits its
// height, and on a press connects to the app at `live`, if that answers. `theme` is "light" or
// "dark", by default the reader's; `preset` is the number of one, or `state` says controls as a
// link to the app does, "depth=40&activation=tanh". `edition` is another address of the edition.

(() => {
  const EDITION = new URL(".", document.currentScript.src);
  const HEIGHT = 640; // pixels, until the figure has said its own
  const GREETING = 500; // milliseconds between two
  const PATIENCE = 20_000; // milliseconds for the app to answer
  const RESIZER = "[iFrameSizer]"; // how Streamlit's pages say their height, see iframe-resizer
  const WORDS = {
    en: {
      live: "Train it live",
      recorded: "Back to the recording",
      connecting: "Connecting to the app…",
      silent: "The app does not answer. It may be asleep: open it in a tab of its own, where it wakes up, then come back and press again.",
      open: "Open the app",
    },
    zh: {
      live: "现场训练",
      recorded: "回到录制的图",
      connecting: "正在连接应用……",
      silent: "应用没有响应，可能正在休眠：请在新标签页中打开它，等它醒来，再回到这里重试。",
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
    a { color: inherit; }
    [hidden] { display: none !important; }`;

  const made = (tag, set = {}) => Object.assign(document.createElement(tag), set);

  class GradvizFigure extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      this.words = WORDS[this.language()];
      this.settings = Object.fromEntries(new URLSearchParams(this.getAttribute("state") ?? ""));
      this.recorded = made("iframe", {
        src: this.recordedAddress(),
        loading: "lazy",
        title: this.getAttribute("figure"),
      });
      this.recorded.style.height = `${this.getAttribute("height") ?? HEIGHT}px`;
      this.attachShadow({ mode: "open" });
      this.shadowRoot.append(made("style", { textContent: STYLE }), this.recorded);
      if (this.getAttribute("live")) this.offerLive();
      this.listen = (event) => this.hear(event);
      addEventListener("message", this.listen);
    }

    disconnectedCallback() {
      removeEventListener("message", this.listen);
    }

    language() {
      const said = this.getAttribute("lang") ?? document.documentElement.lang;
      return said.startsWith("zh") ? "zh" : "en";
    }

    recordedAddress() {
      const edition = new URL(this.getAttribute("edition") ?? EDITION, document.baseURI);
      const address = new URL(`${this.language()}/figure/${this.getAttribute("figure")}.html`, edition);
      for (const name of ["theme", "preset"])
        if (this.hasAttribute(name)) address.searchParams.set(name, this.getAttribute(name));
      for (const [name, text] of Object.entries(this.settings)) address.searchParams.set(name, text);
      if (this.getAttribute("live")) address.searchParams.set("live", "around");
      return address.href;
    }

    liveAddress() {
      const [lesson, figure] = this.getAttribute("figure").split("/");
      const app = this.getAttribute("live").replace(/\/*$/, "/");
      const address = new URL(lesson === "home" ? app : app + lesson, document.baseURI);
      const theme = this.getAttribute("theme");
      const query = { ...this.settings, lang: this.language(), figure, embed: "true" };
      if (theme) query.embed_options = `${theme}_theme`;
      for (const [name, text] of Object.entries(query)) address.searchParams.set(name, text);
      return address.href;
    }

    offerLive() {
      this.button = made("button", { type: "button", textContent: this.words.live });
      this.said = made("p", { role: "status" });
      const bar = made("div", { className: "bar" });
      bar.append(this.button, this.said);
      this.shadowRoot.append(bar);
      this.button.addEventListener("click", () => (this.live ? this.showRecorded() : this.connect()));
    }

    connect() {
      this.button.disabled = true;
      this.said.textContent = this.words.connecting;
      this.live = made("iframe", { src: this.liveAddress(), title: this.recorded.title });
      this.live.className = "waits";
      this.live.allow = "clipboard-write";
      this.recorded.after(this.live);
      this.greeting = setInterval(() => this.greet(), GREETING);
      this.waiting = setTimeout(() => this.give(), PATIENCE);
      // An address at which there is nothing is known at once.
      const health = new URL("_stcore/health", this.getAttribute("live").replace(/\/*$/, "/"));
      fetch(health, { mode: "no-cors" }).catch(() => this.give());
    }

    // Streamlit's page answers with its height, and says it again whenever it changes.
    greet() {
      const asked = ["gradviz", 0, false, false, 32, true, true, 0, "bodyOffset", "", "", 0, false];
      this.live?.contentWindow?.postMessage(RESIZER + asked.join(":"), "*");
    }

    hear({ source, data }) {
      if (source === this.recorded.contentWindow) {
        if (data.gradviz === "height") this.recorded.style.height = `${data.height}px`;
        if (data.gradviz === "state") this.settings = data.settings;
      } else if (this.live && source === this.live.contentWindow) {
        const height = String(data).startsWith(RESIZER) ? Number(String(data).split(":")[1]) : 0;
        if (height > 0) this.showLive(height);
      }
    }

    showLive(height) {
      this.live.style.height = `${height}px`;
      if (!this.live.className) return;
      this.rest();
      this.live.className = "";
      this.recorded.hidden = true;
      this.button.textContent = this.words.recorded;
      this.said.textContent = "";
    }

    showRecorded() {
      this.rest();
      this.live?.remove();
      this.live = null;
      this.recorded.hidden = false;
      this.button.textContent = this.words.live;
    }

    // No answer: the recording stays, with a word on what to do.
    give() {
      if (!this.live?.className) return;
      const link = made("a", { href: this.liveAddress().replace("&embed=true", ""), target: "_blank" });
      link.textContent = this.words.open;
      this.showRecorded();
      this.said.replaceChildren(this.words.silent, " ", link);
    }

    rest() {
      clearInterval(this.greeting);
      clearTimeout(this.waiting);
      this.button.disabled = false;
    }
  }

  if (!customElements.get("gradviz-figure")) customElements.define("gradviz-figure", GradvizFigure);
})();
