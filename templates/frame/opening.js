// Unpacks a page and puts it in the place of this one, light or dark as what is around the frame.

async function unpacked() {
  const bytes = Uint8Array.from(atob(document.querySelector("#packed").textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

unpacked().then((page) => {
  const { scheme } = document.documentElement.dataset;
  document.open();
  document.write(scheme === "auto" ? page : page.replace('<html lang="en">', `<html lang="en" data-theme="${scheme}">`));
  document.close();
});
