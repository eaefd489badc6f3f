// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system's theme applies.
(() => {
  const chosen = localStorage.getItem("parley.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  document.documentElement.classList.add("has-script");
})();
