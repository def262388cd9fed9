// Buttons with data-copy put its text on the clipboard and say so for a moment.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const status = button.querySelector("[role=status]");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    status.textContent = "Copied";
  } catch {
    // Without TLS a browser lends its clipboard to localhost only: select the text, for the keyboard to copy.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    status.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { status.textContent = ""; }, 2000);
});
