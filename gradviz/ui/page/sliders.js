// A slider's fill follows its thumb, whoever moved it. Streamlit hears only the reader.

const SLIDER = ".vega-bind input[type=range]";

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


// The inputs of the pictures of `figure` that are called `name`, seen or unseen.
function inputsOf(figure, name) {
  return figure?.querySelectorAll(`.vega-bind input[name="${name}"]`) ?? [];
}

// Set an input of a picture, as if the reader had.
function set(input, number) {
  input.value = number;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

const figureOf = (element) => element.closest("[class*=st-key-figure_]");
const figureCalled = (name) => document.querySelector(`.st-key-figure_${CSS.escape(name)}`);
const reducesMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
