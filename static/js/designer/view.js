// How a picture lies in its window: moved by x and y, enlarged by k. Numbers only.

export const LEAST = 0.04;
export const MOST = 2;
const MARGIN = 28;

/** The same view, enlarged by `factor` around a point of the window. */
export function zoomed(view, factor, point) {
  const k = Math.min(MOST, Math.max(LEAST, view.k * factor));
  const ratio = k / view.k;
  return { k, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio };
}

/** All of `box` in the window. */
export function fitting(box, size) {
  const k = Math.max(LEAST, Math.min(1.25, (size.width - 2 * MARGIN) / box.width, (size.height - 2 * MARGIN) / box.height));
  return centred(box, size, k);
}

/** What one sees first: all of it if that can be read, else `core`, what matters most, from its upper left corner. */
export function opening(box, core, size) {
  const whole = fitting(box, size);
  if (whole.k >= 0.7) return whole;
  const shown = size.width < 0.7 * box.width ? core : box;
  const k = Math.min(1, Math.max(0.62, (size.width - 2 * MARGIN) / shown.width));
  const middle = centred(shown, size, k);
  return {
    k,
    x: shown.width * k > size.width - MARGIN ? MARGIN / 2 - shown.x * k : middle.x,
    y: Math.min(middle.y, 2 * MARGIN - shown.y * k),
  };
}

/** The same size, moved just so far that `box` is inside the window. */
export function revealing(view, box, size, margin = 48) {
  const left = box.x * view.k + view.x;
  const top = box.y * view.k + view.y;
  return {
    k: view.k,
    x: view.x + inside(left, left + box.width * view.k, size.width, margin),
    y: view.y + inside(top, top + box.height * view.k, size.height, margin),
  };
}

/** A sheet that holds the whole picture and what the window shows, with a window's room around; where 0, 0 is on it. */
export function sheetOf({ x, y, k }, box, size) {
  const left = Math.min(0, box.x * k + x) - size.width;
  const top = Math.min(0, box.y * k + y) - size.height;
  const right = Math.max(size.width, (box.x + box.width) * k + x) + size.width;
  const bottom = Math.max(size.height, (box.y + box.height) * k + y) + size.height;
  return { k, x: Math.round(x - left), y: Math.round(y - top), width: Math.ceil(right - left), height: Math.ceil(bottom - top) };
}

/** Whether the window, with this view, shows nothing beyond the sheet. */
export function isOn(sheet, { x, y, k }, size) {
  const [left, top] = [sheet.x - x, sheet.y - y];
  return sheet.k === k && left >= 0 && top >= 0 && left + size.width <= sheet.width && top + size.height <= sheet.height;
}

export function centredOn(view, box, size) { return centred(box, size, view.k); }

/** A point of the window as one of the picture. */
export function toPicture(view, point) { return { x: (point.x - view.x) / view.k, y: (point.y - view.y) / view.k }; }

export function toWindow(view, point) { return { x: point.x * view.k + view.x, y: point.y * view.k + view.y }; }

function centred(box, size, k) {
  return { k, x: (size.width - box.width * k) / 2 - box.x * k, y: (size.height - box.height * k) / 2 - box.y * k };
}

function inside(start, end, length, margin) {
  if (start < margin) return margin - start;
  if (end > length - margin) return Math.max(length - margin - end, margin - start);
  return 0;
}
