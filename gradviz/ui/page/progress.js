// Which lessons the reader has read to their end. Only this browser knows: nothing is sent anywhere.

const READ = "gradviz read"; // in the browser's store: the names of lessons
const ENDING = "[class*=st-key-ending_]";

function readLessons() {
  try {
    return JSON.parse(localStorage.getItem(READ)) ?? [];
  } catch {
    return []; // a browser may forbid the store, inside another page above all
  }
}

function keepRead(lesson) {
  const read = readLessons();
  if (read.includes(lesson)) return;
  try {
    localStorage.setItem(READ, JSON.stringify([...read, lesson]));
  } catch {
    // then it is forgotten
  }
}

// The ending counts once all of its first lines are in sight.
const endings = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      endings.unobserve(target);
      const name = [...target.classList].find((each) => each.startsWith("st-key-ending_"));
      keepRead(name.slice("st-key-ending_".length));
    }
  },
  { threshold: 0.6 },
);
const watched = new WeakSet();

function discoverProgress() {
  for (const ending of document.querySelectorAll(ENDING)) {
    if (watched.has(ending)) continue;
    watched.add(ending);
    endings.observe(ending);
  }
  const read = readLessons();
  for (const tick of document.querySelectorAll(".gradviz-tick"))
    tick.hidden = !read.includes(tick.dataset.lesson);
  for (const progress of document.querySelectorAll(".gradviz-progress")) {
    const lessons = JSON.parse(progress.dataset.lessons);
    const known = lessons.filter((lesson) => read.includes(lesson)).length;
    const said = words.read.replace("{read}", known).replace("{all}", lessons.length);
    progress.hidden = known === 0;
    if (progress.textContent !== said) progress.textContent = said;
  }
}
