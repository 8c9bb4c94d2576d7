// Tells the page in each frame whether what is around it is light or dark; nobody inside can see that.

// The colour behind an element, from 0 (black) to 1 (white); null where nothing has any.
function brightness(element) {
  for (let el = element; el; el = el.parentElement) {
    const [red, green, blue, alpha = 1] = getComputedStyle(el).backgroundColor.match(/[\d.]+/g).map(Number);
    if (alpha > .5) return (red + green + blue) / 765;
  }
  return null;
}

for (const frame of document.querySelectorAll(".rsinspect-frame:not([data-ready]) iframe")) {
  const around = frame.parentElement;
  around.dataset.ready = "";
  const found = brightness(around);
  if (found === null) continue;
  const dressed = frame.cloneNode(); // as one that is loading already would go on with its old page
  dressed.srcdoc = frame.srcdoc.replace('data-scheme="auto"', `data-scheme="${found < .5 ? "dark" : "light"}"`);
  frame.replaceWith(dressed);
}
