// Buttons beside a formula that copy its LaTeX, BibTeX or SymPy source; without scripts they stay hidden.
"use strict";
{
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  for (const row of document.querySelectorAll(".formula-copy")) {
    row.hidden = false;
    row.addEventListener("click", async (event) => {
      const button = event.target.closest("button");
      if (button) {
        const done = await copy(button.dataset.copy);
        row.querySelector("output").textContent = done ? `${button.textContent} copied` : "the browser refused";
      }
    });
  }
}
