// What a report has beside its graphs and tables: contents that follow what is read, lines that can be copied.

class Contents {
  constructor(root) {
    this.list = root.querySelector("ol");
    this.places = [...this.list.querySelectorAll("a")].map((link) => ({ link, section: document.getElementById(link.hash.slice(1)) }));
    this.current = null;
    this.pending = 0;
    for (const name of ["scroll", "resize"]) addEventListener(name, () => this.#later(), { passive: true });
    this.#follow();
  }

  #later() {
    this.pending ||= requestAnimationFrame(() => { this.pending = 0; this.#follow(); });
  }

  // The section read is the last that begins above the middle; at the end of the page, the last.
  #follow() {
    const root = document.documentElement, ended = scrollY > 0 && scrollY + innerHeight >= root.scrollHeight - 2;
    const begun = this.places.filter(({ section }) => section && (ended || section.getBoundingClientRect().top < innerHeight * .4));
    const { link } = begun.at(-1) ?? this.places[0] ?? {};
    if (!link || link === this.current) return;
    this.current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "location");
    this.current = link;
    this.list.scrollTo({ left: link.offsetLeft - this.list.offsetLeft - 40 });
  }
}

function copiable(box) {
  const button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    const code = box.querySelector("code");
    try { await navigator.clipboard.writeText(code.textContent); }
    catch {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
  box.prepend(button);
}

for (const root of document.querySelectorAll(".contents")) new Contents(root);
for (const box of document.querySelectorAll(".code")) copiable(box);
