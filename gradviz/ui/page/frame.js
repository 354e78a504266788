// A figure alone in a frame says how high it is, and again whenever that changes: to embed.js on
// the page around it, and to Canvas in its own words.

const content = () => document.querySelector("main.alone, [data-testid=stMainBlockContainer]");

function standsAlone() {
  if (parent === window) return false;
  return document.querySelector("main.alone") || new URLSearchParams(location.search).has("figure");
}

// Streamlit puts up its page long before the figure is there; it may have no picture yet, or the
// page may have nothing but a complaint.
function isDrawn() {
  if (document.querySelector("main.alone")) return true;
  if (document.querySelector("[data-testid=stApp][data-test-script-state=running]")) return false;
  const pictures = [...document.querySelectorAll("[class*=st-key-figure_] [data-testid=stVegaLiteChart]")];
  const shown = "[data-testid=stMain] :is([class*=st-key-figure_], [data-testid=stAlert])";
  return document.querySelector(shown) && pictures.every((picture) => picture.querySelector("svg"));
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
