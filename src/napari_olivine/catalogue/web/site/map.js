// The map: pictures of the section, and the outlines as pictures that are drawn when they are needed.
"use strict";
(function () {
  const SHARPER = 4; // outlines stay sharp up to so many screen pixels a pixel
  let viewer = null;
  const images = new Map(); // name of a layer -> its item in the map
  let outlines = null, outlinesVersion = 0, mark = null;

  class ImagePictures extends OpenSeadragon.TileSource {
    constructor(layer) {
      const { rows, columns, tilePx } = OLIVINE.section;
      super({ width: columns, height: rows, tileSize: tilePx, minLevel: 0, maxLevel: layer.index.length - 1 });
      this.layer = layer;
    }
    tileExists(level, x, y) {
      const line = (this.layer.index[level] || [])[y];
      return line !== undefined && line[x] !== undefined && line[x] !== "0";
    }
    getTileUrl(level, x, y) {
      return pictureOf(this.layer, level, x, y);
    }
  }

  function pictureOf(layer, level, x, y) {
    const ending = OLIVINE.section.endings[Number(layer.index[level][y][x])];
    return "web/tiles/" + layer.name + "/" + level + "/" + x + "_" + y + "." + ending;
  }
  OLIVINE.pictureOf = pictureOf;

  class OutlinePictures extends OpenSeadragon.TileSource {
    constructor(version) {
      const { rows, columns, tilePx } = OLIVINE.section;
      const levels = Math.ceil(Math.log2(Math.max(rows, columns) * SHARPER));
      super({
        width: columns * SHARPER, height: rows * SHARPER, tileSize: tilePx, minLevel: Math.min(8, levels), maxLevel: levels,
      });
      this.version = version;
    }
    getTileUrl(level, x, y) { return [this.version, level, x, y].join("/"); }
    getTileHashKey(level, x, y) { return "outlines/" + this.getTileUrl(level, x, y); }
    downloadTileStart(job) {
      const [, level, x, y] = job.src.split("/").map(Number);
      const scale = SHARPER * this.getLevelScale(level), side = OLIVINE.section.tilePx;
      const bounds = this.getTileBounds(level, x, y, true);
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(bounds.width));
      canvas.height = Math.max(1, Math.round(bounds.height));
      const context = canvas.getContext("2d");
      OLIVINE.drawOutlines(context, (x * side) / scale, (y * side) / scale, scale).then(
        () => job.finish(context, null, "context2d"),
        (error) => job.fail(String(error), null)
      );
    }
    downloadTileAbort() {}
    hasTransparency() { return true; }
  }

  OLIVINE.startMap = function (view) {
    const { columns } = OLIVINE.section;
    viewer = OpenSeadragon({
      element: OLIVINE.byId("map"), drawer: "canvas", showNavigationControl: false, animationTime: 0.4,
      maxZoomPixelRatio: 8, visibilityRatio: 0.5, gestureSettingsMouse: { clickToZoom: false },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
      subPixelRoundingForTransparency: { "*": OpenSeadragon.SUBPIXEL_ROUNDING_OCCURRENCES.ALWAYS }, // no seams
      tileSources: OLIVINE.section.layers.map((layer) => ({
        tileSource: new ImagePictures(layer), opacity: layer.shown ? 1 : 0, preload: false,
        success: (event) => images.set(layer.name, event.item),
      })),
    });
    viewer.addHandler("open", () => {
      if (view) showPlace(view.x, view.y, view.width, true);
      redrawOutlines();
      OLIVINE.moved();
    });
    viewer.addHandler("canvas-click", async (event) => {
      if (!event.quick) return;
      const point = viewer.viewport.pointFromPixel(event.position);
      const row = await OLIVINE.crystalAt(point.x * columns, point.y * columns, 4 / pixelsPerPixel());
      OLIVINE.select(row);
    });
    viewer.addHandler("animation", drawScaleBar);
    viewer.addHandler("resize", drawScaleBar);
    viewer.addHandler("animation-finish", () => OLIVINE.moved());
    OLIVINE.byId("zoom-in").onclick = () => viewer.viewport.zoomBy(1.6);
    OLIVINE.byId("zoom-out").onclick = () => viewer.viewport.zoomBy(1 / 1.6);
    OLIVINE.byId("zoom-home").onclick = () => viewer.viewport.goHome();
    OLIVINE.viewer = viewer;
  };

  OLIVINE.moved = function () {
    drawScaleBar();
    OLIVINE.rememberPlace();
  };

  // Screen pixels that a pixel of the section is wide.
  function pixelsPerPixel() {
    return (viewer.viewport.getZoom(true) * viewer.viewport.getContainerSize().x) / OLIVINE.section.columns;
  }

  OLIVINE.place = function () {
    const bounds = viewer.viewport.getBounds(true), { columns } = OLIVINE.section;
    return {
      x: Math.round((bounds.x + bounds.width / 2) * columns), y: Math.round((bounds.y + bounds.height / 2) * columns),
      width: Math.round(bounds.width * columns),
    };
  };

  function showPlace(x, y, width, immediately) {
    const { columns } = OLIVINE.section, size = viewer.viewport.getContainerSize();
    const height = (width * size.y) / size.x;
    viewer.viewport.fitBounds(
      new OpenSeadragon.Rect((x - width / 2) / columns, (y - height / 2) / columns, width / columns, height / columns),
      immediately
    );
  }

  OLIVINE.setOpacity = function (name, opacity) {
    const item = images.get(name);
    if (item) item.setOpacity(opacity);
  };

  // New outlines come above the old ones, which go when the new ones are all there: nothing flickers.
  function redrawOutlines() {
    const old = outlines;
    outlinesVersion += 1;
    outlines = null;
    const drop = () => { if (old) viewer.world.removeItem(old); };
    if (!OLIVINE.state.outlines) return drop();
    const version = outlinesVersion;
    viewer.addTiledImage({
      tileSource: new OutlinePictures(version), width: 1,
      success: ({ item }) => {
        if (version !== outlinesVersion) return viewer.world.removeItem(item);
        outlines = item;
        if (item.getFullyLoaded()) drop();
        else item.addOnceHandler("fully-loaded-change", drop);
      },
    });
  }
  OLIVINE.listeners.push(() => { if (viewer && viewer.isOpen()) redrawOutlines(); });

  OLIVINE.markCrystal = function (row, go) {
    if (mark) viewer.removeOverlay(mark);
    mark = null;
    if (row < 0) return;
    const [x0, y0, x1, y1] = OLIVINE.boxOf(row), { columns } = OLIVINE.section;
    mark = OLIVINE.element("div", { className: "selected" });
    const pad = 0.08 * Math.max(x1 - x0, y1 - y0) + 2;
    viewer.addOverlay(mark, new OpenSeadragon.Rect(
      (x0 - pad) / columns, (y0 - pad) / columns, (x1 - x0 + 2 * pad) / columns, (y1 - y0 + 2 * pad) / columns
    ));
    if (go) showPlace((x0 + x1) / 2, (y0 + y1) / 2, 4 * Math.max(x1 - x0, y1 - y0, 40), false);
  };

  OLIVINE.niceLength = function (longest) {
    const decade = Math.pow(10, Math.floor(Math.log10(longest)));
    return decade * (longest >= 5 * decade ? 5 : longest >= 2 * decade ? 2 : 1);
  };

  OLIVINE.lengthText = (um) => (um >= 1000 ? um / 1000 + " mm" : um + " µm");

  function drawScaleBar() {
    const perUm = pixelsPerPixel() / OLIVINE.section.pixelUm;
    const length = OLIVINE.niceLength(180 / perUm);
    const bar = OLIVINE.byId("scale-bar");
    bar.firstElementChild.style.width = length * perUm + "px";
    bar.lastElementChild.textContent = OLIVINE.lengthText(length);
  }
})();
