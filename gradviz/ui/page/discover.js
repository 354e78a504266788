// Streamlit draws what it likes when it likes: whatever is new on the page is found here.

const known = new WeakSet();

// A lesson begins at its top, wherever the one before was left.
let page = location.pathname;

function startAtTop() {
  if (location.pathname === page) return;
  page = location.pathname;
  document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
}

function discover() {
  startAtTop();
  forgetPlayers();
  for (const slider of document.querySelectorAll(SLIDER)) {
    if (known.has(slider)) continue;
    known.add(slider);
    keepFilled(slider);
    nameSlider(slider);
    if (slider.name === REPLAY) addPlayer(slider);
  }
  discoverQuestions();
  discoverPresets();
  discoverShareMenus();
  discoverPages();
  discoverWords();
  discoverTerms();
  discoverProgress();
  levelHeadings();
  translateStreamlit();
  reachCode();
  nameFormulas();
  describePictures();
  discoverFrame();
}

let awaited = false;
new MutationObserver(() => {
  if (awaited) return;
  awaited = true;
  setTimeout(() => {
    awaited = false;
    discover();
  }, 100);
}).observe(document.body, { childList: true, subtree: true });
discover();
