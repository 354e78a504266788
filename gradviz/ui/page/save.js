// The pictures of a figure as files, as they stand on the page now: its SVG is what is drawn.

const PICTURE = "[data-testid=stVegaLiteChart] svg.marks";
const SVG_NAMES = "http://www.w3.org/2000/svg";
const BETWEEN = 16; // pixels, of pictures below each other
const SHARPNESS = 2; // pixels of a PNG to each of the page
// What the page's style sheets say of marks and words.
const LOOKS = ["fill", "stroke", "stroke-width", "stroke-linejoin", "paint-order", "font-family"];

function saveFile(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function fileName(figure, kind) {
  const page = location.pathname.split("/").pop() || "home";
  return `gradviz-${page}-${figure}.${kind}`;
}

const paper = () =>
  getComputedStyle(document.querySelector("[data-testid=stApp]") ?? document.body).backgroundColor;

// A copy of a picture that says itself how it looks.
function lookingAlike(picture) {
  const copied = picture.cloneNode(true);
  const originals = picture.querySelectorAll("path, line, text, rect");
  copied.querySelectorAll("path, line, text, rect").forEach((element, place) => {
    const look = getComputedStyle(originals[place]);
    for (const name of LOOKS) {
      if (name === "font-family" && element.tagName !== "text") continue;
      // What is painted by a reference stays one.
      if (element.getAttribute(name)?.startsWith("url(")) continue;
      element.style.setProperty(name, look.getPropertyValue(name));
    }
  });
  return copied;
}

// All pictures of a figure below each other, on the page's own ground, as one SVG element.
function wholePicture(figure, title) {
  const pictures = [...figure.querySelectorAll(PICTURE)];
  const whole = document.createElementNS(SVG_NAMES, "svg");
  const said = document.createElementNS(SVG_NAMES, "title");
  said.textContent = title;
  const ground = document.createElementNS(SVG_NAMES, "rect");
  whole.append(said, ground);
  let [width, height] = [0, 0];
  for (const picture of pictures) {
    const size = { width: picture.width.baseVal.value, height: picture.height.baseVal.value };
    const copied = lookingAlike(picture);
    copied.setAttribute("y", height);
    whole.append(copied);
    width = Math.max(width, size.width);
    height += size.height + (picture === pictures.at(-1) ? 0 : BETWEEN);
  }
  for (const element of [whole, ground]) {
    element.setAttribute("width", Math.ceil(width));
    element.setAttribute("height", Math.ceil(height));
  }
  whole.setAttribute("viewBox", `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`);
  ground.setAttribute("fill", paper());
  return whole;
}

const asText = (picture) => new XMLSerializer().serializeToString(picture);

// The page's own font of pictures, as a style sheet that needs no network.
async function ownFont() {
  const faces = [...document.styleSheets].flatMap((sheet) => {
    try {
      return [...sheet.cssRules].filter((rule) => rule instanceof CSSFontFaceRule);
    } catch {
      return []; // of another origin
    }
  });
  const face = faces.find(
    ({ style }) =>
      /^["']?Source Sans["']?$/.test(style.fontFamily) && !/italic/.test(style.fontStyle),
  );
  const source = face?.style.getPropertyValue("src").match(/url\(["']?([^"')]+)/)?.[1];
  if (!source) return "";
  const base = face.parentStyleSheet?.href ?? document.baseURI;
  const blob = await (await fetch(new URL(source, base))).blob();
  const data = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });
  return `@font-face { font-family: "Source Sans"; font-weight: 200 900; src: url("${data}"); }`;
}

async function asPng(picture) {
  const font = document.createElementNS(SVG_NAMES, "style");
  font.textContent = await ownFont().catch(() => "");
  picture.prepend(font);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(asText(picture))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SHARPNESS * image.naturalWidth;
  canvas.height = SHARPNESS * image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

async function saveAs(kind, form, figure) {
  const name = fileName(form.dataset.figure, kind);
  if (kind === "csv") return saveTable(form, figure);
  const picture = wholePicture(figure, saidBy(form).title);
  if (kind === "svg") saveFile(name, asText(picture), "image/svg+xml");
  else saveFile(name, await asPng(picture), "image/png");
}

// A page that works by itself has come from the server: open it where the sliders stand here.
const savedPages = new Set();

async function savePage(sent) {
  const bytes = Uint8Array.from(atob(sent.dataset.page), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const page = await new Response(unpacked).text();
  const pictures = figureCalled(sent.dataset.figure).querySelectorAll("[data-testid=stVegaLiteChart]");
  const stands = [...pictures].map((picture) =>
    Object.fromEntries(
      [...picture.querySelectorAll(".vega-bind input[type=range]")].map((input) => [
        input.name,
        input.value,
      ]),
    ),
  );
  const marker = "/*stands*/";
  const [before, , ...after] = page.split(marker);
  const whole = [before, JSON.stringify(stands), after.join(marker)].join("");
  saveFile(fileName(sent.dataset.figure, "html"), whole, "text/html");
}

function discoverPages() {
  for (const sent of document.querySelectorAll(".gradviz-page")) {
    if (savedPages.has(sent.dataset.asked)) continue;
    savedPages.add(sent.dataset.asked);
    savePage(sent);
  }
}
