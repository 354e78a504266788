// A figure's question: the reader guesses, commits, and the picture uncovers the answer.
//
// What was answered is kept for the tab. Until then the style sheet covers the words of the figure,
// and its picture the answer, by the input "revealed".

const GUESS = "guess"; // see gradviz/charts/parts/handles.py
const REVEALED = "revealed";
const SKIPPED = "skipped"; // the answer of who wants to see
const UNCOVERING = 1100; // milliseconds
const LOOKING = 2000; // at guess and truth, before the run plays on
const QUESTION = "form.gradviz-question";

const questionOf = (figure) => figure?.querySelector(QUESTION);

function openQuestion(figure) {
  const question = questionOf(figure);
  return question && !("answered" in question.dataset) ? question : null;
}

const keptUnder = (question) => `gradviz ${location.pathname} ${question.dataset.key}`;

// Where the reader's guess stands: the place of an option, or null.
function chosen(question) {
  const option = question.querySelector("input[type=radio]:checked, input[data-touched]");
  return option ? option.value : null;
}

function guessedNumber(question, place) {
  const slider = question.querySelector("input[type=range]");
  if (slider) return JSON.parse(slider.dataset.guesses)[place] ?? "";
  return question.querySelector(`input[value="${place}"]`)?.dataset.guess ?? "";
}

// Draw the guess into the pictures of the figure, as it is being made too.
function markGuess(question) {
  // A slider's first place is not a guess yet, but shows what it moves.
  const first = question.querySelector("input[type=range]")?.value ?? null;
  const place = question.dataset.answered ?? chosen(question) ?? first;
  const number = place === null || place === SKIPPED ? "" : guessedNumber(question, place);
  for (const input of inputsOf(figureOf(question), GUESS)) set(input, number);
  const scale = question.querySelector("input[type=range]");
  scale?.setAttribute("aria-valuetext", question.querySelector("output").textContent);
  // Nothing can be committed before something is chosen.
  question.querySelector("[type=submit]").disabled = chosen(question) === null;
}

function uncover(figure, animated) {
  const inputs = [...inputsOf(figure, REVEALED)];
  const end = () => {
    for (const player of players) if (figure.contains(player.slider)) player.once();
  };
  if (!animated || reducesMotion()) {
    for (const input of inputs) set(input, 1);
    return;
  }
  const begun = performance.now();
  const tick = (time) => {
    const share = Math.min(1, Math.max(0, time - begun) / UNCOVERING);
    for (const input of inputs) if (input.isConnected) set(input, share * share * (3 - 2 * share));
    if (share < 1) requestAnimationFrame(tick);
    else setTimeout(end, LOOKING);
  };
  requestAnimationFrame(tick);
}

// Show the reply to the answer `place`, the place of an option or SKIPPED.
function answer(question, place, animated) {
  question.dataset.answered = place;
  for (const reply of question.querySelectorAll("[data-for]"))
    reply.hidden = reply.dataset.for !== place;
  markGuess(question);
  uncover(figureOf(question), animated);
  describePictures();
}

function askAgain(question) {
  sessionStorage.removeItem(keptUnder(question));
  delete question.dataset.answered;
  for (const option of question.querySelectorAll("input")) {
    option.checked = false;
    delete option.dataset.touched;
  }
  for (const input of inputsOf(figureOf(question), REVEALED)) set(input, 0);
  cover(question);
  question.querySelector("input")?.focus({ preventScroll: true });
}

function cover(question) {
  markGuess(question);
  if (question.dataset.ofTheStart !== "true") return;
  const figure = figureOf(question);
  for (const player of players) if (figure.contains(player.slider)) player.waitAtStart();
}

function commit(question) {
  const place = chosen(question);
  if (place === null) return;
  keep(question, place);
}

function keep(question, place) {
  sessionStorage.setItem(keptUnder(question), place);
  const here = question.contains(document.activeElement);
  answer(question, place, true);
  // What was pressed is gone now; who came by keyboard goes on from here.
  if (here) question.querySelector(".gradviz-again").focus({ preventScroll: true });
}

// Streamlit draws questions and pictures anew at any time: bring them to what was answered. A picture
// may also stay while its question comes or goes, as a control is moved.
const asked = new WeakSet();
const coveredFor = new WeakMap(); // by input "revealed": its question, or null for none

function discoverQuestions() {
  for (const question of document.querySelectorAll(QUESTION)) {
    if (asked.has(question)) continue;
    asked.add(question);
    const place = sessionStorage.getItem(keptUnder(question));
    if (place === null) cover(question);
    else answer(question, place, false);
  }
  for (const input of document.querySelectorAll(`.vega-bind input[name="${REVEALED}"]`)) {
    const question = questionOf(figureOf(input)) ?? null;
    if (coveredFor.get(input) === question) continue;
    coveredFor.set(input, question);
    if (question && openQuestion(figureOf(input))) {
      set(input, 0);
      cover(question);
    } else if (question) answer(question, question.dataset.answered, false);
    else {
      for (const guess of inputsOf(figureOf(input), GUESS)) set(guess, "");
      set(input, 1);
    }
  }
}

document.addEventListener("input", (event) => {
  const question = event.target.closest?.(QUESTION);
  if (!question) return;
  const labels = event.target.dataset.labels;
  if (labels) event.target.dataset.touched = "";
  if (labels) question.querySelector("output").textContent = JSON.parse(labels)[event.target.value];
  markGuess(question);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches?.(QUESTION)) return;
  event.preventDefault();
  commit(event.target);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(`${QUESTION} button`);
  if (button?.matches(".gradviz-skip")) keep(button.form, SKIPPED);
  if (button?.matches(".gradviz-again")) askAgain(button.form);
});
