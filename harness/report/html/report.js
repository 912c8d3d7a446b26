"use strict";
(() => {
  const byID = id => document.getElementById(id);
  const say = text => { byID("said").textContent = text; };
  const findings = () => [...document.querySelectorAll("article.finding:not(.hidden)")];

  // A link to an element inside a closed <details> opens it.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && byID(id);
    if (!target) return;
    for (let e = target.parentElement; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    target.scrollIntoView();
    if (target.tabIndex === -1) target.focus({preventScroll: true});
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Copying works from file: too, where the clipboard of the page may be refused.
  const copy = async text => {
    try { await navigator.clipboard.writeText(text); return; } catch { /* the old way */ }
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  document.addEventListener("click", async event => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copy(button.parentElement.querySelector("pre").textContent);
    const words = button.textContent;
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => { button.textContent = words; }, 1500);
  });

  const search = byID("search");
  const texts = [...document.querySelectorAll("[data-text]")].map(e => [e, e.dataset.text.toLowerCase()]);
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const [e, text] of texts) {
      const hit = words.every(w => text.includes(w));
      e.classList.toggle("hidden", !hit);
      if (hit && e.matches("article")) n++;
    }
    if (words.length) for (const d of document.querySelectorAll("details.target")) d.open = true;
    say(words.length ? n + " findings match" : "");
  });

  const matters = byID("matters");
  if (matters) matters.addEventListener("click", () => {
    const on = document.body.classList.toggle("matters");
    matters.setAttribute("aria-pressed", on);
  });

  const themes = ["", "dark", "light"];
  const theme = byID("theme");
  const next = () => {
    const root = document.documentElement;
    const to = themes[(themes.indexOf(root.dataset.theme || "") + 1) % themes.length];
    if (to) root.dataset.theme = to; else delete root.dataset.theme;
    theme.textContent = "Theme" + (to ? ": " + to : "");
  };
  theme.addEventListener("click", next);

  byID("download").addEventListener("click", async () => {
    const packed = Uint8Array.from(atob(byID("harness-result").textContent), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await new Response(stream).blob());
    link.download = "harness.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  const step = by => {
    const all = findings();
    if (!all.length) return;
    const here = all.findIndex(e => e.contains(document.activeElement));
    const to = all[Math.min(all.length - 1, Math.max(0, here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by))];
    to.scrollIntoView();
    to.focus({preventScroll: true});
  };
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input")) { if (event.key === "Escape") event.target.blur(); return; }
    switch (event.key) {
      case "/": search.focus(); event.preventDefault(); break;
      case "j": step(1); break;
      case "k": step(-1); break;
      case "t": next(); break;
    }
  });
})();
