// The links of the share menu: with where the reader has moved the sliders inside the picture, and
// with what the menu says of language, theme and hidden controls.

const SHARE = "form.gradviz-share";

// What the link hides: what is ticked, and what the menu does not know of.
function hiddenIn(form, link) {
  const boxes = [...form.querySelectorAll(".gradviz-hide")];
  const known = boxes.map((box) => box.value);
  const kept = (link.searchParams.get("hide") ?? "").split(",");
  const other = kept.filter((name) => name && !known.includes(name));
  return [...other, ...boxes.filter((box) => box.checked).map((box) => box.value)];
}

function setOrDrop(address, name, text) {
  if (text) address.searchParams.set(name, text);
  else address.searchParams.delete(name);
}

function complete(form) {
  const link = form.querySelector(".gradviz-link");
  form.dataset.link ??= link.value;
  const address = new URL(form.dataset.link, location.href);
  const figure = figureCalled(form.dataset.figure);
  for (const [slider, key] of Object.entries(JSON.parse(form.dataset.sliders))) {
    const input = inputsOf(figure, slider)[0];
    if (input) address.searchParams.set(key, input.value);
  }
  setOrDrop(address, "hide", hiddenIn(form, address).join(","));
  setOrDrop(address, "lang", form.querySelector(".gradviz-language").value);
  link.value = address.href;
  const embed = { form, address, theme: form.querySelector(".gradviz-theme").value };
  form.querySelector(".gradviz-embed").value = embedLines(embed);
  if (form.querySelector(".gradviz-plain").open) measure(form, frameAddress(embed));
}

// --- The lines for a course page.

const PART_OF_LINK = ["lang", "figure", "embed", "embed_options"]; // the rest is the figure's state

const inMarkup = (text) => text.replaceAll("&", "&amp;").replaceAll("\x3c", "&lt;");
const asAttribute = (text) => inMarkup(text).replaceAll('"', "&quot;");

// A tag in words; as one it may not stand in a script.
function tag(name, attributes, inside = "") {
  const own = Object.entries(attributes).filter(([, text]) => text);
  const said = own.map(([key, text]) => (text === true ? ` ${key}` : ` ${key}="${asAttribute(text)}"`));
  return `\x3c${name}${said.join("")}>${inside}\x3c/${name}>`;
}

function stateIn(address) {
  const state = new URLSearchParams(address.search);
  for (const name of PART_OF_LINK) state.delete(name);
  return state;
}

// The element of embed.js; what stands inside it is shown where the script does not come.
function embedLines({ form, address, theme }) {
  const { script, edition, app, place } = form.dataset;
  const link = tag("a", { href: address.href }, inMarkup(saidBy(form).title));
  const lang = address.searchParams.get("lang") ?? "";
  const own = { figure: place, lang, theme, live: edition && app, state: stateIn(address).toString() };
  return `${tag("script", { async: true, src: script })}\n${tag("gradviz-figure", own, link)}`;
}

function frameAddress({ form, address, theme }) {
  const { edition, place, language } = form.dataset;
  const live = new URL(address);
  live.searchParams.set("embed", "true");
  if (theme) live.searchParams.append("embed_options", `${theme}_theme`);
  if (!edition) return { shown: live.href, measured: live.href };
  const lang = address.searchParams.get("lang") ?? language;
  const recorded = new URL(`${lang}/figure/${place}.html?${stateIn(address)}`, edition);
  setOrDrop(recorded, "theme", theme);
  return { shown: recorded.href, measured: live.href };
}

// How high the figure is at its narrowest, its question answered: one out of sight tells.
const NARROWEST = 400; // pixels
const ROOM = 48; // pixels, for a line that training adds and for other fonts
const SETTLED = 1500; // milliseconds without a new height

function measure(form, { shown, measured }) {
  if (form.dataset.measured === measured) return;
  form.dataset.measured = measured;
  document.querySelector(".gradviz-measuring")?.remove();
  const field = form.querySelector(".gradviz-iframe");
  field.value = saidBy(form).measuring;
  const frame = document.createElement("iframe");
  Object.assign(frame, { className: "gradviz-measuring", src: measured, inert: true });
  frame.style.width = `${NARROWEST}px`;
  let settled = 0;
  const finish = () => {
    removeEventListener("message", hear);
    const height = String(10 * Math.ceil((highestIn(frame.contentDocument) + ROOM) / 10));
    frame.remove();
    const title = saidBy(form).title;
    field.value = tag("iframe", { src: shown, width: "100%", height, style: "border: 0", loading: "lazy", title });
  };
  const hear = ({ source, data }) => {
    if (data?.gradviz !== "height" || source !== frame.contentWindow) return;
    frame.style.height = `${data.height}px`;
    clearTimeout(settled);
    settled = setTimeout(finish, SETTLED);
  };
  addEventListener("message", hear);
  document.body.append(frame);
}

// The height of a page, whatever its question is answered with.
function highestIn(page) {
  const height = () => page.querySelector("[data-testid=stMainBlockContainer]").offsetHeight;
  const heights = [height()];
  const question = page.querySelector("form.gradviz-question");
  if (question && !("answered" in question.dataset)) {
    question.querySelector(".gradviz-skip").click();
    sessionStorage.removeItem(keptUnder(question)); // the reader has not answered it
  }
  const replies = [...(question?.querySelectorAll("[data-for]") ?? [])];
  for (const shown of replies) {
    for (const reply of replies) reply.hidden = reply !== shown;
    heights.push(height());
  }
  return Math.max(...heights);
}

const saidBy = (form) => JSON.parse(form.dataset.words);

async function copy(button) {
  const field = button.previousElementSibling.querySelector("textarea");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without HTTPS, or inside an iframe
  }
  const label = button.textContent;
  button.textContent = saidBy(button.form).copied;
  announcer.textContent = button.textContent;
  setTimeout(() => (button.textContent = label), 1500);
}

function discoverShareMenus() {
  for (const form of document.querySelectorAll(SHARE)) complete(form);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(`${SHARE} button`);
  if (!button) return;
  const figure = figureCalled(button.form.dataset.figure);
  if (button.matches(".gradviz-copy")) copy(button);
  if (button.matches(".gradviz-table")) showTable(button.form, figure);
  if (button.matches(".gradviz-save")) saveAs(button.dataset.kind, button.form, figure);
});

// What was moved or chosen while the menu is open.
document.addEventListener("change", discoverShareMenus);
document.addEventListener("toggle", discoverShareMenus, true);
