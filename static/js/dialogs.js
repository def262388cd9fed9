// Buttons with data-opens="id" open a <dialog>; those with data-closes close the one they are in.
// A dialog with data-confirms="text" lets its submit buttons work once exactly that text was typed into its [data-confirmation].

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.opens) document.getElementById(button.dataset.opens)?.showModal();
  if (button.dataset.closes !== undefined) button.closest("dialog")?.close();
});

document.addEventListener("input", (event) => {
  const dialog = event.target.matches("[data-confirmation]") && event.target.closest("dialog[data-confirms]");
  if (!dialog) return;
  const typed = event.target.value === dialog.dataset.confirms;
  for (const button of dialog.querySelectorAll("button[type=submit]")) button.disabled = !typed;
});
