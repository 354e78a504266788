// A preset is lit as long as the figure is in its state. The server lights it by its own controls;
// the sliders inside a picture are known here alone.

const SETS = ".gradviz-sets"; // what the lit preset sets of them, see gradviz/ui/lesson.py

function isAsSet(figure, [name, number]) {
  return [...inputsOf(figure, name)].every(
    (slider) => Math.abs(Number(slider.value) - number) < 1e-9 + Number(slider.step || 0) / 2,
  );
}

const isPlaying = (figure) => [...players].some((each) => each.frame && figure.contains(each.slider));

// Whether the reader has left the state of the lit preset; while a run plays, that is not asked.
function checkPreset(figure) {
  const sets = figure?.querySelector(SETS);
  if (!sets || isPlaying(figure)) return;
  const left = !Object.entries(JSON.parse(sets.dataset.sets)).every((each) => isAsSet(figure, each));
  if ("left" in figure.dataset !== left) figure.toggleAttribute("data-left", left);
}

// After what the reader does: Vega moves the sliders only then.
for (const act of ["pointerup", "keyup", "change"])
  document.addEventListener(act, (event) => {
    if (!event.isTrusted || !(event.target instanceof Element)) return;
    const figure = figureOf(event.target);
    if (figure) setTimeout(() => checkPreset(figure), 60);
  });

// A picture that comes anew may be in the state of its preset again.
function discoverPresets() {
  for (const sets of document.querySelectorAll(`[data-left] ${SETS}`)) checkPreset(figureOf(sets));
}
