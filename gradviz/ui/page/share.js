// The links of the share menu hold where the reader has moved the sliders inside the picture.

const SHARE = "form.gradviz-share";

function complete(form) {
  const link = form.querySelector(".gradviz-link");
  const embed = form.querySelector(".gradviz-embed");
  form.dataset.link ??= link.value;
  form.dataset.embed ??= embed.value;
  const address = new URL(form.dataset.link);
  const figure = figureCalled(form.dataset.figure);
  for (const [slider, key] of Object.entries(JSON.parse(form.dataset.sliders))) {
    const input = inputsOf(figure, slider)[0];
    if (input) address.searchParams.set(key, input.value);
  }
  link.value = address.href;
  const source = `${address.href}&embed=true`.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  embed.value = form.dataset.embed.replace(/src="[^"]*"/, () => `src="${source}"`);
}

async function copy(button) {
  const field = button.previousElementSibling.querySelector("textarea");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without HTTPS, or inside an iframe
  }
  const label = button.textContent;
  button.textContent = button.form.dataset.copied;
  setTimeout(() => (button.textContent = label), 1500);
}

function discoverShareMenus() {
  for (const form of document.querySelectorAll(SHARE)) complete(form);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".gradviz-copy");
  if (button) copy(button);
});

// What was moved while the menu is open.
document.addEventListener("change", discoverShareMenus);
