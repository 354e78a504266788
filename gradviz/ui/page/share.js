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
  const embed = form.querySelector(".gradviz-embed");
  form.dataset.link ??= link.value;
  form.dataset.embed ??= embed.value;
  const address = new URL(form.dataset.link, location.href);
  const figure = figureCalled(form.dataset.figure);
  for (const [slider, key] of Object.entries(JSON.parse(form.dataset.sliders))) {
    const input = inputsOf(figure, slider)[0];
    if (input) address.searchParams.set(key, input.value);
  }
  setOrDrop(address, "hide", hiddenIn(form, address).join(","));
  setOrDrop(address, "lang", form.querySelector(".gradviz-language").value);
  link.value = address.href;
  address.searchParams.set("embed", "true");
  const theme = form.querySelector(".gradviz-theme").value;
  if (theme) address.searchParams.append("embed_options", `${theme}_theme`);
  const source = address.href.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  embed.value = form.dataset.embed.replace(/src="[^"]*"/, () => `src="${source}"`);
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
