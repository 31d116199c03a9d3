// Starts the page; its address holds the place, the colours and the chosen crystal.
"use strict";
(function () {
  let applied = "";

  function readAddress() {
    const values = new URLSearchParams(location.hash.slice(1));
    const place = (values.get("at") || "").split(",").map(Number);
    return {
      row: OLIVINE.rowOf.get(Number(values.get("crystal"))),
      colourBy: OLIVINE.choiceOf.has(values.get("colour")) ? values.get("colour") : "class",
      view: place.length === 3 && place.every(Number.isFinite) && place[2] > 0
        ? { x: place[0], y: place[1], width: place[2] } : null,
    };
  }

  OLIVINE.rememberPlace = function () {
    if (!OLIVINE.viewer || !OLIVINE.viewer.isOpen()) return;
    const { selected, colourBy } = OLIVINE.state, { x, y, width } = OLIVINE.place(), parts = [];
    if (selected >= 0) parts.push("crystal=" + OLIVINE.crystals.ids[selected]);
    if (colourBy !== "class") parts.push("colour=" + colourBy);
    parts.push("at=" + [x, y, width].join(","));
    applied = "#" + parts.join("&");
    history.replaceState(null, "", applied);
  };

  const address = readAddress();
  if (address.colourBy !== "class") {
    OLIVINE.state.colourBy = address.colourBy;
    OLIVINE.change({});
  }
  OLIVINE.startControls();
  OLIVINE.startGallery();
  OLIVINE.startMap(address.view);
  OLIVINE.viewer.addOnceHandler("open", () => {
    if (address.row !== undefined) OLIVINE.select(address.row, { go: !address.view });
  });
  OLIVINE.listeners.push(OLIVINE.rememberPlace);
  window.addEventListener("hashchange", () => {
    if (location.hash === applied) return;
    const { row, colourBy } = readAddress();
    if (colourBy !== OLIVINE.state.colourBy) OLIVINE.change({ colourBy });
    if (row !== undefined) OLIVINE.select(row, { go: true });
  });
})();
