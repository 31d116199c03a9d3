// Crystals side by side, those that are shown; each picture is drawn when it comes into sight.
"use strict";
(function () {
  const PAGE = 60, THUMB_PX = 160;
  let rows = [], shown = 0, watcher = null;

  OLIVINE.startGallery = function () {
    const classes = OLIVINE.choiceOf.get("class"), chosen = OLIVINE.byId("gallery-class");
    chosen.append(OLIVINE.element("option", { value: "-2" }, "all classes"));
    classes.values.forEach(([title], code) => chosen.append(OLIVINE.element("option", { value: String(code) }, title)));
    const order = OLIVINE.byId("gallery-order");
    OLIVINE.crystals.choices.filter((choice) => choice.kind === "number").forEach((choice) =>
      order.append(OLIVINE.element("option", { value: choice.name }, choice.title + ", largest first")));
    chosen.onchange = order.onchange = fill;
    OLIVINE.byId("gallery-more").onclick = more;
    watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        OLIVINE.drawCutout(entry.target, Number(entry.target.dataset.row), OLIVINE.section.layers[0], null);
      }
    }, { rootMargin: "200px" });
    OLIVINE.listeners.push(() => { if (!OLIVINE.byId("gallery-view").hidden) fill(); });
  };

  function fill() {
    const code = Number(OLIVINE.byId("gallery-class").value), codes = OLIVINE.choiceOf.get("class").codes;
    const choice = OLIVINE.choiceOf.get(OLIVINE.byId("gallery-order").value);
    const value = (row) => (choice && choice.numbers[row] !== null ? choice.numbers[row] : -Infinity);
    rows = [];
    for (let row = 0; row < OLIVINE.count; row++) {
      if (OLIVINE.visible[row] && (code === -2 || codes[row] === code)) rows.push(row);
    }
    rows.sort((a, b) => value(b) - value(a));
    shown = 0;
    OLIVINE.byId("gallery").replaceChildren();
    more();
  }
  OLIVINE.fillGallery = fill;

  function more() {
    const gallery = OLIVINE.byId("gallery");
    for (const row of rows.slice(shown, shown + PAGE)) {
      const canvas = OLIVINE.element("canvas", { width: THUMB_PX, height: THUMB_PX });
      canvas.dataset.row = String(row);
      const id = OLIVINE.crystals.ids[row];
      gallery.append(OLIVINE.element("button", { ariaLabel: "Crystal " + id, onclick: () => {
        OLIVINE.showView("map");
        OLIVINE.select(row, { go: true, focus: true });
      } }, canvas, "Crystal " + id));
      if (OLIVINE.section.layers.length) watcher.observe(canvas);
    }
    shown = Math.min(rows.length, shown + PAGE);
    OLIVINE.byId("gallery-more").hidden = shown >= rows.length;
  }
})();
