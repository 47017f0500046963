// Shows the copy buttons (without this script they stay hidden) and makes them copy the address beside them.
for (const button of document.querySelectorAll("button[data-copied]")) {
  const field = button.parentElement.querySelector("input");
  const label = button.textContent;
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // The clipboard is closed to pages that did not come over HTTPS.
      field.select();
      document.execCommand("copy");
    }
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
