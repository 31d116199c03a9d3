// What the page knows: section, crystals, which of them are shown and in which colour.
// The scripts with data call set..., add...; all text in them is shown as text, never as markup.
"use strict";
var OLIVINE = {
  section: null,
  crystals: null,
  cells: new Map(), // number of a part -> its content, or a promise of it
  state: { colourBy: "class", hidden: {}, ranges: {}, outlines: true, filled: true, selected: -1 },
  visible: null, // Uint8Array, 1 for each crystal that is shown
  listeners: [],
};

(function () {
  OLIVINE.NO_COLOUR = "#9a9a9a"; // of crystals without a value

  OLIVINE.setSection = function (section) { OLIVINE.section = section; };

  OLIVINE.setCrystals = function (crystals) {
    OLIVINE.crystals = crystals;
    OLIVINE.count = crystals.ids.length;
    OLIVINE.rowOf = new Map(crystals.ids.map((id, row) => [id, row]));
    OLIVINE.choiceOf = new Map(crystals.choices.map((choice) => [choice.name, choice]));
    OLIVINE.visible = new Uint8Array(OLIVINE.count).fill(1);
    OLIVINE.colours = coloursBy(OLIVINE.choiceOf.get("class"));
  };

  const waiting = new Map();
  OLIVINE.addCell = function (number, content) {
    OLIVINE.cells.set(number, content);
    const resolve = waiting.get(number);
    if (resolve) resolve(content);
  };

  // Outlines and numbers of one part of the section; a script, as a page on a disk may not fetch.
  OLIVINE.loadCell = function (number) {
    if (!OLIVINE.cells.has(number)) {
      OLIVINE.cells.set(number, new Promise((resolve, reject) => {
        waiting.set(number, resolve);
        const script = document.createElement("script");
        script.src = "web/data/cells/" + number + ".js";
        script.onerror = () => reject(new Error(script.src + " is missing"));
        document.head.appendChild(script);
      }));
    }
    return Promise.resolve(OLIVINE.cells.get(number));
  };

  OLIVINE.detailOf = function (row) {
    return OLIVINE.loadCell(OLIVINE.crystals.cells[row]).then((cell) => cell[row]);
  };

  // x0, y0, x1, y1 of the box of a crystal, in pixels of the section.
  OLIVINE.boxOf = (row) => OLIVINE.crystals.boxes.slice(4 * row, 4 * row + 4);

  // A number as a place 0 ... 1 on the scale of its column.
  function placeOn(choice, value) {
    let low = choice.low, high = choice.high;
    if (choice.log) { value = Math.log(value); low = Math.log(low); high = Math.log(high); }
    return Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  }

  function coloursBy(choice) {
    const ramp = OLIVINE.section ? OLIVINE.section.ramp : [];
    if (choice.kind === "text") {
      return choice.codes.map((code) => (code < 0 ? OLIVINE.NO_COLOUR : choice.values[code][1]));
    }
    return choice.numbers.map((value) => {
      if (value === null || (choice.log && value <= 0)) return OLIVINE.NO_COLOUR;
      return ramp[Math.min(ramp.length - 1, Math.floor(placeOn(choice, value) * ramp.length))];
    });
  }

  function findVisible() {
    const visible = new Uint8Array(OLIVINE.count).fill(1);
    for (const [name, hidden] of Object.entries(OLIVINE.state.hidden)) {
      const codes = OLIVINE.choiceOf.get(name).codes;
      if (hidden.size) codes.forEach((code, row) => { if (hidden.has(code)) visible[row] = 0; });
    }
    for (const [name, [low, high]] of Object.entries(OLIVINE.state.ranges)) {
      if (low === null && high === null) continue;
      OLIVINE.choiceOf.get(name).numbers.forEach((value, row) => {
        if (value === null || (low !== null && value < low) || (high !== null && value > high)) visible[row] = 0;
      });
    }
    return visible;
  }

  // Carries out a change of colours or filters, and tells the map, the gallery and the legend.
  OLIVINE.change = function (changes) {
    Object.assign(OLIVINE.state, changes);
    OLIVINE.visible = findVisible();
    OLIVINE.colours = coloursBy(OLIVINE.choiceOf.get(OLIVINE.state.colourBy));
    OLIVINE.listeners.forEach((tell) => tell());
  };

  OLIVINE.shownCount = () => OLIVINE.visible.reduce((sum, one) => sum + one, 0);

  OLIVINE.element = function (tag, attributes, ...content) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name in made && name !== "list") made[name] = value; else made.setAttribute(name, value);
    }
    made.append(...content);
    return made;
  };
  OLIVINE.byId = (id) => document.getElementById(id);
})();
