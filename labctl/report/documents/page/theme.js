"use strict";
// Before anything is drawn: a page that is remembered as dark must not flash white.
const THEME = "labctl-theme";
try {
  const theme = localStorage.getItem(THEME);
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden to a page, as in a frame; the system's theme will do.
}
