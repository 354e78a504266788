// A figure alone in a frame says how high it is, and again whenever that changes: to embed.js on
// the page around it, and to Canvas in its own words.

const content = () => document.querySelector("main.alone, [data-testid=stMainBlockContainer]");

function standsAlone() {
  if (parent === window) return false;
  return document.querySelector("main.alone") || new URLSearchParams(location.search).has("figure");
}

// Streamlit puts up its page long before the figure is there.
function isDrawn() {
  if (document.querySelector("main.alone")) return true;
  const complaint = "[data-testid=stMain] [data-testid=stAlert]";
  const picture = "[class*=st-key-figure_] [data-testid=stVegaLiteChart] svg";
  const still = "[data-testid=stApp]:not([data-test-script-state=running])";
  return document.querySelector(`${picture}, ${still} ${complaint}`) !== null;
}

let announced = 0;

function sayHeight() {
  const height = Math.ceil(content()?.getBoundingClientRect().height ?? 0);
  // Nothing is to be seen, or nothing yet.
  if (!height || height === announced || !(announced || isDrawn())) return;
  announced = height;
  parent.postMessage(JSON.stringify({ subject: "lti.frameResize", height }), "*");
  // Streamlit's cloud puts a page of its own between the app and the one that embeds it.
  for (let around = window; around !== around.parent; around = around.parent)
    around.parent.postMessage({ gradviz: "height", height }, "*");
}

const heights = new ResizeObserver(sayHeight);
let framed = null;

function discoverFrame() {
  if (!standsAlone()) return;
  if (framed !== content()) {
    heights.disconnect();
    framed = content();
    if (framed) heights.observe(framed);
  }
  if (framed) sayHeight();
}
